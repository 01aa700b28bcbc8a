import { setTimeout as delay } from 'node:timers/promises'
import { percentile } from '../../figures.js'
import { now } from '../../priority/now.js'
import type { Times } from '../questions.js'
import type { Channel, End, Link } from '../stacks/stack.js'

/** Sends objects of that size to a peer that gives them back, each when the one before is back. */
export async function ping(channel: Channel, bytes: number, ms: number): Promise<Times> {
  const object = Buffer.alloc(bytes, 1)
  const answers = answersOf(channel)
  const times: number[] = []
  for (const end = now() + ms; now() < end; ) {
    const began = now()
    const answered = answers.next(bytes)
    await channel.write(object)
    await answered
    times.push(now() - began)
  }
  return summed(times)
}

export async function dials(end: End, address: unknown, ms: number): Promise<Times> {
  const times: number[] = []
  for (const until = now() + ms; now() < until; ) {
    const dialler = (await end.another?.()) ?? end
    const began = now()
    const link = await dialledAndAnswered(dialler, address)
    times.push(now() - began)
    await link.close()
    if (dialler !== end) await dialler.close()
    await delay(PAUSE_MS)
  }
  return summed(times)
}

/** Identities that come and go in turn; they are made once. */
let visitors: End[] | undefined

export async function joins(end: End, address: unknown, ms: number): Promise<{ readonly perSecond: number }> {
  if (visitors === undefined) {
    visitors = []
    for (let index = 0; index < VISITORS; index++) visitors.push((await end.another?.()) ?? end)
  }
  const waiting = visitors
  const began = now()
  let joined = 0
  const visit = async (): Promise<void> => {
    while (now() < began + ms) {
      const visitor = waiting.shift() as End
      const link = await dialledAndAnswered(visitor, address)
      await link.close()
      waiting.push(visitor)
      joined += 1
    }
  }
  await Promise.all(Array.from({ length: AT_ONCE }, visit))
  return { perSecond: (joined * 1e3) / (now() - began) }
}

async function dialledAndAnswered(end: End, address: unknown): Promise<Link> {
  const link = await end.dial(address as never)
  const channel = await link.open()
  const answered = answersOf(channel).next(1)
  await channel.write(Buffer.of(1))
  await answered
  return link
}

/** Readers of channels: each is read once. */
const answers = new WeakMap<Channel, Answers>()

function answersOf(channel: Channel): Answers {
  const known = answers.get(channel) ?? new Answers(channel)
  answers.set(channel, known)
  return known
}

class Answers {
  #missing = 0
  #done = (): void => undefined

  constructor(channel: Channel) {
    channel.read((piece) => {
      this.#missing -= piece.length
      if (this.#missing <= 0) this.#done()
    })
  }

  /** Resolves when so many bytes are back, or after `LOST_MS`. */
  next(bytes: number): Promise<void> {
    this.#missing = bytes
    return new Promise((resolve) => {
      const lost = setTimeout(resolve, LOST_MS)
      this.#done = () => {
        clearTimeout(lost)
        resolve()
      }
    })
  }
}

function summed(times: readonly number[]): Times {
  return { p50: percentile(times, 0.5), p99: percentile(times, 0.99), count: times.length }
}

/** A datagram may be: it counts with that age. */
const LOST_MS = 1_000
const PAUSE_MS = 2
const VISITORS = 100
const AT_ONCE = 8
