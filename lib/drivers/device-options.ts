import type { DeviceOptions, ProtocolLists } from '../../native/binding.js'
import type { DriverOptions, DriverProtocols } from '../driver.js'

/** Chooses the options that the addon takes. */
export function deviceOptions(options: DriverOptions): DeviceOptions {
  const { privateKey, protocols, mtu, authorize, authorizeTimeout, deadAfter, heartbeat, uplink, lanes, limits } =
    options
  return {
    ...{ privateKey, protocols: protocolLists(protocols), mtu, authorize, authorizeTimeout, deadAfter, limits },
    ...(heartbeat === undefined || heartbeat === 0 ? {} : { heartbeat }),
    ...(uplink === undefined ? {} : { uplink }),
    lanes: lanes.map(({ rate, ...lane }) => (rate === undefined ? lane : { ...lane, rate })),
  }
}

/** Gives the addon arrays of its own. */
export function protocolLists({ older = [], ...own }: DriverProtocols): ProtocolLists {
  const { generation, offer, accept, below, transports } = own
  const all = [...below, ...older]
  return { generation, offer: [...offer], accept: [...accept], below: all, transports: [...transports] }
}
