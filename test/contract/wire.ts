import { createSocket, type Socket } from 'node:dgram'
import { once } from 'node:events'

/** What a wire does to the datagrams that it carries. */
export interface WireOptions {
  /** One way, in milliseconds. */
  readonly delay?: number
  /** The part that is lost, 0 to 1, by a seeded sequence. */
  readonly loss?: number
  readonly seed?: number
  /** False: the datagram is lost. */
  readonly carries?: (datagram: Buffer, to: 'near' | 'far') => boolean
}

/** A way through the network between two devices: what is sent to its `endpoint` arrives at `port`, and back. */
export class Wire {
  readonly #front: Socket
  readonly #back: Socket
  readonly #options: WireOptions
  #port: number
  #near: number | undefined
  #random: number
  #isCut = false

  static async lay(port: number, options: WireOptions = {}): Promise<Wire> {
    const [front, back] = [createSocket('udp4'), createSocket('udp4')]
    for (const socket of [front, back]) {
      socket.bind(0, '127.0.0.1')
      await once(socket, 'listening')
      socket.setRecvBufferSize(4 * 2 ** 20)
      socket.unref()
    }
    return new Wire(front, back, port, options)
  }

  private constructor(front: Socket, back: Socket, port: number, options: WireOptions) {
    this.#front = front
    this.#back = back
    this.#port = port
    this.#options = options
    this.#random = options.seed ?? 1
    front.on('message', (datagram, from) => {
      if (datagram.equals(MARK)) return
      this.#near = from.port
      this.#carry(datagram, 'far', () => this.#send(back, datagram, this.#port))
    })
    back.on('message', (datagram) => this.#carry(datagram, 'near', () => this.#send(front, datagram, this.#near)))
  }

  get endpoint(): string {
    return `127.0.0.1:${this.#front.address().port}`
  }

  /** Nothing arrives any more. */
  cut(): void {
    this.#isCut = true
  }

  /** It carries again, to another port if one is given. */
  mend(port: number = this.#port): void {
    this.#port = port
    this.#isCut = false
  }

  /** Resolves when all that was sent into the cut wire until now is lost. */
  async lost(): Promise<void> {
    await Promise.all([this.#front, this.#back].map(emptied))
  }

  close(): void {
    this.cut()
    this.#front.close()
    this.#back.close()
  }

  #carry(datagram: Buffer, to: 'near' | 'far', send: () => void): void {
    const { delay = 0, loss = 0, carries } = this.#options
    if (this.#isCut || this.#chance() < loss || carries?.(datagram, to) === false) return
    if (delay === 0) send()
    else setTimeout(send, delay).unref()
  }

  #send(socket: Socket, datagram: Buffer, port: number | undefined): void {
    if (!this.#isCut && port !== undefined) socket.send(datagram, port, '127.0.0.1')
  }

  #chance(): number {
    this.#random = (Math.imul(this.#random, 1_103_515_245) + 12_345) >>> 0
    return this.#random / 2 ** 32
  }
}

/** Resolves when a socket has read what was sent to it before: loopback keeps the order. */
async function emptied(socket: Socket): Promise<void> {
  const last = new Promise<void>((resolve) => {
    const listener = (datagram: Buffer): void => {
      if (!datagram.equals(MARK)) return
      socket.off('message', listener)
      resolve()
    }
    socket.on('message', listener)
  })
  const sender = createSocket('udp4')
  sender.send(MARK, socket.address().port, '127.0.0.1')
  await last
  sender.close()
}

const MARK = Buffer.from('the last datagram')
