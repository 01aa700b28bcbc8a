import type { EventEmitter } from 'node:events'
import { inspect } from 'node:util'
import { describe, expect, it } from '@jest/globals'
import { DEFAULT_LIMITS } from '../../../lib/arguments/limits.js'
import { Connection, type ConnectionReceiver, type Message } from '../../../lib/connection/connection.js'
import type { DriverClose } from '../../../lib/driver.js'
import { DeviceInbox } from '../../../lib/inbox/device-inbox.js'
import { PeerInbox } from '../../../lib/inbox/peer-inbox.js'
import { NO_LANES } from '../../../lib/outbox/lanes.js'
import { QueuedBytes } from '../../../lib/outbox/queued-bytes.js'
import type { Peer } from '../../../lib/peer/peer.js'
import { Runtime } from '../../../lib/runtime.js'
import type { IncomingStream } from '../../../lib/streams/stream.js'
import { FakeDriver } from '../fake-driver.js'
import { alone, SPEAKS_A } from '../rigs.js'
import { settle, VirtualClock } from '../virtual-clock.js'

/** `events.once` would reject at the error that comes before. */
function closed(stream: EventEmitter): Promise<void> {
  return new Promise((resolve) => stream.once('close', resolve))
}

const ID = 7

interface Rig {
  readonly driver: FakeDriver
  readonly clock: VirtualClock
  readonly connection: Connection
  readonly receiver: ConnectionReceiver
}

function rig(limits: Partial<typeof DEFAULT_LIMITS> = {}, maxPriority = 255): Rig {
  const driver = new FakeDriver()
  const clock = new VirtualClock()
  const all = { ...DEFAULT_LIMITS, ...limits }
  const runtime = new Runtime(driver, clock, {
    privateKey: { publicKey: 'own' },
    limits: all,
    ...SPEAKS_A,
    mtu: 1_420,
    listen: { host: undefined },
    allowHalfOpen: false,
    lanes: NO_LANES,
  })
  const peer = { publicKey: 'key' } as Peer
  let receiver: ConnectionReceiver | undefined
  const queued = new QueuedBytes(all.queuedBytesPerPeer)
  const device = new DeviceInbox<Message>(all.receiveBytesPerConnection, ({ bytes }) => bytes.length)
  const inbox = new PeerInbox(device, maxPriority)
  const facts = {
    id: ID,
    peer,
    ...alone('a', runtime),
    queued,
    inbox,
    streams: new Map(),
  } as const
  const connection = new Connection(facts, runtime, (attached) => {
    receiver = attached
  })
  return { driver, clock, connection, receiver: receiver as unknown as ConnectionReceiver }
}

const BY_PEER: DriverClose = { by: 'remote', code: 4, reason: 'done', cause: 'application' }

