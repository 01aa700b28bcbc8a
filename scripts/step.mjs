import { spawn } from 'node:child_process'
import { root } from './build/root.mjs'

/**
 * Runs a command and tells how it went: `{ code, output, seconds }`. The output is shown as it comes, or with `quiet`
 * handed back only. A command that cannot be started has the code 127; one that takes longer than `limit` seconds is
 * killed and has the code 124; what `late` says of its process then is a part of the output.
 */
export function run(command, args, { cwd = root, env = {}, quiet = false, limit = 1_800, late = () => '' } = {}) {
  const started = performance.now()
  return new Promise((resolve) => {
    const child = spawn(command, args, {
      cwd,
      env: { ...process.env, ...env },
      stdio: ['ignore', 'pipe', 'pipe'],
    })
    let output = ''
    const take = (stream) => (chunk) => {
      output += chunk
      if (!quiet) stream.write(chunk)
    }
    const end = (code) => {
      clearTimeout(timer)
      resolve({ code, output, seconds: (performance.now() - started) / 1000 })
    }
    const timer = setTimeout(() => {
      take(process.stderr)(
        `\n${command} ${args.join(' ')}: killed, it has not ended within ${limit} s\n${late(child.pid)}\n`,
      )
      child.kill('SIGKILL')
      child.stdout.destroy()
      child.stderr.destroy()
      end(124)
    }, limit * 1000)
    child.stdout.setEncoding('utf8').on('data', take(process.stdout))
    child.stderr.setEncoding('utf8').on('data', take(process.stderr))
    child.on('error', (error) => {
      take(process.stderr)(`${command}: ${error.message}\n`)
      end(127)
    })
    child.on('close', (code, signal) => end(signal === null ? code : 128))
  })
}

/** One line before a step, so that a log can be searched. */
export function announce(name) {
  console.log(`\n── ${name} ${'─'.repeat(Math.max(0, 72 - name.length))}`)
}

/** What each step took, and whether it passed. */
export function table(results) {
  for (const { name, code, seconds } of results) {
    console.log(`${code === 0 ? 'ok    ' : 'FAILED'}  ${seconds.toFixed(1).padStart(7)} s  ${name}`)
  }
}
