import { performance } from 'node:perf_hooks'
import timers from 'node:timers'
import type { NativeDevice } from '../../native/binding.js'
import { addon } from '../addon/addon.js'
import { RecordReader } from '../addon/records.js'
import type { DriverOptions, OpenDriver, Receiver } from '../driver.js'
import { fromNative } from '../errors.js'
import { LONGEST_TIMER } from '../waiting/clock.js'
import { CommandDriver } from './command-driver.js'
import { engineOptions } from './engine-options.js'
import { atExit } from './exit.js'

// Captured at import, as in `clock.ts`: fake timers that are installed later do not stop tunnels.
const { setImmediate, setInterval, clearInterval } = timers

/** Opens a device whose sockets and clock belong to a native thread. */
export const openNative: OpenDriver = async (options, receiver) => {
  try {
    return new NativeDriver(options, receiver)
  } catch (error) {
    throw fromNative(error)
  }
}

class NativeDriver extends CommandDriver<NativeDevice> {
  readonly address: { readonly host: string; readonly port: number }
  protected readonly device: NativeDevice
  readonly #reader: RecordReader
  readonly #keepAlive: NodeJS.Timeout
  readonly #forgetExit: () => void
  readonly #datagramSizes = new Map<number, { size: number; until: number }>()
  #draining = false
  #closed: Promise<void> | undefined

  constructor(options: DriverOptions, receiver: Receiver) {
    super()
    const self = new WeakRef(this)
    const { host, port } = options.listen
    const listen = host === undefined ? { port } : { host, port }
    this.device = new (addon().NativeDevice)(engineOptions(options), listen, () => self.deref()?.drain())
    this.address = { host: this.device.host ?? '', port: this.device.port ?? 0 }
    this.#reader = new RecordReader(this.device, this.#watched(receiver))
    this.#keepAlive = setInterval(nothing, LONGEST_TIMER)
    this.#forgetExit = atExit(this, (driver) => driver.device.close(0, 'the process exits'))
    OPEN.add(this)
  }

  override maxDatagramSize(connection: number): number {
    const now = performance.now()
    const known = this.#datagramSizes.get(connection)
    if (known !== undefined && now < known.until) return known.size
    const size = super.maxDatagramSize(connection)
    this.#datagramSizes.set(connection, { size, until: now + DATAGRAM_SIZE_MS })
    return size
  }

  async close(code: number, reason: string): Promise<void> {
    this.#closed ??= this.#close(code, reason)
    await this.#closed
  }

  ref(): void {
    if (this.#closed !== undefined) return
    this.#keepAlive.ref()
    OPEN.add(this)
  }

  unref(): void {
    this.#keepAlive.unref()
    OPEN.delete(this)
  }

  async #close(code: number, reason: string): Promise<void> {
    this.#release()
    this.device.close(code, reason)
    // Not from within this call: its caller does not expect events before the promise.
    await undefined
    while (this.#reader.read());
  }

  #release(): void {
    clearInterval(this.#keepAlive)
    this.#forgetExit()
    OPEN.delete(this)
  }

  /** Reads until all is read, or for as long as other things in this process can well wait. */
  drain(): void {
    if (this.#draining) return
    const end = performance.now() + DRAIN_MS
    let more = this.#reader.read()
    while (more && performance.now() < end) more = this.#reader.read()
    if (!more) return
    this.#draining = true
    setImmediate(() => {
      this.#draining = false
      this.drain()
    })
  }

  /** The receiver, after this driver has seen what concerns itself. */
  #watched(receiver: Receiver): Receiver {
    return Object.assign(Object.create(receiver), {
      connectionClosed: (...close: Parameters<Receiver['connectionClosed']>) => {
        this.#datagramSizes.delete(close[0])
        receiver.connectionClosed(...close)
      },
      failed: (message: string) => {
        this.#closed ??= Promise.resolve()
        this.#release()
        this.device.close(0, '')
        receiver.failed(message)
      },
    })
  }
}

/** Keeps an open, referenced device from being collected, as a server of `node:net` is kept. */
const OPEN = new Set<NativeDriver>()

const nothing = (): void => {}

/** A frame of a display at 120 Hz is 8 ms. */
const DRAIN_MS = 4

/** Asking the thread takes some 60 us; the size changes a few times in a connection's first seconds. */
const DATAGRAM_SIZE_MS = 100
