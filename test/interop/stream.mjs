// Numbered datagrams in a closed loop: how many arrive, unaltered and once. Its other implementation is stream.go.
//
// A datagram is a type and a number of 4 bytes each, then a piece of noise that its number tells, so every byte is compared.
// The receiver acknowledges after each 16 and after a probe: the highest number it has, and the last probe it got. Never
// more than 64 are under way, so no queue on the way is a cause of loss; where acknowledgements stay out, the sender asks
// with a probe, and what it had sent before is settled once that is answered: arrived or lost.

/** The size of a datagram that fills an inner packet of 1,420 bytes over IPv6. */
export const FULL = 1_372
const HEADER = 8

/** How many datagrams of `size` carry so many bytes besides their headers. */
export function packetsFor(bytes, size = FULL) {
  return Math.ceil(bytes / (size - HEADER))
}

/**
 * Sends a stream through `socket`, which has `send(payload)`, false when it cannot take it now, and an `onPayload` to set.
 * Resolves when each datagram is settled; rejects when nothing comes back for `timeout` ms.
 */
export async function sendStream(socket, { packets, size = FULL, timeout = 30_000 }) {
  let next = 0
  let settled = 0
  let probe = 0
  let probedAt = 0
  let heard = performance.now()
  let wake = () => {}
  socket.onPayload = (payload) => {
    if (payload.length !== 12 || payload[0] !== ACK) return
    heard = performance.now()
    settled = Math.max(settled, payload.readUInt32BE(4))
    if (probe !== 0 && payload.readUInt32BE(8) === probe) settled = Math.max(settled, probedAt)
    wake()
  }
  while (settled < packets) {
    while (next < packets && next - settled < WINDOW && socket.send(message(DATA, next, pattern(next, size)))) next++
    const before = settled
    await new Promise((resolve) => {
      const timer = setTimeout(resolve, STALLED)
      wake = () => {
        clearTimeout(timer)
        resolve()
      }
    })
    if (settled !== before || settled >= packets) continue
    if (performance.now() - heard > timeout) throw new Error(`the other end fell silent at ${settled} of ${packets}`)
    if (performance.now() - heard < STALLED) continue
    probedAt = next
    socket.send(message(PROBE, ++probe, Buffer.alloc(0)))
  }
}

/** The other end of a stream, which counts. */
export class StreamReceiver {
  arrived = 0
  doubled = 0
  altered = 0

  #seen = new Set()
  #highest = 0
  #probe = 0
  #sinceAck = 0
  #socket

  constructor(socket) {
    this.#socket = socket
    socket.onPayload = (payload) => this.#take(payload)
  }

  /** `{ arrived, doubled, altered }` so far. */
  get received() {
    const { arrived, doubled, altered } = this
    return { arrived, doubled, altered }
  }

  #take(payload) {
    if (payload.length < HEADER) return
    const number = payload.readUInt32BE(4)
    if (payload[0] === DATA) {
      this.#count(number, payload)
      this.#sinceAck++
    } else if (payload[0] === PROBE) {
      this.#probe = Math.max(this.#probe, number)
      this.#sinceAck = ACKNOWLEDGE_AFTER
    }
    if (this.#sinceAck < ACKNOWLEDGE_AFTER) return
    this.#sinceAck = 0
    const probe = Buffer.alloc(4)
    probe.writeUInt32BE(this.#probe)
    this.#socket.send(message(ACK, this.#highest, probe))
  }

  #count(number, payload) {
    if (pattern(number, payload.length).compare(payload, HEADER) !== 0) this.altered++
    else if (this.#seen.has(number)) this.doubled++
    else {
      this.#seen.add(number)
      this.arrived++
      this.#highest = Math.max(this.#highest, number + 1)
    }
  }
}

function message(type, number, body) {
  const bytes = Buffer.alloc(HEADER + body.length)
  bytes[0] = type
  bytes.writeUInt32BE(number, 4)
  body.copy(bytes, HEADER)
  return bytes
}

function pattern(number, size) {
  const start = (number * 257) % NOISE_LENGTH
  return noise.subarray(start, start + size - HEADER)
}

const [DATA, PROBE, ACK] = [1, 2, 3]
const WINDOW = 64
const ACKNOWLEDGE_AFTER = 16
const STALLED = 50
const NOISE_LENGTH = 65_536

const noise = Buffer.alloc(NOISE_LENGTH + 2_048)
for (let i = 0, state = 0x7772; i < noise.length; i++) {
  state ^= state << 13
  state ^= state >>> 17
  state ^= state << 5
  noise[i] = state & 0xff
}
