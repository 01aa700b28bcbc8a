// Network namespaces for tests of paths: machines of one process each, joined by links.

import { spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { fileURLToPath } from 'node:url'
import { Namespace } from '../interop/namespace.mjs'

const program = fileURLToPath(new URL('programs/remote.mjs', import.meta.url))

/** Why such tests cannot run here; false: they can. */
export function reasonToSkip() {
  if (process.env.WARREN_REQUIRE_NETNS === '1') return false
  const name = `warren-test-${process.pid}`
  if (spawnSync('ip', ['netns', 'add', name]).status !== 0) {
    return 'no network namespaces here (they need Linux, root and iproute2)'
  }
  spawnSync('ip', ['netns', 'del', name])
  return false
}

/** Makes machines by name, and ends them after the test. */
export async function machines(context, ...names) {
  const made = await Promise.all(names.map(async (name) => [name, new Machine(await Namespace.make())]))
  context.after(async () => {
    for (const [, machine] of made) await machine.end()
  })
  return Object.fromEntries(made)
}

/** Joins two machines by a link with this name and these addresses at its ends. IPv6 addresses are usable at once. */
export async function link([one, name, ...addresses], [other, otherName, ...otherAddresses]) {
  const { namespace } = other
  await one.namespace.ip('link', 'add', name, 'type', 'veth', 'peer', 'name', otherName, 'netns', namespace.name)
  for (const [machine, device, all] of [
    [one, name, addresses],
    [other, otherName, otherAddresses],
  ]) {
    await machine.namespace.run('sysctl', '-qw', `net.ipv6.conf.${device}.accept_dad=0`)
    for (const address of all) await machine.namespace.ip('addr', 'add', address, 'dev', device)
    await machine.namespace.ip('link', 'set', device, 'up')
  }
}

/** A namespace, and one process of Node in it. */
class Machine {
  #process
  #calls = new Map()
  #count = 0

  constructor(namespace) {
    this.namespace = namespace
  }

  /** Starts the process when it is first needed: it sees the files of /etc/netns that are there by then. */
  async run(code, ...args) {
    const process = this.#start()
    const id = this.#count++
    const answered = new Promise((resolve, reject) => this.#calls.set(id, { resolve, reject }))
    process.send({ id, code: String(code), args })
    return await answered
  }

  /** The address that its interface has for its link alone. */
  async linkLocal(device) {
    const shown = await this.namespace.run('ip', '-6', '-o', 'addr', 'show', 'dev', device, 'scope', 'link')
    return /inet6 (\S+)\//.exec(shown)[1]
  }

  async end() {
    if (this.#process?.exitCode === null) {
      this.#process.kill('SIGKILL')
      await once(this.#process, 'exit')
    }
    await this.namespace.remove()
  }

  #start() {
    if (this.#process !== undefined) return this.#process
    const [file, ...args] = this.namespace.command(process.execPath, program)
    this.#process = spawn(file, args, { stdio: ['ignore', 'inherit', 'inherit', 'ipc'] })
    this.#process.on('message', ({ id, value, error }) => {
      const { resolve, reject } = this.#calls.get(id)
      this.#calls.delete(id)
      if (error === undefined) resolve(value)
      else reject(new Error(error))
    })
    this.#process.on('exit', () => {
      for (const { reject } of this.#calls.values()) reject(new Error('the process of the machine ended'))
    })
    return this.#process
  }
}
