import type { Member } from '../broadcast/network.js'
import type { View } from '../broadcast/table.js'
import { VERSIONS } from '../broadcast/versions.js'

/** Who offers, accepts, prefers and speaks what. Versions are shown by their numbers. */
export const PROTOCOLS: View = {
  columns: ['node', 'state', 'offers', 'accepts', 'prefers', ...VERSIONS.map((name) => `speaks ${numberOf(name)}`)],
  units: [],
  cells: ({ name, state, row }: Member) => {
    if (row === undefined || state !== 'up') return [name, state]
    const { offers, accepts, speaks } = row
    return [
      name,
      state,
      offers.map(numberOf).join(' '),
      accepts.map(numberOf).join(' '),
      numberOf(accepts[0] ?? '-'),
      ...VERSIONS.map((version) => String(speaks[version] ?? 0)),
    ]
  },
}

function numberOf(protocol: string): string {
  return protocol.slice(protocol.lastIndexOf('/') + 1)
}
