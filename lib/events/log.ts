import { debuglog } from 'node:util'

/** Writes one line to stderr, with the time (UTC) and the section ahead. */
export type Log = (line: string) => void

/**
 * The sections of `NODE_DEBUG`, as `docs/logging.md` lists them; `undefined` where it names neither the section nor `warren`. Then
 * a call as `log.dial?.(…)` costs one look, and its line is never made.
 */
export const log = {
  peer: logOf('peer'),
  dial: logOf('dial'),
  connection: logOf('connection'),
  stream: logOf('stream'),
  io: logOf('io'),
}

/** A public key in a line: the eight characters that tell it from others. */
export function brief(publicKey: string): string {
  return `${publicKey.slice(0, 8)}…`
}

function logOf(section: string): Log | undefined {
  const write = [debuglog(`warren:${section}`), debuglog('warren')].find(({ enabled }) => enabled)
  return write && ((line) => write('%s', `${new Date().toISOString()} ${section} ${line}`))
}