describe('Connection', () => {
  it('closes at once when nothing waits, with its code, reason and time', async () => {
    const { connection, driver, receiver } = rig()
    const closed = connection.close({ code: 9, reason: 'bye', timeout: 100 })
    expect(driver.given('closeConnection')).toEqual([[ID, 9, 'bye', 100]])
    receiver.closed({ by: 'local', code: 9, reason: 'bye', cause: 'application' })
    await closed
    expect(await connection.closed).toEqual({ by: 'local', code: 9, reason: 'bye', error: undefined })
  })

  it('first lets in what was sent before, and then closes within what is left of its time', async () => {
    const { connection, driver, clock, receiver } = rig()
    const sends = [connection.send(Buffer.alloc(4 * 2 ** 20)), connection.send(Buffer.alloc(10))]
    void connection.close({ timeout: 1_000 })
    await expect(connection.send(Buffer.alloc(1))).rejects.toMatchObject({ code: 'ERR_WARREN_CONNECTION_CLOSED' })
    await clock.advance(300)
    expect(driver.given('closeConnection')).toEqual([])
    receiver.laneDrained(0, 4 * 2 ** 20)
    await Promise.all(sends)
    await settle()
    expect(driver.given('closeConnection')).toEqual([[ID, 0, '', 700]])
  })

  it('that gave way closes at once when it is told to, though the other end has not finished', async () => {
    const { connection, driver, receiver, clock } = rig()
    receiver.superseded(rig().connection)
    expect(driver.given('supersede')).toEqual([[ID]])
    await clock.advance(5_000)
    expect([connection.isOpen, driver.given('finish'), driver.given('closeConnection')]).toEqual([false, [[ID]], []])
    const closed = connection.close({ code: 3, reason: 'bye', timeout: 100 })
    await settle()
    expect(driver.given('closeConnection')).toEqual([[ID, 3, 'bye', 100]])
    receiver.closed({ by: 'local', code: 3, reason: 'bye', cause: 'application' })
    await closed
    await clock.advance(600_000)
    expect(driver.given('closeConnection')).toHaveLength(1)
  })

  it('closes at its time limit, whatever still waits', async () => {
    const { connection, driver, clock, receiver } = rig()
    await connection.send(Buffer.alloc(4 * 2 ** 20))
    const waiting = connection.send(Buffer.alloc(10))
    void connection.close()
    await clock.advance(5_000)
    expect(driver.given('closeConnection')).toEqual([[ID, 0, '', 0]])
    receiver.closed({ by: 'local', code: 0, reason: '', cause: 'application' })
    await expect(waiting).rejects.toMatchObject({ code: 'ERR_WARREN_CONNECTION_CLOSED' })
  })

  it('waits for streams that were ended, and not for others', async () => {
    const { connection, driver, clock } = rig()
    connection.openStream().write('open')
    const stream = connection.openStream({ direction: 'out' })
    stream.end('ended')
    void connection.close()
    await clock.advance(1_000)
    expect(driver.given('closeConnection')).toEqual([])
    const [, id] = driver.given('openStream')[1] as [number, number]
    expect(id % 2).toBe(0)
    stream.destroy()
    await settle()
    expect(driver.given('closeConnection')).toEqual([[ID, 0, '', 4_000]])
  })

  it('destroys at once, also while it closes', () => {
    const { connection, driver } = rig()
    void connection.send(Buffer.alloc(4 * 2 ** 20))
    void connection.send(Buffer.alloc(1))
    void connection.close()
    connection.destroy({ code: 3, reason: 'now' })
    expect(driver.given('closeConnection')).toEqual([[ID, 3, 'now', 0]])
  })

  it('gives credit back as messages are taken, and none once it is over', async () => {
    const { connection, driver, receiver } = rig()
    for (const text of ['one', 'three']) receiver.message(5, Buffer.from(text))
    const messages = connection.messages()
    const { value } = await messages.next()
    expect(value).toEqual({ bytes: Buffer.from('one'), priority: 5, connection })
    expect(driver.given('releaseMessages')).toEqual([[ID, 5, 3]])
    receiver.closed(BY_PEER)
    expect((await messages.next()).value?.bytes.toString()).toBe('three')
    expect((await messages.next()).done).toBe(true)
    expect(driver.given('releaseMessages')).toHaveLength(1)
  })

  it('counts a message above the priority that its peer may have as of that one, and releases it as what it was', async () => {
    const { connection, driver, receiver } = rig({}, 100)
    receiver.message(5, Buffer.from('low'))
    receiver.message(100, Buffer.from('first'))
    receiver.message(255, Buffer.from('second'))
    const urgent = connection.messages({ minPriority: 101 })
    const messages = connection.messages()
    const order = [await messages.next(), await messages.next(), await messages.next()]
    expect(order.map(({ value }) => [value?.priority, String(value?.bytes)])).toEqual([
      [100, 'first'],
      [100, 'second'],
      [5, 'low'],
    ])
    expect(driver.given('releaseMessages')).toEqual([
      [ID, 100, 5],
      [ID, 255, 6],
      [ID, 5, 3],
    ])
    receiver.closed(BY_PEER)
    expect((await urgent.next()).done).toBe(true)
  })

  it('refuses messages that are no bytes, too large, or have options that are wrong', async () => {
    const { connection } = rig({ messageBytes: 100 })
    await expect(connection.send('text' as unknown as Buffer)).rejects.toMatchObject({
      name: 'TypeError',
      code: 'ERR_WARREN_INVALID_ARGUMENT',
    })
    await expect(connection.send(Buffer.alloc(101))).rejects.toMatchObject({
      name: 'RangeError',
      code: 'ERR_WARREN_MESSAGE_TOO_LARGE',
    })
    await expect(connection.send(Buffer.alloc(1), { priority: 256 })).rejects.toMatchObject({
      code: 'ERR_WARREN_INVALID_ARGUMENT',
    })
    await expect(connection.send(Buffer.alloc(1), { lifespan: 5 } as object)).rejects.toMatchObject({
      code: 'ERR_WARREN_UNKNOWN_OPTION',
    })
    await connection.send(Buffer.alloc(100))
  })

  it('refuses to queue more than the limits of peer and device', async () => {
    const { connection } = rig({ queuedBytesPerPeer: 5 * 2 ** 20 })
    const sends = [connection.send(Buffer.alloc(4 * 2 ** 20)), connection.send(Buffer.alloc(2 ** 19))]
    await expect(connection.send(Buffer.alloc(2 ** 20))).rejects.toMatchObject({
      code: 'ERR_WARREN_QUEUE_FULL',
      peer: 'key',
    })
    await connection.send(Buffer.alloc(2 ** 20), { priority: 1 })
    await sends[0]
  })

  it('holds streams back until somebody listens, and then gives them in order', async () => {
    const { connection, receiver } = rig()
    receiver.streamOpened(1, true, 4, '')
    receiver.streamOpened(3, false, 200, 'blocks')
    const streams: IncomingStream[] = []
    connection.on('stream', (stream) => streams.push(stream))
    receiver.streamOpened(5, true, 0, '')
    await settle()
    expect(streams.map(({ priority }) => priority)).toEqual([4, 200, 0])
    expect(streams.map((stream) => 'write' in stream)).toEqual([true, false, true])
    expect(streams.map(({ name }) => name)).toEqual([undefined, 'blocks', undefined])
  })

  it('holds back the first datagrams, and no more than it may', async () => {
    const { connection, receiver } = rig()
    for (let index = 0; index < 100; index++) receiver.datagram(Buffer.of(index))
    const seen: number[] = []
    connection.on('datagram', (bytes) => seen.push(bytes[0] ?? -1))
    await settle()
    expect(seen).toEqual(Array.from({ length: 64 }, (_, index) => index))
  })

  it('holds back no more bytes of datagrams than of packets', async () => {
    const { connection, receiver } = rig({ packetBytesPerPeer: 1_000_000 })
    for (let index = 0; index < 100; index++) receiver.datagram(Buffer.alloc(65_000, index))
    const seen: number[] = []
    connection.on('datagram', (bytes) => seen.push(bytes[0] ?? -1))
    await settle()
    expect(seen).toEqual(Array.from({ length: 15 }, (_, index) => index))
    receiver.datagram(Buffer.alloc(65_000, 100))
    expect(seen.at(-1)).toBe(100)
  })

  it('errs its streams when it is over, but lets what arrived whole be read', async () => {
    const { connection, receiver, driver } = rig()
    const broken = connection.openStream()
    let whole: IncomingStream | undefined
    connection.on('stream', (stream) => {
      whole = stream
    })
    receiver.streamOpened(1, false, 0, '')
    whole?.on('readable', () => undefined)
    await settle()
    expect(driver.given('grantStream').filter(([, bytes]) => bytes !== 0)).toHaveLength(1)
    void broken
    receiver.closed(BY_PEER)
    await closed(broken)
    expect(broken.errored).toMatchObject({
      code: 'ERR_WARREN_CONNECTION_CLOSED',
      message: expect.stringContaining('done'),
    })
  })

  it('gives a stream that errs by itself when it is over already', async () => {
    const { connection, receiver, driver } = rig()
    receiver.closed({ by: 'network', code: 0, reason: '', cause: 'peer-dead' })
    const stream = connection.openStream()
    await closed(stream)
    expect(stream.errored).toMatchObject({
      code: 'ERR_WARREN_CONNECTION_CLOSED',
      cause: { code: 'ERR_WARREN_PEER_DEAD' },
    })
    expect(driver.given('openStream')).toEqual([])
    expect(connection.sendDatagram(Buffer.of(1))).toBe(false)
    expect(connection.maxDatagramSize).toBe(0)
  })

  it('refuses a datagram that cannot fit', () => {
    const { connection, driver } = rig()
    expect(connection.sendDatagram(Buffer.alloc(1_200))).toBe(true)
    expect(() => connection.sendDatagram(Buffer.alloc(1_201))).toThrow(
      expect.objectContaining({ code: 'ERR_WARREN_DATAGRAM_TOO_LARGE' }),
    )
    expect(driver.given('sendDatagram')).toHaveLength(1)
  })

  it('drops a datagram of a connection that ended a moment ago, of which nobody was told yet', () => {
    const { connection, driver } = rig()
    driver.maxDatagramSize = () => 0
    expect(connection.sendDatagram(Buffer.of(1))).toBe(false)
    expect(driver.given('sendDatagram')).toEqual([])
  })

  it('prints what it is in a line', () => {
    const { connection } = rig()
    expect(inspect(connection).replace(/\s+/g, ' ')).toBe(
      "Connection { peer: 'key', protocol: 'a', initiator: 'local', state: 'open' }",
    )
  })
})
