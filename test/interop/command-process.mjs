import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { createInterface } from 'node:readline'

/** A program that takes commands as JSON lines and tells events as JSON lines, until its standard input ends. */
export class CommandProcess {
  #name
  #process
  #onEvent
  #ended
  #end
  #answers = new Map()
  #nextId = 1

  /** `onEvent` gets what answers no command. */
  constructor(name, [file, ...args], onEvent = () => {}) {
    this.#name = name
    this.#onEvent = onEvent
    this.#process = spawn(file, args, { stdio: ['pipe', 'pipe', 'inherit'] })
    createInterface({ input: this.#process.stdout }).on('line', (line) => this.#told(JSON.parse(line)))
    this.#process.stdin.on('error', () => {}) // it has ended, which is told below
    const exit = once(this.#process, 'exit').catch((error) => [error.message])
    this.#ended = exit.then(([code, signal]) => {
      this.#end = new Error(`${name} ended with ${code ?? signal}`)
      for (const { reject } of this.#answers.values()) reject(this.#end)
      this.#answers.clear()
    })
  }

  /** Resolves with the first event that has no id, which says that the program has begun. */
  ready() {
    return this.#answer(undefined)
  }

  /** Resolves with the event that answers; rejects with its `reason` if it has one. */
  async ask(command) {
    const id = this.#nextId++
    const answer = this.#answer(id)
    this.#process.stdin.write(`${JSON.stringify({ ...command, id })}\n`)
    const event = await answer
    if (event.reason !== undefined) throw new Error(`${this.#name}: ${command.command}: ${event.reason}`)
    return event
  }

  async stop() {
    this.#process.stdin.end()
    await this.#ended
  }

  #answer(id) {
    if (this.#end !== undefined) return Promise.reject(this.#end)
    return new Promise((resolve, reject) => this.#answers.set(id, { resolve, reject }))
  }

  #told(event) {
    const answer = this.#answers.get(event.id)
    this.#answers.delete(event.id)
    if (answer === undefined) this.#onEvent(event)
    else answer.resolve(event)
  }
}
