import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { installLibp2p } from '../priority/transports/libp2p.js'
import { measureSeal } from '../seal.js'
import { boringtunVersion, buildGo, goVersions, installBoringtun, ROOT } from './foreign.js'
import type { Subject } from './pair.js'
import { reasonAgainstTunnels, reasonAgainstVeth } from './paths.js'
import type { Planned } from './plan.js'

/** A plan of what can be measured here. */
export interface Prepared {
  readonly plan: readonly Planned[]
  /** One line for each thing that cannot be, with the reason. */
  readonly leftOut: readonly string[]
  readonly versions: Readonly<Record<string, string>>
}

/** Brings the peers that do not ship with the package; a quick run takes none of them. */
export async function prepare(wanted: readonly Planned[], isQuick: boolean): Promise<Prepared> {
  const leftOut: string[] = []
  const versions: Record<string, string> = {
    warren: packageVersion('package.json'),
    Node: process.versions.node,
    OpenSSL: process.versions.openssl,
  }
  const absent = new Set<Part>()
  for (const part of PARTS) {
    const isWanted = wanted.some((planned) => planned.subjects.some((subject) => part.belongsTo(subject, planned)))
    if (!isWanted) continue
    const reason = isQuick ? '' : await part.bring()
    if (reason === undefined) Object.assign(versions, part.versions?.())
    else absent.add(part)
    if (reason) leftOut.push(`${part.name}: ${reason}`)
  }
  const isHere = (subject: Subject, planned: Planned): boolean =>
    ![...absent].some((part) => part.belongsTo(subject, planned))
  const plan = wanted
    .map((planned) => ({ ...planned, subjects: planned.subjects.filter((subject) => isHere(subject, planned)) }))
    .filter(({ subjects }) => subjects.length > 0)
  return { plan, leftOut, versions }
}

/** A peer or a path that may be missing. */
interface Part {
  readonly name: string
  belongsTo(subject: Subject, planned: Planned): boolean
  /** Gives why it is not to be had here. */
  bring(): string | undefined | Promise<string | undefined>
  versions?(): Readonly<Record<string, string>>
}

const PARTS: readonly Part[] = [
  {
    name: 'a link of 1,500 bytes',
    belongsTo: (_, { path }) => path === 'veth',
    bring: reasonAgainstVeth,
  },
  {
    name: 'js-libp2p',
    belongsTo: ({ stack }) => stack.startsWith('libp2p'),
    bring: installLibp2p,
    versions: () => ({ 'js-libp2p': packageVersion('target/bench-libp2p/node_modules/libp2p/package.json') }),
  },
  {
    name: 'quic-go and wireguard-go',
    belongsTo: ({ program, tunnel }) => program !== undefined || tunnel === 'wireguard-go',
    bring: buildGo,
    versions: goVersions,
  },
  {
    name: 'boringtun-cli',
    belongsTo: ({ tunnel }) => tunnel === 'boringtun',
    bring: installBoringtun,
    versions: () => boringtunVersion,
  },
  {
    name: 'WireGuard over TUN devices',
    belongsTo: ({ tunnel }) => tunnel !== undefined,
    bring: reasonAgainstTunnels,
  },
  {
    name: 'the cipher alone',
    belongsTo: ({ stack }) => stack === 'cipher',
    async bring() {
      try {
        await measureSeal()
        return undefined
      } catch (error) {
        return `cargo run: ${String(error).split('\n', 1)[0]}`
      }
    },
  },
]

function packageVersion(file: string): string {
  return (JSON.parse(readFileSync(join(ROOT, file), 'utf8')) as { version: string }).version
}
