import { mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'

/** Where the foreign peers are built. */
export const BUILT = fileURLToPath(new URL('../../target/interop', import.meta.url))

/** Runs `build` while no other test file does: several need the same foreign peer, and begin at once. */
export function exclusively(what, build) {
  mkdirSync(BUILT, { recursive: true })
  const lock = `${BUILT}/${what}.lock`
  while (!taken(lock)) Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 200)
  try {
    return build()
  } finally {
    rmSync(lock)
  }
}

function taken(lock) {
  try {
    writeFileSync(lock, String(process.pid), { flag: 'wx' })
    return true
  } catch (error) {
    if (error.code !== 'EEXIST') throw error
    if (!lives(holder(lock))) rmSync(lock, { force: true })
    return false
  }
}

/** `undefined` if it has just gone, or is about to say so. */
function holder(lock) {
  try {
    return Number(readFileSync(lock, 'utf8')) || undefined
  } catch {
    return undefined
  }
}

function lives(pid) {
  if (pid === undefined) return true
  try {
    return process.kill(pid, 0)
  } catch (error) {
    return error.code !== 'ESRCH'
  }
}
