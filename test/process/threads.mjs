// What a process holds that devices could leave behind.

import { readdirSync, readFileSync, readlinkSync } from 'node:fs'
import { setTimeout as sleep } from 'node:timers/promises'

/** Threads of devices in this process (Linux). */
export function deviceThreads() {
  return readdirSync('/proc/self/task').filter((task) => {
    try {
      return readFileSync(`/proc/self/task/${task}/comm`, 'utf8') === 'warren\n'
    } catch {
      return false
    }
  }).length
}

/** Open descriptors of this process by what they are (Linux). */
export function descriptors() {
  return readdirSync('/proc/self/fd').flatMap((descriptor) => {
    try {
      return [readlinkSync(`/proc/self/fd/${descriptor}`).replace(/\d+/g, 'N')]
    } catch {
      return []
    }
  }).length
}

/** Waits until it is so, at most ten seconds; what it came to. */
export async function eventually(is, wanted) {
  for (let tries = 0; tries < 1000; tries++) {
    if ((await is()) === wanted) return wanted
    await sleep(10)
  }
  return await is()
}

export const linux = { skip: process.platform === 'linux' ? false : 'reads /proc' }
