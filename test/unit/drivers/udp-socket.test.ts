import type { Socket } from 'node:dgram'
import { EventEmitter } from 'node:events'
import { beforeEach, describe, expect, it } from '@jest/globals'
import { UdpSocket } from '../../../lib/drivers/udp-socket.js'
import { settle, VirtualClock } from '../virtual-clock.js'

/** As much of a socket of node:dgram as is used. */
class FakeSocket extends EventEmitter {
  isClosed = false
  address = () => ({ address: '0.0.0.0', port: 7, family: 'IPv4' })
  unref = () => this
  ref = () => this

  close(closed?: () => void): void {
    this.isClosed = true
    if (closed !== undefined) setImmediate(closed)
  }

  /** What one turn of the event loop tells when every read fails. */
  fail(code: string): void {
    for (let read = 0; read < 32 && !this.isClosed; read++) this.emit('error', Object.assign(new Error(code), { code }))
  }
}

let clock: VirtualClock
let sockets: FakeSocket[]
let failures: number
let lost: string[]
let ports: number[]
let udp: UdpSocket

beforeEach(() => {
  clock = new VirtualClock()
  sockets = [new FakeSocket()]
  ports = []
  failures = 0
  lost = []
  const bind = async (port: number): Promise<Socket> => {
    ports.push(port)
    sockets.push(new FakeSocket())
    return sockets.at(-1) as unknown as Socket
  }
  udp = new UdpSocket(sockets[0] as unknown as Socket, clock, bind)
  udp.tell({
    message: () => undefined,
    readFailed: () => failures++,
    rebound: () => undefined,
    lost: (error) => lost.push(error.message),
  })
})

const last = (): FakeSocket => sockets.at(-1) as FakeSocket

describe('UdpSocket', () => {
  it('binds a socket that only fails anew, ever more rarely, and gives it up after ten seconds', async () => {
    for (let turns = 0; lost.length === 0 && turns < 1_000; turns++) {
      last().fail('ENOMEM')
      await settle()
      await clock.advance(100)
    }
    expect(lost).toEqual(['ENOMEM'])
    expect(clock.now()).toBeGreaterThanOrEqual(10_000)
    expect(clock.now()).toBeLessThan(12_500)
    expect(new Set(ports)).toEqual(new Set([7]))
    expect(sockets.length).toBeLessThan(25)
    expect(sockets.every(({ isClosed }) => isClosed)).toBe(true)
    expect(failures).toBeLessThan(1_000)
  })

  it('goes on with the socket that was bound anew', async () => {
    last().fail('ENOMEM')
    expect(udp.send(Buffer.alloc(1), 0, 1, 9, '127.0.0.1', () => undefined)).toBe(false)
    await settle()
    await clock.advance(1)
    expect(sockets.map(({ isClosed }) => isClosed)).toEqual([true, false])
    await clock.advance(60_000)
    last().fail('ENOMEM')
    await settle()
    await clock.advance(1)
    expect([sockets.length, lost]).toEqual([3, []])
  })

  it('is not brought to close by what anyone can forge, nor by failures among messages', () => {
    for (let turn = 0; turn < 100; turn++) {
      last().fail('ECONNRESET')
      for (let read = 0; read < 31; read++) last().emit('error', Object.assign(new Error(), { code: 'ENOMEM' }))
      last().emit('message', Buffer.alloc(1), {})
    }
    expect(sockets).toHaveLength(1)
    expect(last().isClosed).toBe(false)
  })

  it('leaves no socket behind when it is closed meanwhile', async () => {
    last().fail('ENOMEM')
    await udp.close()
    await settle()
    await clock.advance(1_000)
    expect(sockets.every(({ isClosed }) => isClosed)).toBe(true)
    expect(clock.pending).toBe(0)
  })
})
