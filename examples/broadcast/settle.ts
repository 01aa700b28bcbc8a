import type { Check, Verdict } from './check.js'
import { now, until } from './clock.js'

const CHECK_INTERVAL_MS = 250

/** When nothing arrived anywhere for this long, nothing more will: what is missing then is lost. */
const QUIET_MS = 5_000

/** The verdict once everything has arrived; or once nothing moves any more; or after `seconds`. */
export async function settle(check: Check, seconds: number, say: (text: string) => void): Promise<Verdict> {
  const deadline = now() + seconds * 1_000
  let verdict = check.verdict()
  let changed = now()
  while (verdict.lost.length > 0 && now() < changed + QUIET_MS) {
    if (now() > deadline) {
      say(`Objects were still arriving after ${seconds} s: give them longer (--drain).`)
      break
    }
    await until(now() + CHECK_INTERVAL_MS)
    const before = verdict
    verdict = check.verdict()
    if (verdict.delivered !== before.delivered) changed = now()
  }
  return verdict
}
