import { addon } from './addon.js'

/** The zones of link-local addresses (RFC 4007 section 11): interfaces, which the engine knows by number and people by name. */
export interface Zones {
  /** The number of a zone that is written by name or number; `undefined`: there is no such interface now. */
  index(zone: string): number | undefined
  /** As the system spells it: by name, or by number where there is no such interface, and on Windows. */
  spell(index: number): string
}

/** Zones of this system, looked up again after a second: interfaces come and go, datagrams come by the thousand. */
export const systemZones: Zones = {
  index(zone) {
    if (/^\d+$/.test(zone)) return Number(zone)
    return recent(indices, zone, () => addon().interfaceIndex(zone) ?? undefined)
  },
  spell(index) {
    return recent(names, index, () => addon().interfaceName(index) ?? undefined) ?? String(index)
  },
}

interface Answer<Value> {
  readonly value: Value | undefined
  readonly until: number
}

const indices = new Map<string, Answer<number>>()
const names = new Map<number, Answer<string>>()

function recent<Key, Value>(
  answers: Map<Key, Answer<Value>>,
  key: Key,
  ask: () => Value | undefined,
): Value | undefined {
  const now = performance.now()
  const known = answers.get(key)
  if (known !== undefined && now < known.until) return known.value
  if (answers.size >= MOST_ANSWERS) answers.clear()
  const value = ask()
  answers.set(key, { value, until: now + ANSWER_MS })
  return value
}

const ANSWER_MS = 1_000

/** More than machines have interfaces. */
const MOST_ANSWERS = 1_024
