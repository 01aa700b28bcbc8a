import { constants } from 'node:os'
import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import { describe, expect, it } from '@jest/globals'
import type { Connection } from '../../../lib/connection/connection.js'
import { Dial, type DialReceiver } from '../../../lib/dial/dial.js'
import type { DriverClose } from '../../../lib/driver.js'
import { Endpoints } from '../../../lib/peer/endpoint-rotation.js'
import { Names } from '../../../lib/peer/names.js'
import { settle, VirtualClock } from '../virtual-clock.js'

const CONNECTION = { protocol: 'a' } as Connection

interface Rig {
  readonly dial: Dial<Connection>
  readonly clock: VirtualClock
  /** The dials of the driver, with the time limit of each. */
  readonly dials: { readonly timeout: number; readonly receiver: DialReceiver }[]
  readonly cancelled: number[]
  isUp: boolean
  isOver: boolean
  located: number
  live: Connection | undefined
  locate: () => Promise<void>
  refuse: unknown
}

function rig(): Rig {
  const clock = new VirtualClock()
  const rig: Omit<Rig, 'dial'> = {
    clock,
    dials: [],
    cancelled: [],
    isUp: false,
    isOver: false,
    located: 0,
    live: undefined,
    locate: async () => undefined,
    refuse: undefined,
  }
  const dial = new Dial<Connection>({
    device: 'own',
    publicKey: 'key',
    offered: ['a'],
    listens: undefined,
    clock,
    tunnel: () => ({ endpoint: '192.0.2.1:7', upFor: rig.isUp ? 1 : undefined, isWarren: false }),
    locate: () => {
      rig.located += 1
      return rig.locate()
    },
    connect: (timeout, receiver) => {
      if (rig.refuse !== undefined) throw rig.refuse
      return rig.dials.push({ timeout, receiver })
    },
    cancel: (connection) => rig.cancelled.push(connection),
    find: () => rig.live,
    over: () => {
      rig.isOver = true
    },
  })
  return Object.assign(rig, { dial })
}

function heapAfterCollection(): number {
  setFlagsFromString('--expose-gc')
  runInNewContext('gc')()
  return process.memoryUsage().heapUsed
}

function close(cause: DriverClose['cause'], by: DriverClose['by'] = 'network'): DriverClose {
  return { by, code: 0, reason: '', cause }
}

