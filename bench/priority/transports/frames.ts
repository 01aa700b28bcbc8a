/**
 * Objects over a stream of bytes: frames of [kind, length as 4 bytes, so many bytes].
 *
 * Bulk goes in frames of 64 KiB, so that an urgent object never waits for the rest of a bulk one in this process.
 */
import type { Receiver } from './transport.js'

export const HEADER_BYTES = 5
export const FRAME_BYTES = 64 * 1024

const URGENT = 0
const BULK_PART = 1
const BULK_END = 2

export function urgentHeader(bytes: Uint8Array): Buffer {
  return header(URGENT, bytes.length)
}

/** The frames of a bulk object, each as its header and its part of the bytes. */
export function* bulkFrames(bytes: Uint8Array): Generator<readonly [Buffer, Uint8Array]> {
  for (let start = 0; start < bytes.length; start += FRAME_BYTES) {
    const part = bytes.subarray(start, start + FRAME_BYTES)
    yield [header(start + FRAME_BYTES < bytes.length ? BULK_PART : BULK_END, part.length), part]
  }
}

function header(kind: number, length: number): Buffer {
  const bytes = Buffer.allocUnsafe(HEADER_BYTES)
  bytes.writeUInt8(kind, 0)
  bytes.writeUInt32BE(length, 1)
  return bytes
}

/** Puts objects together from the chunks of one stream: whole and in memory of their own, as warren gives them. */
export class FrameReader {
  readonly #receiver: Receiver
  readonly #header = Buffer.alloc(HEADER_BYTES)
  #headerFilled = 0
  #body = Buffer.alloc(0)
  #bodyFilled = 0
  #parts: Buffer[] = []

  constructor(receiver: Receiver) {
    this.#receiver = receiver
  }

  push(chunk: Uint8Array): void {
    for (let at = 0; at < chunk.length; ) {
      if (this.#headerFilled < HEADER_BYTES) {
        at += this.#readHeader(chunk.subarray(at))
        continue
      }
      const taken = chunk.subarray(at, at + this.#body.length - this.#bodyFilled)
      this.#body.set(taken, this.#bodyFilled)
      this.#bodyFilled += taken.length
      at += taken.length
      if (this.#bodyFilled === this.#body.length) this.#finish()
    }
  }

  #readHeader(chunk: Uint8Array): number {
    const taken = chunk.subarray(0, HEADER_BYTES - this.#headerFilled)
    this.#header.set(taken, this.#headerFilled)
    this.#headerFilled += taken.length
    if (this.#headerFilled === HEADER_BYTES) {
      this.#body = Buffer.allocUnsafeSlow(this.#header.readUInt32BE(1))
      this.#bodyFilled = 0
    }
    return taken.length
  }

  #finish(): void {
    const body = this.#body
    const kind = this.#header.readUInt8(0)
    this.#headerFilled = 0
    if (kind === URGENT) {
      this.#receiver.urgent(body)
      return
    }
    this.#parts.push(body)
    if (kind === BULK_PART) return
    const whole = this.#parts.reduce((sum, part) => sum + part.length, 0)
    this.#parts = []
    this.#receiver.bulk(whole)
  }
}
