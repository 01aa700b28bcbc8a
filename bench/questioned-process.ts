import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'

/** Far more than any answer takes, however busy the machine. */
const ANSWER_MS = 60_000

/**
 * A process that answers questions: `{ id, verb, argument }` by `{ id, value }` or `{ id, error }`, one JSON text a line over the
 * channel that Node gives its children (`NODE_CHANNEL_FD`), which a program in another language can speak as well.
 */
export class QuestionedProcess {
  readonly #child: ChildProcess
  #questions = 0

  /** `namespace` is the network namespace that it runs in; undefined: that of this process. */
  constructor(program: readonly string[], namespace: string | undefined) {
    const command = namespace === undefined ? program : ['ip', 'netns', 'exec', namespace, ...program]
    this.#child = spawn(command[0] as string, command.slice(1), { stdio: ['ignore', 'inherit', 'inherit', 'ipc'] })
    this.#child.setMaxListeners(0)
    // It may end while a question is on its way.
    this.#child.on('error', () => undefined)
  }

  get pid(): number | undefined {
    return this.#child.pid
  }

  /** Rejects when the process errs or ends. */
  async question(verb: string, argument: unknown): Promise<unknown> {
    const id = this.#questions++
    return await new Promise((resolve, reject) => {
      const limit = setTimeout(() => exited(null, `no answer in ${ANSWER_MS / 1e3} s`), ANSWER_MS)
      const done = (): void => {
        clearTimeout(limit)
        this.#child.off('message', answered).off('exit', exited)
      }
      const answered = (answer: { id: number; value: unknown; error: string | undefined }): void => {
        if (answer.id !== id) return
        done()
        if (answer.error === undefined) resolve(answer.value)
        else reject(new Error(answer.error))
      }
      const exited = (code: number | null, signal: string | null): void => {
        done()
        reject(new Error(`a process failed during "${verb}" (${signal ?? code})`))
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

/** Answers the questions of the process that started this one, until that one is gone. */
export function answerQuestions(verbs: Readonly<Record<string, (argument: never) => unknown>>): void {
  process.on('message', async ({ id, verb, argument }: { id: number; verb: string; argument: never }) => {
    try {
      process.send?.({ id, value: await verbs[verb]?.(argument) })
    } catch (error) {
      process.send?.({ id, error: error instanceof Error ? (error.stack ?? error.message) : String(error) })
    }
  })
  process.once('disconnect', () => process.exit())
}
