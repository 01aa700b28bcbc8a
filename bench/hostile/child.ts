import { type ChildProcess, fork } from 'node:child_process'
import { once } from 'node:events'
import { setPriority } from 'node:os'
import { join } from 'node:path'

/** A program of this folder in a process of its own, which is asked and answers. */
export class Child {
  readonly #child: ChildProcess
  readonly #messages: unknown[] = []
  #ended: string | undefined

  constructor(file: string, options: unknown) {
    this.#child = fork(join(__dirname, file), [JSON.stringify(options)], { serialization: 'advanced' })
    favour(this.#child.pid)
    this.#child.on('message', (message) => this.#messages.push(message))
    this.#child.once('exit', (code, signal) => {
      this.#ended = `${file} ended: ${code ?? signal}`
      this.#child.emit('message')
    })
  }

  ask(): Promise<unknown> {
    this.#child.send('how are you?')
    return this.told()
  }

  /** The next that it says. */
  async told(): Promise<unknown> {
    for (;;) {
      const message = this.#messages.shift()
      if (typeof message === 'object' && message !== null) {
        if ('closed' in message) throw new Error(`the honest connection ended: ${message.closed}`)
        return message
      }
      if (this.#ended !== undefined) throw new Error(this.#ended)
      if (this.#messages.length === 0) await once(this.#child, 'message')
    }
  }

  kill(): void {
    this.#child.kill('SIGKILL')
  }
}

/** Puts a process before others of the machine; needs root. */
export function favour(pid: number | undefined): void {
  try {
    if (pid !== undefined) setPriority(pid, -20)
  } catch {
    // As it is.
  }
}
