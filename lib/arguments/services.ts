import { readFileSync } from 'node:fs'
import { join } from 'node:path'

/** The UDP port of a service by the table of this system (services(5)); `undefined`: it has none of this name. */
export function servicePort(name: string): number | undefined {
  try {
    return findService(readFileSync(SERVICES, 'utf8'), name)
  } catch {
    return undefined
  }
}

/** The table of this system. */
export const SERVICES =
  process.platform === 'win32'
    ? join(process.env.SystemRoot ?? 'C:\\Windows', 'System32', 'drivers', 'etc', 'services')
    : '/etc/services'

/** Finds a service in the text of such a table. Names are case-sensitive. */
export function findService(table: string, name: string): number | undefined {
  for (const line of table.split('\n')) {
    const [service, where = '', ...aliases] = line.replace(/#.*/, '').trim().split(/\s+/)
    const port = /^(\d{1,5})\/udp$/.exec(where)?.[1]
    if (port !== undefined && (service === name || aliases.includes(name))) return Number(port)
  }
  return undefined
}
