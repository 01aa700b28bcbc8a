import { join } from 'node:path'
import { QuestionedProcess } from '../questioned-process.js'
import { cpuSeconds } from './machine.js'
import type { Site } from './paths.js'
import type { Count, OpenOptions, Question, Questions } from './questions.js'
import type { Kind, StackOptions } from './stacks/stack.js'

/** One side of what is measured. */
export class EndProcess extends QuestionedProcess {
  async ask<Q extends Question>(
    question: Q,
    ...takes: Questions[Q]['takes'] extends undefined ? [] : [Questions[Q]['takes']]
  ): Promise<Questions[Q]['gives']> {
    return (await this.question(question, takes[0])) as Questions[Q]['gives']
  }
}

/** How one transport takes part in a load. */
export interface Subject {
  /** In tables and in the JSON. */
  readonly name: string
  readonly stack: string
  readonly kind: Kind
  /** The program of both ends where it is not this suite's own in Node. */
  readonly program?: string | undefined
  /** Goes through a tunnel of that implementation between TUN devices. */
  readonly tunnel?: 'wireguard-go' | 'boringtun' | undefined
  readonly options?: StackOptions | undefined
  /** Peers of the near end that never come. */
  readonly idlePeers?: number | undefined
}

export interface PairOptions {
  readonly role: OpenOptions['role']
  /** Of the far process, each with an address of its own. */
  readonly farEnds: number
}

/** The two processes of a subject: the near one dials. */
export class Pair {
  readonly near: EndProcess
  readonly far: EndProcess
  readonly #site: Site
  addresses: readonly unknown[] = []

  private constructor({ program }: Subject, site: Site) {
    const command = program === undefined ? [process.execPath, '--expose-gc', join(__dirname, 'end.js')] : [program]
    this.#site = site
    this.near = new EndProcess(command, site.near.namespace)
    this.far = new EndProcess(command, site.far.namespace)
  }

  /** Opens both ends, and has them brought by `prepare` up to where they can be measured. */
  static async open(
    subject: Subject,
    site: Site,
    { role, farEnds }: PairOptions,
    prepare: (pair: Pair) => Promise<unknown>,
  ): Promise<Pair> {
    const pair = new Pair(subject, site)
    const common = { stack: subject.stack, kind: subject.kind, options: subject.options ?? {} }
    try {
      const [addresses] = await Promise.all([
        pair.far.ask('open', { ...common, role, host: site.far.host, ends: farEnds }),
        pair.near.ask('open', { ...common, role: 'count', host: site.near.host, ends: 1 }),
      ])
      pair.addresses = addresses
      await prepare(pair)
      return pair
    } catch (error) {
      await pair.close()
      throw error
    }
  }

  /** All processes that work for it. */
  get pids(): readonly number[] {
    return [this.near.pid, this.far.pid, ...this.#site.pids].filter((pid) => pid !== undefined)
  }

  /** What arrived at the far end by now, and the CPU time of all processes, of which the near one's. */
  async count(): Promise<Count & { readonly nearCpuSeconds: number }> {
    const [near, far] = await Promise.all([this.near.ask('count'), this.far.ask('count')])
    const others = this.#site.pids.reduce((sum, pid) => sum + cpuSeconds(pid), 0)
    return { ...far, cpuSeconds: near.cpuSeconds + far.cpuSeconds + others, nearCpuSeconds: near.cpuSeconds }
  }

  async close(): Promise<void> {
    await Promise.all([this.near.end(), this.far.end()])
  }
}
