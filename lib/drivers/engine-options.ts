import type * as addon from '../../native/binding.js'
import type { DriverOptions } from '../driver.js'

/** Chooses the options that the addon takes. */
export function engineOptions({ listen: _, heartbeat, ...options }: DriverOptions): addon.EngineOptions {
  // The addon's types let no list be read-only, and nothing be undefined.
  return { ...options, heartbeat: heartbeat === 0 ? undefined : heartbeat } as addon.EngineOptions
}
