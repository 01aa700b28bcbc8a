import { describe, expect, it } from '@jest/globals'
import type { Zones } from '../../../lib/addon/zones.js'
import { Paths } from '../../../lib/drivers/paths.js'
import type { ScriptDevice } from '../../../native/binding.js'

type Addresses = Pick<ScriptDevice, 'path' | 'pathHost' | 'pathPort' | 'pathScope' | 'forgetPaths'>

/** The addon's side: a number for each address, in order. */
class FakeDevice implements Addresses {
  readonly addresses: { host: string; port: number; scope: number }[] = []

  path(host: string, port: number, scope: number): number {
    const known = this.addresses.findIndex((one) => one.host === host && one.port === port && one.scope === scope)
    return known === -1 ? this.addresses.push({ host, port, scope }) - 1 : known
  }

  pathHost(path: number): string | null {
    return this.addresses[path]?.host ?? null
  }

  pathPort(path: number): number | null {
    return this.addresses[path]?.port ?? null
  }

  pathScope(path: number): number {
    return this.addresses[path]?.scope ?? 0
  }

  forgetPaths(): void {
    this.addresses.length = 0
  }
}

function rig(mapped: boolean): { device: FakeDevice; paths: Paths; interfaces: Map<string, number> } {
  const device = new FakeDevice()
  const interfaces = new Map([['eth0', 2]])
  const zones: Zones = {
    index: (zone) => interfaces.get(zone),
    spell: (index) => [...interfaces].find(([, one]) => one === index)?.[0] ?? String(index),
  }
  return { device, paths: new Paths(device as Addresses as ScriptDevice, mapped, zones), interfaces }
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
    expect(device.addresses.map(({ scope }) => scope)).toEqual([0, 2, 0])
  })

  it('sends to a link-local address by the name that its interface has now', () => {
    const { device, paths, interfaces } = rig(true)
    const before = device.path('fe80::1', 5, 2)
    expect(paths.remote(before)).toEqual({ host: 'fe80::1%eth0', port: 5 })
    interfaces.set('eth0', 7)
    expect(paths.remote(before)).toEqual({ host: 'fe80::1%2', port: 5 })
    const after = paths.number('fe80::1%eth0', 5, never)
    expect(after).not.toBe(before)
    expect(paths.remote(after)).toEqual({ host: 'fe80::1%eth0', port: 5 })
  })

  it("spells IPv4 addresses as IPv6's on an IPv6 socket only", () => {
    for (const [mapped, host] of [
      [true, '::ffff:10.0.0.1'],
      [false, '10.0.0.1'],
    ] as const) {
      const { device, paths } = rig(mapped)
      const number = device.path('10.0.0.1', 7, 0)
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
    expect(device.addresses).toEqual([{ host: '10.0.0.1', port: 16_384, scope: 0 }])
  })

  it('knows nothing of a number that the addon does not know', () => {
    expect(rig(false).paths.remote(3)).toBeUndefined()
  })
})
