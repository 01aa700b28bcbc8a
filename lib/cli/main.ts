#!/usr/bin/env node
import { run } from './run.js'
import type { Terminal } from './terminal.js'

const { stdout, stderr, env } = process
const gone = new AbortController()
const terminal: Terminal = {
  get stdin() {
    return process.stdin
  },
  stdout,
  stderr,
  env,
  once: (signal, listener) => process.once(signal, listener),
  off: (signal, listener) => process.off(signal, listener),
  gone: gone.signal,
}

/** Status once the output takes no more: it may be told after the command is over. */
let lost: 0 | 1 | undefined

stdout.on('error', ({ message, code }: NodeJS.ErrnoException) => {
  if (lost !== undefined) return
  // A reader that leaves, as `head` does, has all that it wanted.
  lost = code === 'EPIPE' ? 0 : 1
  if (lost === 1) stderr.write(`warren: ${message} [${code}]\n`)
  process.exitCode = lost
  gone.abort()
})
stderr.on('error', () => undefined)

void run(process.argv.slice(2), terminal).then((status) => {
  process.exitCode = lost ?? status
})
