import { type ChildProcess, fork } from 'node:child_process'
import { once } from 'node:events'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { now, until } from './clock.js'
import type { NodeOptions } from './options.js'
import type { FromNode, Row, ToNode } from './report.js'

/** From fork to the second link. */
const LINK_TIMEOUT_MS = 15_000

/** Longer than a graceful close takes at most. */
const STOP_TIMEOUT_MS = 10_000

export type State = 'starting' | 'up' | 'killed' | 'ended'

/** A node's process, as the parent sees it. */
export interface Member {
  readonly name: string
  readonly process: ChildProcess
  state: State
  row: Row | undefined
}

export interface NetworkEvents {
  report(member: Member, report: FromNode): void
  /** A process ended that nobody had told to. */
  crashed(member: Member, how: string): void
}

/** The processes of all nodes: starts them, tells them things, ends them. */
export class Network {
  readonly members: Member[] = []
  readonly #events: NetworkEvents

  constructor(events: NetworkEvents) {
    this.#events = events
  }

  /** Forks a node and resolves when it is linked to the overlay. */
  async start(options: NodeOptions): Promise<Member> {
    const child = fork(join(__dirname, 'node.js'), [JSON.stringify(options)], { serialization: 'advanced' })
    const member: Member = {
      name: `node ${this.members.length + 1}`,
      process: child,
      state: 'starting',
      row: undefined,
    }
    this.members.push(member)
    const linked = new Promise<Member>((resolve, reject) => {
      child.once('exit', (code, signal) => {
        const how = signal ?? `exit code ${code}`
        if (member.state !== 'killed' && code !== 0) this.#events.crashed(member, how)
        if (member.state !== 'killed') member.state = 'ended'
        reject(new Error(`${member.name} ended before it was linked: ${how}`))
      })
      child.on('message', (report: FromNode) => {
        if (report.type === 'statistics') member.row = report.row
        this.#events.report(member, report)
        if (report.type !== 'linked') return
        member.state = 'up'
        resolve(member)
      })
    })
    const late = new Error(`${member.name} found no neighbours within ${LINK_TIMEOUT_MS} ms`)
    return Promise.race([linked, delay(LINK_TIMEOUT_MS, undefined, { ref: false }).then(() => Promise.reject(late))])
  }

  tell(command: ToNode, members: readonly Member[] = this.members): void {
    for (const { process, state } of members) if (state === 'up' && process.connected) process.send(command)
  }

  /** SIGKILL: no goodbye to anybody. */
  async kill(member: Member): Promise<void> {
    member.state = 'killed'
    const exit = once(member.process, 'exit')
    member.process.kill('SIGKILL')
    await exit
  }

  /** Asks all nodes to close their devices. Their processes then end by themselves: nothing is left that keeps them. */
  async stop(): Promise<void> {
    this.tell({ type: 'stop' })
    const deadline = now() + STOP_TIMEOUT_MS
    while (this.#running().length > 0 && now() < deadline) await until(now() + 20)
    for (const member of this.#running()) this.#events.crashed(member, 'did not end by itself')
  }

  /** Ends what still runs, at once. */
  abandon(): void {
    for (const { process: child } of this.members) child.kill('SIGKILL')
  }

  #running(): Member[] {
    return this.members.filter(({ process }) => process.exitCode === null && process.signalCode === null)
  }
}
