import { describe, expect, it } from '@jest/globals'
import { Families } from '../../../lib/versions/families.js'
import { PeerSettings, Settings } from '../../../lib/versions/settings.js'
import { VirtualClock } from '../virtual-clock.js'

const BOTH = { offer: ['p/2', 'p/1'], accept: ['p/2', 'p/1'] }
const NEW = { offer: ['p/2'], accept: ['p/2'] }

function rig() {
  const clock = new VirtualClock()
  const device = new Settings(BOTH, ['quic/1'], new Families(), clock)
  const changes = { count: 0 }
  const peer = new PeerSettings(device, () => {
    changes.count += 1
  })
  return { clock, device, peer, changes }
}

describe('Settings', () => {
  it('hold for a peer that has none of its own, and count each change', () => {
    const { device, peer, changes } = rig()
    const first = peer.sent
    expect(first).toMatchObject({ ...BOTH, below: [], transports: ['quic/1'] })
    device.setLists(NEW)
    expect(peer.sent).toMatchObject(NEW)
    expect(peer.sent.generation).toBeGreaterThan(first.generation)
    expect(changes.count).toBe(1)
  })

  it("of a peer take the place of the device's, until they are taken back", () => {
    const { device, peer } = rig()
    peer.setLists(NEW)
    expect([peer.sent.offer, device.sent.offer]).toEqual([['p/2'], ['p/2', 'p/1']])
    const own = peer.sent.generation
    peer.setLists(undefined)
    expect(peer.sent.offer).toEqual(['p/2', 'p/1'])
    expect(peer.sent.generation).toBeGreaterThan(own)
  })

  it('have transports of a peer as well', () => {
    const { peer } = rig()
    peer.setTransports(['other/1'])
    expect(peer.sent).toMatchObject({ ...BOTH, transports: ['other/1'] })
    peer.setTransports(undefined)
    expect(peer.sent.transports).toEqual(['quic/1'])
  })

  it('leave out what is below a floor, and say so', () => {
    const { device, peer } = rig()
    device.floors.set({ protocol: 'p/2', from: 0, grace: 1 })
    expect(peer.sent).toMatchObject({ ...NEW, leftOut: ['p/1'] })
    expect(peer.floorAbove('p/1')).toMatchObject({ protocol: 'p/2' })
    expect(peer.floorAbove('p/2')).toBeUndefined()
    device.floors.clear('p')
    expect(peer.sent).toMatchObject({ ...BOTH, below: [] })
  })

  it('have the higher one of two floors hold', () => {
    const { device, peer } = rig()
    peer.setFloor({ protocol: 'p/3', from: 0, grace: 1 })
    device.floors.set({ protocol: 'p/2', from: 0, grace: 1 })
    expect(peer.sent).toMatchObject({ offer: [], accept: [], leftOut: ['p/2', 'p/1'] })
    peer.clearFloor('p')
    expect(peer.sent.offer).toEqual(['p/2'])
    peer.setFloor({ protocol: 'p/1', from: 0, grace: 1 })
    expect(peer.sent.offer).toEqual(['p/2'])
  })

  it('raise a floor at its date, also when the clock of the calendar is far away', async () => {
    const { clock, device, peer, changes } = rig()
    device.floors.set({ protocol: 'p/2', from: clock.date() + 200_000, grace: 1 })
    expect(peer.sent.offer).toEqual(['p/2', 'p/1'])
    expect(changes.count).toBe(0)
    await clock.advance(199_999)
    expect(changes.count).toBe(0)
    await clock.advance(1)
    expect(changes.count).toBe(1)
    expect(peer.sent.offer).toEqual(['p/2'])
    expect(clock.pending).toBe(0)
  })

  it('keep the floor of before until the next one holds', async () => {
    const { clock, device, peer } = rig()
    device.setLists({ offer: ['p/3', 'p/2', 'p/1'], accept: [] })
    device.floors.set({ protocol: 'p/2', from: 0, grace: 1 })
    device.floors.set({ protocol: 'p/3', from: clock.date() + 1_000, grace: 1 })
    expect(peer.sent.offer).toEqual(['p/3', 'p/2'])
    await clock.advance(1_000)
    expect(peer.sent.offer).toEqual(['p/3'])
  })

  it('know of names that left the lists that they are below a floor, and of as many by their numbers as a driver takes', () => {
    const { device, peer } = rig()
    device.setLists({ offer: ['p/0.5', 'p/2'], accept: ['p/2'] })
    peer.setLists({ offer: ['p/2'], accept: ['p/2'] })
    expect([device.sent.below, device.hasListed('p/0.5'), device.hasListed('p/9')]).toEqual([[], true, false])
    device.setLists({ offer: ['p/2'], accept: ['p/2'] })
    device.floors.set({ protocol: 'p/2', from: 0, grace: 1 })
    expect([device.sent.leftOut, device.sent.below]).toEqual([[], ['p/0.5', 'p/1', 'p/0']])
    expect(peer.sent.below).toEqual(device.sent.below)
    for (let n = 1; n <= 300; n++) device.setLists({ offer: [`p/1.${n}`], accept: [] })
    expect([device.sent.leftOut.length, device.sent.below.length]).toEqual([1, 64])
    expect(device.hasListed('p/0.5')).toBe(false)
  })

  it('lower a floor as they raise it, and call off the one to come', async () => {
    const { clock, device, peer } = rig()
    device.floors.set({ protocol: 'p/2', from: clock.date() + 1_000, grace: 1 })
    device.floors.set({ protocol: 'p/1', from: 0, grace: 1 })
    await clock.advance(2_000)
    expect(peer.sent.offer).toEqual(['p/2', 'p/1'])
  })
})