describe('Dial', () => {
  it('gives everyone who joined the one connection', async () => {
    const { dial, dials, clock } = rig()
    const joined = [dial.join(1_000, undefined), dial.join(2_000, undefined)]
    await settle()
    expect(dials.map(({ timeout }) => timeout)).toEqual([2_000])
    dial.arrived(CONNECTION)
    expect(await Promise.all(joined)).toEqual([CONNECTION, CONNECTION])
    expect(clock.pending).toBe(0)
  })

  it('gives the connection early to whoever wants it so, and cancels it for nobody who gives up later', async () => {
    const rigged = rig()
    const gaveUp = new AbortController()
    const early = rigged.dial.join(1_000, undefined, true)
    const plain = rigged.dial.join(1_000, gaveUp.signal)
    await settle()
    rigged.dial.early(CONNECTION)
    expect(await early).toBe(CONNECTION)
    expect(rigged.isOver).toBe(false)
    gaveUp.abort(new Error('enough'))
    await expect(plain).rejects.toThrow('enough')
    expect([rigged.isOver, rigged.cancelled]).toEqual([true, []])
  })

  it('is over once everyone has the connection early, and tries nothing more', async () => {
    const rigged = rig()
    const early = rigged.dial.join(1_000, undefined, true)
    await settle()
    rigged.dial.early(CONNECTION)
    expect(await early).toBe(CONNECTION)
    expect([rigged.isOver, rigged.cancelled]).toEqual([true, []])
    rigged.dials[0]?.receiver.closed(close('refused'))
    await rigged.clock.advance(10_000)
    expect(rigged.dials).toHaveLength(1)
  })

  it('is over once everyone has an answer, and leaves its own dial to end as it may', async () => {
    const rigged = rig()
    const joined = rigged.dial.join(1_000, undefined)
    await settle()
    rigged.dial.arrived(CONNECTION)
    expect(await joined).toBe(CONNECTION)
    expect(rigged.isOver).toBe(true)
    expect(rigged.cancelled).toEqual([])
    rigged.dials[0]?.receiver.closed(close('duplicate'))
    await rigged.clock.advance(10_000)
    expect(rigged.dials).toHaveLength(1)
  })

  it.each<[string, DriverClose['cause'], string]>([
    ['no endpoint', 'no-endpoint', 'ERR_WARREN_NO_ENDPOINT'],
    ['no common protocol', 'no-protocol', 'ERR_WARREN_NO_COMMON_PROTOCOL'],
    ['a broken peer', 'protocol', 'ERR_WARREN_PROTOCOL_VIOLATION'],
    ['a peer that is being closed', 'application', 'ERR_WARREN_CONNECTION_REFUSED'],
  ])('fails at once for %s', async (_, cause, code) => {
    const { dial, dials, clock } = rig()
    const joined = dial.join(10_000, undefined)
    await settle()
    dials[0]?.receiver.closed(close(cause, 'remote'))
    await expect(joined).rejects.toMatchObject({ code, peer: 'key' })
    expect(clock.pending).toBe(0)
  })

  it.each<[boolean, string]>([
    [false, 'ERR_WARREN_NO_HANDSHAKE'],
    [true, 'ERR_WARREN_NO_TRANSPORT'],
  ])('says at its time limit what was missing (tunnel up: %s)', async (isUp, code) => {
    const rigged = rig()
    rigged.isUp = isUp
    const joined = rigged.dial.join(1_000, undefined)
    joined.catch(() => undefined)
    await rigged.clock.advance(1_000)
    await expect(joined).rejects.toMatchObject({ code })
    expect(rigged.cancelled).toEqual([1])
  })

  it('says what was tried, for how long, and what the system said', async () => {
    const rigged = rig()
    const joined = rigged.dial.join(2_000, undefined)
    joined.catch(() => undefined)
    rigged.dial.attempts.unanswered('192.0.2.1:7')
    rigged.dial.attempts.unreachable('[2001:db8::1]:7', constants.errno.ENETUNREACH)
    await rigged.clock.advance(2_000)
    await expect(joined).rejects.toMatchObject({
      code: 'ERR_WARREN_NO_HANDSHAKE',
      message: expect.stringContaining('from key in 2.0 s; tried 192.0.2.1:7 (2×), [2001:db8::1]:7 (1× ENETUNREACH)'),
      tried: [
        { endpoint: '192.0.2.1:7', times: 2, error: undefined },
        { endpoint: '[2001:db8::1]:7', times: 1, error: 'ENETUNREACH' },
      ],
      cause: expect.objectContaining({ code: 'ENETUNREACH', syscall: 'send' }),
    })
  })

  it('goes on for those who wait longer', async () => {
    const { dial, dials, clock } = rig()
    const short = dial.join(1_000, undefined)
    short.catch(() => undefined)
    await settle()
    const long = dial.join(5_000, undefined)
    await clock.advance(1_000)
    await expect(short).rejects.toMatchObject({ code: 'ERR_WARREN_NO_HANDSHAKE' })
    dials[0]?.receiver.closed(close('no-handshake'))
    await settle()
    expect(dials.map(({ timeout }) => timeout)).toEqual([1_000, 4_000])
    dial.arrived(CONNECTION)
    expect(await long).toBe(CONNECTION)
  })

  it('waits for the survivor when it is the duplicate, and tries again when none comes', async () => {
    const { dial, dials, clock } = rig()
    const joined = dial.join(10_000, undefined)
    await settle()
    dials[0]?.receiver.closed(close('duplicate'))
    await clock.advance(999)
    expect(dials).toHaveLength(1)
    await clock.advance(1)
    expect(dials).toHaveLength(2)
    dial.arrived(CONNECTION)
    expect(await joined).toBe(CONNECTION)
  })

  it('takes a live connection that came up while it looked for the address', async () => {
    const rigged = rig()
    rigged.locate = async () => {
      rigged.live = CONNECTION
    }
    expect(await rigged.dial.join(1_000, undefined)).toBe(CONNECTION)
    expect(rigged.dials).toHaveLength(0)
  })

  it('tries a peer without room again after pauses that double up to a second, for as long as somebody waits', async () => {
    const rigged = rig()
    rigged.isUp = true
    const joined = rigged.dial.join(5_000, undefined)
    joined.catch(() => undefined)
    const at: number[] = []
    for (let time = 0; time < 5_000; time += 50) {
      await settle()
      if (rigged.dials.length > at.length) {
        at.push(time)
        rigged.dials.at(-1)?.receiver.closed(close('refused', 'remote'))
      }
      await rigged.clock.advance(50)
    }
    expect(at).toEqual([0, 100, 300, 700, 1_500, 2_500, 3_500, 4_500])
    await expect(joined).rejects.toMatchObject({ code: 'ERR_WARREN_CONNECTION_REFUSED', peer: 'key' })
    expect(rigged.clock.pending).toBe(0)
  })

  it('gets in when a peer without room has some again', async () => {
    const { dial, dials, clock } = rig()
    const joined = dial.join(5_000, undefined)
    await settle()
    dials[0]?.receiver.closed(close('refused', 'remote'))
    await clock.advance(100)
    expect(dials).toHaveLength(2)
    dial.arrived(CONNECTION)
    expect(await joined).toBe(CONNECTION)
  })

  it.each<DriverClose['cause']>(['peer-restarted', 'peer-dead', 'no-handshake', 'no-transport'])(
    'goes on at once after %s, and never in a busy loop',
    async (cause) => {
      const { dial, dials, clock } = rig()
      dial.join(10_000, undefined).catch(() => undefined)
      await clock.advance(3_000)
      dials[0]?.receiver.closed(close(cause))
      await settle()
      expect(dials).toHaveLength(2)
      for (let round = 0; round < 100; round++) {
        dials.at(-1)?.receiver.closed(close(cause))
        await clock.advance(10)
      }
      expect(dials.length).toBeLessThanOrEqual(6)
    },
  )

  it('lets a name that does not resolve rest ever longer, and says which it is', async () => {
    const rigged = rig()
    rigged.locate = () => Promise.reject(Object.assign(new Error('getaddrinfo'), { code: 'ENOTFOUND' }))
    const joined = rigged.dial.join(60_000, undefined)
    joined.catch(() => undefined)
    await rigged.clock.advance(1_000)
    expect(rigged.located).toBe(4)
    await rigged.clock.advance(59_000)
    await expect(joined).rejects.toMatchObject({ name: 'WarrenError' })
    expect(rigged.located).toBeLessThan(20)
    expect(rigged.dials).toHaveLength(0)
  })

  it('keeps nothing of the attempts before', async () => {
    const { dial, dials, clock } = rig()
    dial.join(2 ** 30, undefined).catch(() => undefined)
    const heap: number[] = []
    for (let attempt = 0; attempt < 20_000; attempt++) {
      if (attempt % 10_000 === 5_000) heap.push(heapAfterCollection())
      await clock.advance(1_000)
      dials.pop()?.receiver.closed(close('no-handshake'))
    }
    const [early = 0, late = 0] = heap
    // 10,000 reactions on one promise would be over 2 MB.
    expect(late - early).toBeLessThan(1_000_000)
  })

  it('keeps nothing of the lookups that failed, and makes no more of them the longer it lasts', async () => {
    const clock = new VirtualClock()
    const names = new Names(clock, async () => {
      throw new Error('no such name')
    })
    const endpoints = new Endpoints({ clock, isUp: () => false, changed: () => undefined }, names)
    endpoints.configure([{ host: 'nowhere.example', port: 1, literal: false }])
    let located = 0
    const dial = new Dial<Connection>({
      device: 'own',
      publicKey: 'key',
      offered: ['a'],
      listens: undefined,
      clock,
      tunnel: () => ({ endpoint: undefined, upFor: undefined, isWarren: false }),
      locate: () => {
        located += 1
        return endpoints.locate()
      },
      connect: () => 1,
      cancel: () => undefined,
      find: () => undefined,
      over: () => undefined,
    })
    dial.join(2 ** 31 - 1, undefined).catch(() => undefined)
    const heap: number[] = []
    for (let hour = 0; hour < 7; hour++) {
      for (let second = 0; second < 3_600; second += 5) await clock.advance(5_000)
      if (hour % 6 === 0) heap.push(heapAfterCollection())
    }
    const [early = 0, late = 0] = heap
    // 4,320 tries and more: at 0.5 kB that each would leave, over 2 MB.
    expect(late - early).toBeLessThan(1_000_000)
    expect(located).toBeGreaterThan((7 * 3_600) / 5)
    expect(located).toBeLessThan((7 * 3_600) / 2)
  })

  it('stops for one who aborts, and for the peer when nobody is left', async () => {
    const rigged = rig()
    const controller = new AbortController()
    const aborted = rigged.dial.join(1_000, controller.signal)
    const other = rigged.dial.join(1_000, undefined)
    await settle()
    controller.abort(new Error('changed my mind'))
    await expect(aborted).rejects.toThrow('changed my mind')
    expect(rigged.cancelled).toEqual([])
    rigged.dial.fail(new Error('peer removed'))
    await expect(other).rejects.toThrow('peer removed')
    expect(rigged.cancelled).toEqual([1])
    expect(rigged.clock.pending).toBe(0)
  })

  it('passes on what the driver throws', async () => {
    const rigged = rig()
    rigged.refuse = new Error('thread gone')
    await expect(rigged.dial.join(1_000, undefined)).rejects.toMatchObject({ code: 'ERR_WARREN_DEVICE_FAILED' })
  })
})
