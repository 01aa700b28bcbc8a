import { execFile, execFileSync, spawnSync } from 'node:child_process'
import { existsSync, readdirSync, rmSync } from 'node:fs'
import { promisify } from 'node:util'

const execute = promisify(execFile)
const living = new Set()
let count = 0

/** A network namespace of its own, with a name that no other process uses; it ends with `remove`, or with this process. */
export class Namespace {
  /** Throws with the reason where none can be made. Clears up after processes that were killed. */
  static probe() {
    for (const name of abandoned()) {
      rmSync(`/var/run/wireguard/${name}.sock`, { force: true }) // boringtun-cli ends without it
      spawnSync('ip', ['netns', 'del', name]) // or another process just did
    }
    const name = `wi${process.pid}probe`
    execFileSync('ip', ['netns', 'add', name], { stdio: ['ignore', 'ignore', 'pipe'] })
    execFileSync('ip', ['netns', 'del', name], { stdio: 'ignore' })
  }

  static async make() {
    const namespace = new Namespace()
    await execute('ip', ['netns', 'add', namespace.name])
    living.add(namespace)
    await namespace.ip('link', 'set', 'lo', 'up')
    return namespace
  }

  /** Short enough for an interface, too. */
  name = `wi${process.pid}n${count++}`

  /** The command line that runs a program in here. */
  command(...program) {
    return ['ip', 'netns', 'exec', this.name, ...program]
  }

  /** Runs a program in here; resolves with what it printed. */
  async run(...program) {
    const [file, ...args] = this.command(...program)
    return (await execute(file, args, { encoding: 'utf8' })).stdout
  }

  /** Runs ip(8) for in here. */
  async ip(...args) {
    await execute('ip', ['-n', this.name, ...args])
  }

  /** Moves an interface from the namespace of this process into this one. */
  async adopt(name) {
    await execute('ip', ['link', 'set', name, 'netns', this.name])
  }

  async remove() {
    living.delete(this)
    await execute('ip', ['netns', 'del', this.name])
  }
}

function abandoned() {
  const names = existsSync('/var/run/netns') ? readdirSync('/var/run/netns') : []
  return names.filter((name) => {
    const pid = /^wi(\d+)(?:n\d+|probe)$/.exec(name)?.[1]
    return pid !== undefined && !existsSync(`/proc/${pid}`)
  })
}

process.on('exit', () => {
  for (const { name } of living) execFileSync('ip', ['netns', 'del', name], { stdio: 'ignore' })
})
