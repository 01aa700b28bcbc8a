import { Buffer } from 'node:buffer'
import type { RemoteInfo } from 'node:dgram'
import { constants } from 'node:os'
import { performance } from 'node:perf_hooks'
import type { ScriptDevice } from '../../native/binding.js'
import { addon } from '../addon/addon.js'
import { RecordReader } from '../addon/records.js'
import type { Driver, DriverOptions, Receiver, SocketErrors } from '../driver.js'
import { fromNative } from '../errors.js'
import type { DeviceFigures } from '../generated/figures.js'
import { CommandDriver } from './command-driver.js'
import { engineOptions } from './engine-options.js'
import { atExit } from './exit.js'
import { Paths } from './paths.js'
import { UdpSocket } from './udp-socket.js'
import { Wakeup } from './wakeup.js'
import { realWorld, type World } from './world.js'

/** Opens a device whose sockets and clock belong to this process's event loop. */
export async function openScript(
  options: DriverOptions,
  receiver: Receiver,
  world: World = realWorld,
): Promise<Driver> {
  try {
    const socket = await UdpSocket.bind(options.listen.host, options.listen.port, world)
    try {
      return new ScriptDriver(options, receiver, socket, world)
    } catch (error) {
      await socket.close()
      throw error
    }
  } catch (error) {
    throw fromNative(error)
  }
}

