/** A node of a scenario, in a process of its own: answers the questions of `node-process.ts`. */

import { setPriority } from 'node:os'
import { answerQuestions } from '../questioned-process.js'
import { Arrivals, Load } from './load.js'
import { watchCancel } from './sent-bytes.js'
import { transports } from './transports/table.js'
import type { Line, Node } from './transports/transport.js'
import { processUsage } from './usage.js'
import type { Answers, Verb, Verbs } from './verbs.js'

const load = new Load()
const arrivals = new Arrivals()
const lines = new Map<number, Line>()
const giveUp = new AbortController()
let node: Node | undefined

const verbs: { [V in Verb]: (argument: Verbs[V]) => Answers[V] | Promise<Answers[V]> } = {
  async open({ transport, host, options }) {
    node = await transports[transport].open(host, () => arrivals.accept(), options)
    return node.address
  },
  async dial(peers) {
    for (const peer of peers) {
      const line = await node?.dial(peer.address as never)
      if (line !== undefined) lines.set(peer.node, line)
    }
  },
  urgent({ to }) {
    load.startUrgent(linesTo(to))
  },
  bulk({ to }) {
    load.startBulk(linesTo(to))
  },
  usage: processUsage,
  report({ from, to, bulkBegan }) {
    return {
      dues: load.duesBetween(from, to),
      urgent: arrivals.urgentBetween(from, to),
      bulkBytes: arrivals.bulkBetween(bulkBegan, from, to),
      sources: arrivals.sourcesSince(to),
    }
  },
  fresh: ({ to, count }) => load.openStreams(lineTo(to), count),
  freshArrived: () => arrivals.fresh,
  async stopUrgent() {
    await load.stopUrgent()
  },
  object({ to, length }) {
    load.sendObject(lineTo(to), length, giveUp.signal)
  },
  cancel: () => watchCancel(() => giveUp.abort()),
}

function lineTo(other: number): Line {
  const line = lines.get(other)
  if (line === undefined) throw new Error(`no line to node ${other}`)
  return line
}

function linesTo(nodes: readonly number[]): readonly Line[] {
  return nodes.map(lineTo)
}

answerQuestions(verbs)
try {
  // Other work on the machine is not what is measured. It needs root, as the links do.
  setPriority(-20)
} catch {
  // Without it the figures are what they are.
}
