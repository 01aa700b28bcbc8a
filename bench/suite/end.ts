/** One side of what is measured, in a process of its own: answers the questions of `questions.ts`. */

import { now } from '../priority/now.js'
import { answerQuestions } from '../questioned-process.js'
import { dials, joins, ping } from './end/echoes.js'
import { Flow } from './end/flow.js'
import type { Question, Questions } from './questions.js'
import type { Channel, End, Link } from './stacks/stack.js'
import { type StackName, stacks } from './stacks/table.js'

const ends: End[] = []
const links: Link[] = []
const channels: Channel[] = []
const received = { bytes: 0, objects: 0 }
let flow: Flow | undefined

type Verbs = {
  [Q in Question]: (takes: Questions[Q]['takes']) => Questions[Q]['gives'] | Promise<Questions[Q]['gives']>
}

const verbs: Verbs = {
  async open({ stack, kind, host, role, ends: count, options }) {
    const accept = role === 'echo' ? echo : tally
    for (let index = 0; index < count; index++) {
      ends.push(await stacks[stack as StackName].open(host, kind, accept, options))
    }
    return ends.map(({ address }) => address)
  },
  async dial({ addresses, channels: count }) {
    for (const address of addresses) {
      const link = await first().dial(address as never)
      links.push(link)
      for (let index = 0; index < count; index++) channels.push(await link.open())
    }
    return undefined
  },
  flow(options) {
    flow = new Flow(channels, first(), options)
    return undefined
  },
  async stop() {
    await flow?.stop()
    return undefined
  },
  count() {
    const { user, system } = process.cpuUsage()
    return { at: now(), ...received, cpuSeconds: (user + system) / 1e6 }
  },
  ping: ({ ms, bytes }) => ping(channels[0] as Channel, bytes, ms),
  dials: ({ ms, address }) => dials(first(), address, ms),
  joins: ({ ms, address }) => joins(first(), address, ms),
  async hold({ connections, address }) {
    for (let index = 0; index < connections; index++) {
      const end = (await first().another?.()) ?? first()
      ends.push(end)
      const link = await end.dial(address as never)
      links.push(link)
      const channel = await link.open()
      channel.read(() => undefined)
      await channel.write(Buffer.of(1))
      channels.push(channel)
    }
    return undefined
  },
  idle: ({ peers }) => first().addIdlePeers?.(peers) ?? 0,
  resident() {
    globalThis.gc?.()
    globalThis.gc?.()
    return process.memoryUsage.rss()
  },
}

function first(): End {
  const [end] = ends
  if (end === undefined) throw new Error('nothing is open')
  return end
}

function tally(channel: Channel): void {
  channel.read((bytes) => {
    received.bytes += bytes.length
    received.objects += 1
  })
}

function echo(channel: Channel): void {
  channel.read((bytes) => void channel.write(bytes)?.catch(() => undefined))
}

answerQuestions(verbs)
