import type { Driver, DriverOptions, Receiver } from '../driver.js'
import { openNative } from './native.js'
import { openScript } from './script.js'
import type { World } from './world.js'

/** Opens the driver that was asked for; an abort meanwhile closes it again. */
export async function openDriver(
  kind: 'native' | 'script',
  options: DriverOptions,
  receiver: Receiver,
  signal: AbortSignal | undefined,
  world: World,
): Promise<Driver> {
  signal?.throwIfAborted()
  const driver = await opened(kind, options, receiver, world)
  if (!signal?.aborted) return driver
  await driver.close(0, '')
  throw signal.reason
}

async function opened(
  kind: 'native' | 'script',
  options: DriverOptions,
  receiver: Receiver,
  world: World,
): Promise<Driver> {
  try {
    if (world.open !== undefined) return await world.open(options, receiver)
    return await (kind === 'native' ? openNative(options, receiver) : openScript(options, receiver, world))
  } finally {
    // The addon has its own copy, which is wiped with the device.
    options.privateKey.fill(0)
  }
}
