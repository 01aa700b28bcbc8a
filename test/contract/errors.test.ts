import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { Readable } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import { describe, expect, it, jest } from '@jest/globals'
import * as warren from 'warren'
import { type Connection, type Device, type DeviceOptions, PrivateKey } from 'warren'
import { addon } from '../../lib/addon/addon.js'
import { WARREN_ERROR_CODES } from '../../lib/errors.js'
import { type Connected, eachDriver, endpointOf, type Network } from './network.js'
import type { Wire } from './wire.js'

interface Entry {
  readonly code: string
  readonly text: string
  readonly program: string
}

const ENTRIES: readonly Entry[] = readFileSync(join(__dirname, '../../docs/errors.md'), 'utf8')
  .split(/^## /m)
  .slice(1)
  .map((text) => ({
    code: text.split('\n', 1)[0] ?? '',
    text,
    program: /```js\n([\s\S]*?)```/.exec(text)?.[1]?.trimEnd() ?? '',
  }))

describe('docs/errors.md', () => {
  it('has a program for every code that takes no broken end', () => {
    expect(ENTRIES.filter(({ program }) => program === '').map(({ code }) => code)).toEqual([
      'ERR_WARREN_LISTS_DIFFER',
      'ERR_WARREN_PEER_DIALS',
      'ERR_WARREN_PROTOCOL_VIOLATION',
    ])
  })

  it('has every code once, in order', () => {
    expect(ENTRIES.map(({ code }) => code)).toEqual([...WARREN_ERROR_CODES].sort())
  })

  it.each(ENTRIES)('$code: cause, cure, and two lines that show it', ({ text, program }) => {
    expect(text).toMatch(/\*\*Cause\.\*\* \S/)
    expect(text).toMatch(/\*\*Cure\.\*\* \S/)
    expect(program === '' ? 0 : program.split('\n').length).toBe(text.includes('No program of two lines') ? 0 : 2)
  })
})

eachDriver('the programs of docs/errors.md', (network) => {
  it.each(ENTRIES.filter(({ program }) => program !== ''))('$code', async ({ code, program }) => {
    const scope = await scopeOf(network)
    const run = new AsyncFunction(...Object.keys(scope), program)
    const error = await run(...Object.values(scope)).then(
      () => 'no error',
      (thrown: unknown) => thrown,
    )
    expect(error).toMatchObject({ code, message: expect.any(String) })
    expect((error as Error).stack).toContain((error as Error).name)
  })
})

async function scopeOf(network: Network): Promise<Record<string, unknown>> {
  const options = { deadAfter: 300, lanes: { 13: { full: 'close' } } } as const
  const connected = await network.connected(options, options, {})
  const { near: device, far: other, peer, connection, accepted, wire } = connected
  device.on('error', () => undefined)
  return {
    ...warren,
    Device: { open: (options: DeviceOptions) => network.open(options) },
    device,
    other,
    peer,
    connection,
    accepted,
    wire,
    endpointOf,
    pipeline,
    stranger: PrivateKey.generate().publicKey,
    plainWireGuard: await plainWireGuard(network),
    restart: () => restart(network, connected),
    superseded: () => superseded(network),
    panic: (broken: Device) => provokePanic(network, broken),
    onAnotherSystem,
    zeros: Readable.from(zeros()),
  }
}

/** A peer of which only handshakes and keepalives arrive. */
async function plainWireGuard(network: Network): Promise<{ publicKey: string; endpoint: string }> {
  const far = await network.open({ authorize: () => true })
  const wire = await network.lay(far, { carries: (datagram) => datagram[0] !== 4 || datagram.length === 32 })
  return { publicKey: far.publicKey, endpoint: wire.endpoint }
}

async function restart(network: Network, { near, far, wire }: Connected & { wire: Wire }): Promise<void> {
  await network.crash(far, wire)
  const reborn = await network.open({ privateKey: network.keyOf(far) })
  await reborn.addPeer({ publicKey: near.publicKey, endpoint: endpointOf(near) }).connect()
}

/** A connection that another one took the place of, and whose grace is over. */
async function superseded(network: Network): Promise<Connection> {
  const both = { protocols: ['warren/1'], moves: { grace: 1 } }
  const { near, far, connection } = await network.connected(both, both)
  for (const device of [near, far]) device.setProtocols(['warren/2', 'warren/1'])
  await connection.closed
  return connection
}

/** Gives the engine an odd number for a stream, which no driver does: those are the engine's own. */
function provokePanic({ driver }: Network, device: Device): void {
  const { prototype } = driver === 'native' ? addon().NativeDevice : addon().ScriptDevice
  const { stats } = prototype
  let inner: Pick<typeof prototype, 'openStream'> | undefined
  prototype.stats = function (this: typeof prototype) {
    inner = this
    return stats.call(this)
  } as typeof stats
  device.stats()
  prototype.stats = stats
  inner?.openStream(0, 1, false, 0, undefined)
}

/** The package as it would be on a system for which there is no addon. */
function onAnotherSystem(): typeof warren {
  const arch = Object.getOwnPropertyDescriptor(process, 'arch') as PropertyDescriptor
  let copy: typeof warren | undefined
  Object.defineProperty(process, 'arch', { ...arch, value: 'vax' })
  jest.isolateModules(() => {
    copy = jest.requireActual<typeof warren>('../../lib/index.js')
  })
  return new Proxy(copy as typeof warren, {
    get: (module, name) =>
      name !== 'Device'
        ? Reflect.get(module, name)
        : {
            open: (options: DeviceOptions) =>
              module.Device.open(options).finally(() => Object.defineProperty(process, 'arch', arch)),
          },
  })
}

function* zeros(): Generator<Buffer> {
  for (;;) yield Buffer.alloc(16_384)
}

const AsyncFunction = (async () => {}).constructor as new (
  ...source: string[]
) => (...values: unknown[]) => Promise<unknown>
