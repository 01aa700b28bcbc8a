import { beforeEach, describe, expect, it } from '@jest/globals'
import type { Zones } from '../../../lib/addon/zones.js'
import { parseEndpoint } from '../../../lib/arguments/endpoint.js'
import { Endpoints, knownAddresses } from '../../../lib/peer/endpoint-rotation.js'
import { Names } from '../../../lib/peer/names.js'
import { settle, VirtualClock } from '../virtual-clock.js'

let clock: VirtualClock
let hosts: Map<string, readonly string[]>
let asked: string[]
let interfaces: Map<string, number>
let isUp: boolean
let given: (readonly string[])[]
let endpoints: Endpoints

const zones: Zones = {
  index: (zone) => (/^\d+$/.test(zone) ? Number(zone) : interfaces.get(zone)),
  spell: (index) => [...interfaces].find(([, one]) => one === index)?.[0] ?? String(index),
}

beforeEach(() => {
  clock = new VirtualClock()
  hosts = new Map([
    ['two', ['fd00::1', 'fd00::2', '10.0.0.1']],
    ['one', ['10.0.0.9']],
  ])
  asked = []
  interfaces = new Map([['eth0', 3]])
  isUp = false
  given = []
  const names = new Names(clock, async (host) => {
    asked.push(host)
    const found = hosts.get(host)
    if (found === undefined) throw new Error(`ENOTFOUND ${host}`)
    return found
  })
  const link = { clock, isUp: () => isUp, changed: (list: readonly string[]) => given.push(list) }
  endpoints = new Endpoints(link, names, zones)
})

const parsed = (...texts: string[]) => texts.map((text) => parseEndpoint(text))

async function configure(...texts: string[]): Promise<void> {
  endpoints.configure(parsed(...texts))
  await settle()
}

describe('Endpoints', () => {
  it('knows all addresses that are written at once, and never asks about them', async () => {
    expect(knownAddresses(parsed('10.0.0.1:1', 'two:2', '[::ffff:10.0.0.2]:3', '10.0.0.1:1'), zones)).toEqual([
      '10.0.0.1:1',
      '10.0.0.2:3',
    ])
    await configure('10.0.0.1:1', '[fd00::2]:2')
    await endpoints.refresh()
    await endpoints.locate()
    expect([asked, given]).toEqual([[], []])
  })

  it('gives the whole list, endpoints as configured but the families in turn', async () => {
    await configure('one:1', '10.0.0.7:2', 'two:3')
    expect(given.at(-1)).toEqual(['10.0.0.9:1', '[fd00::1]:3', '10.0.0.7:2', '[fd00::2]:3', '10.0.0.1:3'])
  })

  it('does not wait for a name where an address is known', async () => {
    hosts.delete('one')
    await configure('one:1', '10.0.0.7:2')
    await endpoints.locate()
    expect(given).toEqual([])
  })

  it('asks again when something went unanswered, tells what changed, and nothing else', async () => {
    await configure('one:1')
    expect(given).toEqual([['10.0.0.9:1']])
    await clock.advance(5_000)
    await endpoints.refresh()
    hosts.set('one', ['10.0.0.8', '10.0.0.9'])
    await endpoints.refresh()
    expect([asked, given.length]).toEqual([['one', 'one'], 1])
    await clock.advance(5_000)
    isUp = true
    await endpoints.refresh()
    expect(given.at(-1)).toEqual(['10.0.0.8:1', '10.0.0.9:1'])
    hosts.set('one', ['10.0.0.9', '10.0.0.8'])
    await clock.advance(5_000)
    await endpoints.refresh()
    expect(given).toHaveLength(2)
  })

  it('asks again by itself where an answer was too young to be asked for again', async () => {
    await configure('one:1')
    await clock.advance(1_000)
    hosts.set('one', ['10.0.0.8'])
    await endpoints.refresh()
    expect(given).toHaveLength(1)
    await clock.advance(4_000)
    expect(given.at(-1)).toEqual(['10.0.0.8:1'])
    await clock.advance(60_000)
    expect(asked).toHaveLength(2)
  })

  it('keeps the addresses of a name that is not found any more', async () => {
    await configure('one:1', 'two:2')
    hosts.delete('one')
    hosts.set('two', ['10.0.0.2'])
    await clock.advance(5_000)
    await endpoints.refresh()
    expect(given.at(-1)).toEqual(['10.0.0.9:1', '10.0.0.2:2'])
  })

  it('fails to locate when nothing is found, naming all that was tried', async () => {
    await configure('missing:1', 'gone:2')
    await expect(endpoints.locate()).rejects.toMatchObject({
      code: 'ERR_WARREN_NAME_NOT_RESOLVED',
      message: expect.stringContaining('missing, gone'),
      cause: expect.objectContaining({ message: expect.stringContaining('ENOTFOUND') }),
    })
  })

  it('goes on asking by itself while no address is known at all, and stops', async () => {
    await configure('late:1')
    await clock.advance(60_000)
    expect(asked.length).toBeGreaterThan(2)
    expect(asked.length).toBeLessThan(6)
    hosts.set('late', ['10.0.0.4'])
    await clock.advance(60_000)
    expect(given).toEqual([['10.0.0.4:1']])
    expect(clock.pending).toBe(0)
    await configure('missing:1')
    endpoints.stop()
    expect(clock.pending).toBe(0)
  })

  it('asks nobody for a tunnel that is up, and nobody when there is no endpoint', async () => {
    await endpoints.locate()
    await configure('one:1')
    isUp = true
    await clock.advance(10_000)
    await endpoints.locate()
    expect(asked).toEqual(['one'])
  })

  it('forgets answers about names that are configured no more', async () => {
    endpoints.configure(parsed('two:1'))
    endpoints.configure(parsed('one:1'))
    await settle()
    expect(given).toEqual([['10.0.0.9:1']])
  })

  it('knows an interface by the number that it has at each attempt', async () => {
    expect(knownAddresses(parsed('[fe80::1%eth0]:5', '[fe80::2%9]:6', '[fe80::3%eth1]:7'), zones)).toEqual([
      '[fe80::1%3]:5',
      '[fe80::2%9]:6',
    ])
    await configure('[fe80::1%eth1]:5')
    await expect(endpoints.locate()).rejects.toMatchObject({
      message: expect.stringContaining('fe80::1%eth1'),
      cause: expect.objectContaining({ message: 'there is no interface eth1 now' }),
    })
    interfaces.set('eth1', 4)
    await clock.advance(1_000)
    interfaces.set('eth1', 5)
    await endpoints.refresh()
    expect(given).toEqual([['[fe80::1%4]:5'], ['[fe80::1%5]:5']])
  })

  it('spells a link-local address as it was configured, or by the name of its interface', async () => {
    await configure('[fe80::1%eth0]:5', '[fe80::2%3]:5')
    expect(endpoints.spell('[fe80::1%eth0]:5')).toBe('[fe80::1%eth0]:5')
    expect(endpoints.spell('[fe80::2%eth0]:5')).toBe('[fe80::2%3]:5')
    expect(endpoints.spell('[fe80::3%eth0]:5')).toBe('[fe80::3%eth0]:5')
  })

  it('bounds the addresses of names, with room for each endpoint', async () => {
    hosts.set(
      'many',
      Array.from({ length: 100 }, (_, index) => `10.0.1.${index}`),
    )
    await configure('many:1', 'one:2')
    expect(given.at(-1)).toHaveLength(17)
    expect(given.at(-1)).toContain('10.0.0.9:2')
  })
})
