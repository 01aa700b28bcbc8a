import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { join } from 'node:path'
import type { Place } from './network.js'
import type { Answers, Verb, Verbs } from './verbs.js'

/** Far more than any answer takes, however busy the machine. */
const ANSWER_MS = 60_000

/** One node of a scenario: a process in a network namespace, driven by questions. */
export class NodeProcess {
  readonly #child: ChildProcess
  #questions = 0

  constructor(place: Place) {
    const program = [process.execPath, join(__dirname, 'node.js')]
    const command = place.namespace === undefined ? program : ['ip', 'netns', 'exec', place.namespace, ...program]
    this.#child = spawn(command[0] as string, command.slice(1), { stdio: ['ignore', 'inherit', 'inherit', 'ipc'] })
    this.#child.setMaxListeners(0)
  }

  /** Rejects when the process errs or ends. */
  async ask<V extends Verb>(verb: V, argument: Verbs[V]): Promise<Answers[V]> {
    const id = this.#questions++
    return await new Promise((resolve, reject) => {
      const limit = setTimeout(() => exited(null, `no answer in ${ANSWER_MS / 1e3} s`), ANSWER_MS)
      const done = (): void => {
        clearTimeout(limit)
        this.#child.off('message', answered).off('exit', exited)
      }
      const answered = (answer: { id: number; value: Answers[V]; error: string | undefined }): void => {
        if (answer.id !== id) return
        done()
        if (answer.error === undefined) resolve(answer.value)
        else reject(new Error(answer.error))
      }
      const exited = (code: number | null, signal: string | null): void => {
        done()
        reject(new Error(`a node failed during "${verb}" (${signal ?? code})`))
      }
      this.#child.on('message', answered).on('exit', exited)
      this.#child.send({ id, verb, argument })
    })
  }

  async end(): Promise<void> {
    if (this.#child.exitCode !== null || this.#child.signalCode !== null) return
    const exited = once(this.#child, 'exit')
    this.#child.kill('SIGKILL')
    await exited
  }
}
