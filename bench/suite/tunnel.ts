import { type ChildProcess, spawn, spawnSync } from 'node:child_process'
import { generateKeyPairSync } from 'node:crypto'
import { once } from 'node:events'
import { existsSync, rmSync } from 'node:fs'
import { connect } from 'node:net'
import { createInterface } from 'node:readline'
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
  const daemons = await Promise.all(ends.map(({ place, name }) => start(implementation, place, name)))
  const close = async (): Promise<void> => {
    await Promise.all(daemons.map(end))
    for (const { name } of ends) rmSync(socketOf(name), { force: true })
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
    pids: daemons.map(({ pid }) => pid),
    close,
  }
}

interface Daemon {
  readonly pid: number
  readonly keeper: ChildProcess
}

/** A shell ends the daemon when its input ends: also when this process is killed. */
const KEEPER = '"$@" >/dev/null 2>&1 & echo $!; cat >/dev/null; kill $!; wait'

async function start(
  implementation: 'wireguard-go' | 'boringtun',
  { namespace }: Place,
  name: string,
): Promise<Daemon> {
  const program =
    implementation === 'wireguard-go'
      ? [WIREGUARD_GO, '--foreground', name]
      : [BORINGTUN, '--foreground', '--disable-drop-privileges', '--verbosity', 'error', name]
  const keeper = spawn('sh', ['-c', KEEPER, 'sh', 'ip', 'netns', 'exec', namespace as string, ...program], {
    detached: true,
    stdio: ['pipe', 'pipe', 'ignore'],
    env: { ...process.env, LOG_LEVEL: 'error' },
  })
  const [pid] = await once(createInterface({ input: keeper.stdout }), 'line')
  return { pid: Number(pid), keeper }
}

/** Sets it over the daemon's socket, once that is there. */
async function configured(name: string, lines: readonly string[]): Promise<void> {
  const path = socketOf(name)
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

async function end({ keeper }: Daemon): Promise<void> {
  const exited = once(keeper, 'exit')
  keeper.stdin?.end()
  await exited
}

function socketOf(name: string): string {
  return `/var/run/wireguard/${name}.sock`
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
