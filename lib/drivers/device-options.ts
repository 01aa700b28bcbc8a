import type { DeviceOptions } from '../../native/binding.js'
import type { DriverOptions } from '../driver.js'

/** Chooses the options that the addon takes. */
export function deviceOptions(options: DriverOptions): DeviceOptions {
  const { privateKey, protocols, mtu, authorize, authorizeTimeout, deadAfter, heartbeat, uplink, lanes, limits } =
    options
  return {
    ...{ privateKey, protocols: [...protocols], mtu, authorize, authorizeTimeout, deadAfter, limits },
    ...(heartbeat === undefined || heartbeat === 0 ? {} : { heartbeat }),
    ...(uplink === undefined ? {} : { uplink }),
    lanes: lanes.map(({ rate, ...lane }) => (rate === undefined ? lane : { ...lane, rate })),
  }
}
