import { type ChildProcess, spawn, spawnSync } from 'node:child_process'
import { generateKeyPairSync } from 'node:crypto'
import { once } from 'node:events'
import { existsSync } from 'node:fs'
import { connect } from 'node:net'
import { text } from 'node:stream/consumers'
import { setTimeout as delay } from 'node:timers/promises'
import type { Place } from '../priority/network.js'
import { BORINGTUN, WIREGUARD_GO } from './foreign.js'
import type { Site } from './paths.js'

/** Two daemons with a TUN device each, whose tunnel the kernel's TCP takes. */
export interface Tunnel extends Site {
  close(): Promise<void>
}

/** Brings up a tunnel of that implementation between two namespaces that reach each other. */
export async function openTunnel(
  implementation: 'wireguard-go' | 'boringtun',
  near: Place,
  far: Place,
): Promise<Tunnel> {
  const ends = [
    { ...keyPair(), place: near, inner: '10.99.0.1', name: `wb${process.pid}${implementation[0]}a` },
    { ...keyPair(), place: far, inner: '10.99.0.2', name: `wb${process.pid}${implementation[0]}b` },
  ] as const
  const daemons = ends.map(({ place, name }) => start(implementation, place, name))
  const close = async (): Promise<void> => {
    await Promise.all(daemons.map(end))
  }
  try {
    for (const [index, own] of ends.entries()) {
      const peer = ends[1 - index] as (typeof ends)[number]
      await configured(own.name, [
        `private_key=${own.privateKey}`,
        `listen_port=${PORT}`,
        `public_key=${peer.publicKey}`,
        `endpoint=${peer.place.host}:${PORT}`,
        `allowed_ip=${peer.inner}/32`,
      ])
      ip(own.place, `address add ${own.inner}/24 dev ${own.name}`)
      ip(own.place, `link set ${own.name} mtu ${MTU} up`)
    }
  } catch (error) {
    await close()
    throw error
  }
  return {
    near: { namespace: near.namespace, host: ends[0].inner },
    far: { namespace: far.namespace, host: ends[1].inner },
    pids: daemons.flatMap(({ pid }) => pid ?? []),
    close,
  }
}

function start(implementation: 'wireguard-go' | 'boringtun', { namespace }: Place, name: string): ChildProcess {
  const program =
    implementation === 'wireguard-go'
      ? [WIREGUARD_GO, '--foreground', name]
      : [BORINGTUN, '--foreground', '--disable-drop-privileges', '--verbosity', 'error', name]
  return spawn('ip', ['netns', 'exec', namespace as string, ...program], {
    stdio: 'ignore',
    env: { ...process.env, LOG_LEVEL: 'error' },
  })
}

/** Sets it over the daemon's socket, once that is there. */
async function configured(name: string, lines: readonly string[]): Promise<void> {
  const path = `/var/run/wireguard/${name}.sock`
  for (let waited = 0; !existsSync(path); waited += POLL_MS) {
    if (waited > PATIENCE_MS) throw new Error(`${name} did not come up`)
    await delay(POLL_MS)
  }
  const socket = connect(path)
  socket.write(`set=1\n${lines.join('\n')}\n\n`)
  socket.end()
  const answer = await text(socket)
  if (!answer.includes('errno=0')) throw new Error(`${name} refused its configuration: ${answer.trim()}`)
}

function ip({ namespace }: Place, command: string): void {
  const { status, stderr } = spawnSync('ip', ['-n', namespace as string, ...command.split(' ')], { encoding: 'utf8' })
  if (status !== 0) throw new Error(`ip ${command}: ${stderr.trim()}`)
}

async function end(daemon: ChildProcess): Promise<void> {
  if (daemon.exitCode !== null || daemon.signalCode !== null) return
  const exited = once(daemon, 'exit')
  // They take their sockets with them.
  daemon.kill('SIGTERM')
  const killing = setTimeout(() => daemon.kill('SIGKILL'), 2_000)
  await exited
  clearTimeout(killing)
}

/** Both keys in hex, as the configuration protocol has them. */
function keyPair(): { readonly privateKey: string; readonly publicKey: string } {
  const { d, x } = generateKeyPairSync('x25519').privateKey.export({ format: 'jwk' })
  const hex = (key: string | undefined): string => Buffer.from(key ?? '', 'base64url').toString('hex')
  return { privateKey: hex(d), publicKey: hex(x) }
}

const PORT = 51_820
/** That of wg-quick(8) over a link of 1,500 bytes. */
const MTU = 1_420
const POLL_MS = 20
const PATIENCE_MS = 10_000