class ScriptDriver extends CommandDriver<ScriptDevice> {
  readonly address: { readonly host: string; readonly port: number }
  protected readonly device: ScriptDevice
  readonly #socket: UdpSocket
  readonly #paths: Paths
  readonly #reader: RecordReader
  readonly #wakeup: Wakeup
  readonly #forgetExit: () => void
  readonly #counters: Record<SocketCounter, number> = {
    datagramsSent: 0,
    datagramsReceived: 0,
    bytesSent: 0,
    bytesReceived: 0,
    socketRebound: 0,
  }
  readonly #now: () => number
  /** Received and not handed in yet. */
  #received: Buffer = EMPTY
  readonly #receivedWords = new Float64Array(RECEIVE_DATAGRAMS * DATAGRAM_WORDS)
  #receivedCount = 0
  #receivedEnd = 0
  readonly #sendWords = new Float64Array(SEND_DATAGRAMS * DATAGRAM_WORDS)
  readonly #sendRecords = Buffer.from(this.#sendWords.buffer)
  readonly #sendBytes: number
  /** Given to the socket and not yet called back. */
  #sending = 0
  #sent: (() => void) | undefined
  /** Error numbers by the paths along which the system does not send. */
  readonly #refusals = new Map<number, number>()
  #closed: Promise<void> | undefined

  constructor(options: DriverOptions, receiver: Receiver, socket: UdpSocket, world: World) {
    super()
    this.#now = world.uptime
    this.device = new (addon().ScriptDevice)(engineOptions(options), this.#now())
    this.address = socket.address
    this.#socket = socket
    this.#paths = new Paths(this.device, socket.isIPv6)
    this.#sendBytes = SEND_DATAGRAMS * (options.mtu + OVERHEAD)
    this.#wakeup = new Wakeup(this.#now, () => this.#pump(), world)
    this.#forgetExit = atExit(this, (driver) => driver.#goodbye(0, 'the process exits'))
    const watched = this.#watched(receiver)
    this.#reader = new RecordReader(this.device, watched)
    socket.tell({
      message: (bytes, from) => this.#receive(bytes, from),
      readFailed: (error) => this.#count(error, 'receiveError'),
      rebound: () => this.#add('socketRebound', 1),
      lost: (error) => {
        watched.failed(`reading the socket failed, though it was bound anew: ${error.message}`)
        this.device.close()
      },
    })
  }

  override stats(): DeviceFigures & SocketErrors {
    return { ...super.stats(), ...this.#counters }
  }

  async close(code: number, reason: string): Promise<void> {
    this.#closed ??= this.#close(code, reason)
    await this.#closed
  }

  ref(): void {
    if (this.#closed === undefined) this.#socket.ref()
  }

  unref(): void {
    if (this.#closed === undefined) this.#socket.unref()
  }

  protected override enter(): void {
    this.device.clock(this.#now())
  }

  protected override leave(): void {
    if (this.#closed === undefined) this.#wakeup.soon()
  }

  async #close(code: number, reason: string): Promise<void> {
    this.#goodbye(code, reason)
    // What was handed to the socket leaves before it closes; the system takes it at once unless its buffer is full.
    if (this.#sending > 0) {
      await new Promise<void>((resolve) => {
        this.#sent = resolve
      })
    }
    await this.#socket.close()
    while (this.#reader.read());
    this.device.close()
  }

  #goodbye(code: number, reason: string): void {
    this.#forgetExit()
    this.#wakeup.stop()
    this.device.clock(this.#now())
    this.device.shutdown(code, reason)
    while (this.#transmit() > 0);
  }

  #receive(bytes: Buffer, from: RemoteInfo): void {
    if (this.#closed !== undefined) return
    if (this.#receivedCount === RECEIVE_DATAGRAMS || this.#receivedEnd + bytes.length > RECEIVE_BYTES) this.#handIn()
    if (this.#received === EMPTY) this.#received = Buffer.allocUnsafeSlow(RECEIVE_BYTES)
    const word = this.#receivedCount * DATAGRAM_WORDS
    this.#receivedWords[word] = this.#receivedEnd
    this.#receivedWords[word + 1] = bytes.length
    this.#receivedWords[word + 2] = this.#paths.number(from.address, from.port, this.#beforeForgetting)
    bytes.copy(this.#received, this.#receivedEnd)
    this.#receivedEnd += bytes.length
    this.#receivedCount++
    this.#add('datagramsReceived', 1)
    this.#add('bytesReceived', bytes.length)
    this.#wakeup.soon()
  }

  readonly #beforeForgetting = (): void => {
    this.#handIn()
    this.#tellRefusals()
  }

  #handIn(): void {
    if (this.#receivedCount === 0) return
    this.device.clock(this.#now())
    this.device.receive(this.#received, this.#receivedWords.subarray(0, this.#receivedCount * DATAGRAM_WORDS))
    this.#receivedCount = 0
    this.#receivedEnd = 0
  }

  /** Works off what waits, by turns; whether more may wait. */
  #workOff(): boolean {
    const end = performance.now() + WORK_MS
    while (this.device.workOff()) {
      if (performance.now() >= end) return true
      this.device.clock(this.#now())
    }
    return false
  }

  /** Once a path and turn. */
  #tellRefusals(): void {
    if (this.#refusals.size === 0) return
    this.device.clock(this.#now())
    for (const [path, errno] of this.#refusals) this.device.handleUnreachable(path, errno)
    this.#refusals.clear()
  }

  /** One turn: what came in, what is due, what leaves, what happened; then to sleep, or on in the next turn of the loop. */
  #pump(): void {
    if (this.#closed !== undefined) return
    const end = performance.now() + PUMP_MS
    this.#handIn()
    const waits = this.#workOff()
    this.#tellRefusals()
    this.device.clock(this.#now())
    this.device.timeout()
    let more = true
    for (let sent = 0; more && sent < PUMP_DATAGRAMS && performance.now() < end; ) {
      const count = this.#sending < MOST_SENDING ? this.#transmit() : 0
      more = count > 0
      sent += count
    }
    let told = this.#reader.read()
    while (told && performance.now() < end) told = this.#reader.read()
    if (this.#closed !== undefined) return
    if (more || told || waits) this.#wakeup.soon()
    else this.#wakeup.at(this.device.deadline() ?? undefined)
  }

  /** Sends one batch; how many datagrams. */
  #transmit(): number {
    if (sendSlab.length < this.#sendBytes) sendSlab = Buffer.allocUnsafeSlow(SEND_SLAB + this.#sendBytes)
    const bytes = sendSlab
    const count = this.device.transmit(bytes, this.#sendRecords)
    let end = 0
    for (let index = 0; index < count; index++) {
      const [start = 0, length = 0, path = 0] = this.#sendWords.subarray(index * DATAGRAM_WORDS)
      end = start + length
      const to = this.#paths.remote(path)
      // Without a socket they are lost as on any bad path.
      if (to === undefined || !this.#socket.send(bytes, start, length, to.port, to.host, this.#done)) continue
      this.#sending++
      this.#add('datagramsSent', 1)
      this.#add('bytesSent', length)
    }
    // The socket reads it later: what was written stays.
    sendSlab = bytes.subarray(end)
    return count
  }

  readonly #done = (error: Error | null): void => {
    this.#sending--
    if (error !== null) this.#refused(error)
    if (this.#sending === 0) this.#sent?.()
    // The turn before may have stopped at the bound.
    if (this.#sending === MOST_SENDING / 2 && this.#closed === undefined) this.#wakeup.soon()
  }

  #refused(error: SendError): void {
    this.#count(error, 'sendError')
    const { code = '', address, port } = error
    if (this.#closed !== undefined || !UNREACHABLE.has(code) || address === undefined || port === undefined) return
    this.#refusals.set(this.#paths.number(address, port, this.#beforeForgetting), errorNumber(code))
    this.#wakeup.soon()
  }

  #add(counter: SocketCounter, count: number): void {
    this.#counters[counter] = (this.#counters[counter] ?? 0) + count
  }

  #count(error: NodeJS.ErrnoException, counter: 'sendError' | 'receiveError'): void {
    this.#add(`${counter}${error.code ?? 'Other'}`, 1)
  }

  #watched(receiver: Receiver): Receiver {
    return Object.assign(Object.create(receiver), {
      failed: (message: string) => {
        this.#closed ??= this.#socket.close()
        this.#forgetExit()
        this.#wakeup.stop()
        receiver.failed(message)
      },
    })
  }
}

/** Figures that are counted here, since the engine sees no sockets. */
type SocketCounter =
  | 'datagramsSent'
  | 'datagramsReceived'
  | 'bytesSent'
  | 'bytesReceived'
  | 'socketRebound'
  | keyof SocketErrors

/** Error of node:dgram's callback, with the destination of the datagram. */
type SendError = NodeJS.ErrnoException & { readonly address?: string; readonly port?: number }

/** The system's own number: of Winsock on Windows, of errno(3) elsewhere. */
function errorNumber(code: string): number {
  const numbers = constants.errno as Record<string, number | undefined>
  return numbers[`WSA${code}`] ?? numbers[code] ?? 0
}

/** As in `native/io`: what says that a path leads nowhere from here. */
const UNREACHABLE = new Set([
  'ENETUNREACH',
  'EHOSTUNREACH',
  'EHOSTDOWN',
  'ENETDOWN',
  'ENODEV',
  'EAFNOSUPPORT',
  'EADDRNOTAVAIL',
  'EINVAL',
  'EACCES',
  'EPERM',
])

const EMPTY = Buffer.alloc(0)

/** Shared by all devices of this thread: each writes behind the others, and nothing is written twice. */
let sendSlab: Buffer = EMPTY

/** Words of a datagram: start, length, path. */
const DATAGRAM_WORDS = 3

/** Handed in at a time: what libuv reads in one turn of the loop. */
const RECEIVE_DATAGRAMS = 64
const RECEIVE_BYTES = 128 * 2 ** 10

/** As many as the engine seals at a time. */
const SEND_DATAGRAMS = 32

/** Some 120 full datagrams. */
const SEND_SLAB = 192 * 2 ** 10

/** A sealed packet is longer than its content by 32 bytes and up to 15 of padding. */
const OVERHEAD = 64

/** Bounds of one turn, so that the rest of the process runs too; dgram manages some 150,000 sends a second. */
const PUMP_DATAGRAMS = 256
const PUMP_MS = 4

/** Part of it for work that others' datagrams may wait behind. */
const WORK_MS = 2

/** Datagrams that wait in libuv when the socket's buffer is full. */
const MOST_SENDING = 512
