import { Buffer } from 'node:buffer'
import { engineLimits } from '../arguments/limits.js'
import type { DriverOptions } from '../driver.js'
import { FIRST_GENERATION } from '../versions/settings.js'
import type { ParsedDeviceOptions } from './device-options.js'

/** Options of a device, as its driver takes them. */
export function driverOptions(options: ParsedDeviceOptions): DriverOptions {
  const {
    listen,
    protocols: lists,
    transports: names,
    mtu,
    maxMtu,
    authorize,
    authorizeTimeout,
    deadAfter,
    heartbeat,
    uplink,
    lanes,
    limits,
  } = options
  const privateKey = Buffer.from(options.privateKey.export(), 'base64')
  const protocols = { ...lists, generation: FIRST_GENERATION, below: [], transports: names }
  const shared = {
    listen,
    protocols,
    mtu,
    maxMtu,
    authorizeTimeout,
    deadAfter,
    heartbeat,
    uplink,
    lanes: [...lanes.values()],
  }
  return { ...shared, privateKey, authorize: authorize !== undefined, limits: engineLimits(limits) }
}
