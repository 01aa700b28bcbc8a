import { describe, expect, it } from '@jest/globals'
import { Paths } from '../../../lib/drivers/paths.js'
import type { ScriptDevice } from '../../../native/binding.js'

type Addresses = Pick<ScriptDevice, 'path' | 'pathHost' | 'pathPort' | 'forgetPaths'>

/** The addon's side: a number for each address, in order. */
class FakeDevice implements Addresses {
  readonly addresses: { host: string; port: number }[] = []

  path(host: string, port: number): number {
    const known = this.addresses.findIndex((address) => address.host === host && address.port === port)
    return known === -1 ? this.addresses.push({ host, port }) - 1 : known
  }

  pathHost(path: number): string | null {
    return this.addresses[path]?.host ?? null
  }

  pathPort(path: number): number | null {
    return this.addresses[path]?.port ?? null
  }

  forgetPaths(): void {
    this.addresses.length = 0
  }
}

function rig(mapped: boolean): { device: FakeDevice; paths: Paths } {
  const device = new FakeDevice()
  return { device, paths: new Paths(device as Addresses as ScriptDevice, mapped) }
}

const never = (): void => {
  throw new Error('nothing becomes void here')
}

describe('Paths', () => {
  it('answers a datagram as its sender was spelled, zone and all', () => {
    const { device, paths } = rig(true)
    for (const host of ['::ffff:10.0.0.1', 'fe80::1%eth0', '2001:db8::1']) {
      expect(paths.remote(paths.number(host, 5, never))).toEqual({ host, port: 5 })
    }
    expect(device.addresses.map(({ host }) => host)).toEqual(['::ffff:10.0.0.1', 'fe80::1', '2001:db8::1'])
  })

  it("spells IPv4 addresses as IPv6's on an IPv6 socket only", () => {
    for (const [mapped, host] of [
      [true, '::ffff:10.0.0.1'],
      [false, '10.0.0.1'],
    ] as const) {
      const { device, paths } = rig(mapped)
      const number = device.path('10.0.0.1', 7)
      expect(paths.remote(number)).toEqual({ host, port: 7 })
    }
  })

  it('asks the addon once for each address', () => {
    const { device, paths } = rig(false)
    const number = paths.number('10.0.0.1', 5, never)
    device.addresses.length = 0
    expect(paths.number('10.0.0.1', 5, never)).toBe(number)
    expect(paths.remote(number)).toEqual({ host: '10.0.0.1', port: 5 })
  })

  it('forgets all numbers before there are too many, and says so first', () => {
    const { device, paths } = rig(false)
    let told = 0
    const before = (): void => {
      told++
      expect(device.addresses).toHaveLength(16_384)
    }
    for (let port = 0; port < 16_385; port++) paths.number('10.0.0.1', port, before)
    expect(told).toBe(1)
    expect(device.addresses).toEqual([{ host: '10.0.0.1', port: 16_384 }])
  })

  it('knows nothing of a number that the addon does not know', () => {
    expect(rig(false).paths.remote(3)).toBeUndefined()
  })
})
