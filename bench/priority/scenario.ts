import { type Link, links } from './link.js'
import { loopback, type Network, pairOver, starOver } from './network.js'

/** Who sends what to whom, over which link. */
export interface Scenario {
  readonly name: string
  readonly question: string
  /** What is measured: urgent objects beside bulk, or what leaves after an object of 64 MiB is given up. */
  readonly kind: 'load' | 'cancel'
  readonly link: Link
  readonly traffic: readonly Traffic[]
  /** With TCP's congestion control, by its name in Linux. */
  build(congestionControl: string): Promise<Network>
}

/** What a node sends: the number in the list is its own. */
export interface Traffic {
  readonly bulk: readonly number[]
  readonly urgent: readonly number[]
}

const silent: Traffic = { bulk: [], urgent: [] }
const NODES = 8

export const scenarios: readonly Scenario[] = [
  ...Object.values(links).map(pair),
  bothWays(links['100mbit']),
  fanOut(links['100mbit']),
  flood(links['100mbit']),
  flood(links['20mbit']),
  flood(links['50mbit-1000p']),
  cancelled(links['100mbit']),
]

function pair(link: Link): Scenario {
  return {
    name: link.name,
    question: `one node to another over ${describe(link)}`,
    kind: 'load',
    link,
    traffic: [{ bulk: [1], urgent: [1] }, silent],
    build: async (control) => (link.rate === undefined ? loopback(2) : await pairOver(link, control)),
  }
}

function cancelled(link: Link): Scenario {
  return {
    ...pair(link),
    name: `cancel-${link.name}`,
    question: `an object of 64 MiB is given up half-way over ${describe(link)}: what still leaves its sender?`,
    kind: 'cancel',
  }
}

function bothWays(link: Link): Scenario {
  return {
    name: `both-ways-${link.name}`,
    question: `two nodes, both ways at once, over ${describe(link)}`,
    kind: 'load',
    link,
    traffic: [
      { bulk: [1], urgent: [1] },
      { bulk: [0], urgent: [0] },
    ],
    build: (control) => pairOver(link, control),
  }
}

function fanOut(link: Link): Scenario {
  return {
    name: `across-peers-${link.name}`,
    question: `one node with bulk to five peers and urgent to a sixth; its uplink is ${describe(link)}`,
    kind: 'load',
    link,
    traffic: [{ bulk: [1, 2, 3, 4, 5], urgent: [6] }, ...Array.from({ length: 6 }, () => silent)],
    build: (control) => starOver(link, 7, control),
  }
}

function flood(link: Link): Scenario {
  const others = (node: number): number[] => Array.from({ length: NODES - 1 }, (_, step) => (node + 1 + step) % NODES)
  return {
    name: `eight-${link.name}`,
    question: `eight nodes, each with bulk to all others; up and down ${describe(link)}`,
    kind: 'load',
    link,
    traffic: Array.from({ length: NODES }, (_, node) => ({ bulk: others(node), urgent: others(node) })),
    build: (control) => starOver(link, NODES, control),
  }
}

function describe({ rate, packets }: Link): string {
  if (rate === undefined) return 'loopback, without a shaper'
  return `${rate / 1e6} Mbit/s with a queue of ${packets === undefined ? '50 ms' : `${packets} packets`}`
}
