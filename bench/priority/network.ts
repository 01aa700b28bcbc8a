import { type ChildProcess, spawn, spawnSync } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { once } from 'node:events'
import type { Link } from './link.js'
import { readShaper, type Shaper, type ShaperCount, shape } from './shaper.js'

/** Where one node of a scenario lives. */
export interface Place {
  /** Of its network namespace; undefined: this machine as it is. */
  readonly namespace: string | undefined
  readonly host: string
}

/** Namespaces, the links between them and their shapers; gone with `close`, and with this process however it ends. */
export interface Network {
  readonly places: readonly Place[]
  /** What has passed the shapers in each direction of the given place: towards the others, and from them. */
  count(place: number): { readonly out: ShaperCount; readonly in: ShaperCount } | undefined
  close(): Promise<void>
}

/** Why there can be no shaped link here, in one line; undefined: there can. */
export async function reasonAgainstLinks(link: Link, congestionControl: string): Promise<string | undefined> {
  return await reasonAgainstNamespaces(() => pairOver(link, congestionControl))
}

/** The same of any network, by making one. */
export async function reasonAgainstNamespaces(make: () => Promise<Network>): Promise<string | undefined> {
  if (process.platform !== 'linux') return `network namespaces are Linux's, and this is ${process.platform}`
  for (const tool of ['ip', 'tc']) {
    if (spawnSync(tool, ['-V']).error !== undefined) return `there is no \`${tool}\` here (package iproute2)`
  }
  try {
    await (await make()).close()
    return undefined
  } catch (error) {
    const needsRoot = process.getuid?.() === 0 ? '' : ' (it needs root)'
    return `${(error instanceof Error ? error.message : String(error)).split('\n', 1)[0]}${needsRoot}`
  }
}

/** All nodes on the loopback interface of this machine. */
export function loopback(nodes: number): Network {
  const places = Array.from({ length: nodes }, () => ({ namespace: undefined, host: '127.0.0.1' }))
  return { places, count: () => undefined, close: async () => undefined }
}

/**
 * `a - router - b`: the token buckets stand on the router, one towards each end.
 *
 * The router routes. Through a bridge a packet would still belong to the sender's socket while it waits in the shaper,
 * and the kernel's TCP would see the queue and keep it short: ip_rcv() is where that ends.
 */
export async function pairOver(link: Link, congestionControl: string): Promise<Network> {
  const spaces = new Namespaces(['a', 'router', 'b'])
  try {
    const [a, router, b] = spaces.names as [string, string, string]
    attach(router, 'lan0', a, 0, congestionControl)
    attach(router, 'lan1', b, 1, congestionControl)
    forward(router)
    const toA = shape(router, 'lan0', link)
    const toB = shape(router, 'lan1', link)
    return network(
      spaces,
      [a, b],
      [
        { out: toB, in: toA },
        { out: toA, in: toB },
      ],
    )
  } catch (error) {
    await spaces.close()
    throw error
  }
}

/** Two nodes on one link of 1,500 bytes, without a shaper; groups of segments cross it whole, as a network card takes them. */
export async function directPair(): Promise<Network> {
  const spaces = new Namespaces(['a', 'b'])
  try {
    const [a, b] = spaces.names as [string, string]
    ip(a, ['link set lo up', `link add eth0 type veth peer name eth0 netns ${b}`])
    for (const [index, name] of spaces.names.entries()) {
      ip(name, ['link set lo up', 'link set eth0 mtu 1500 up', `address add 10.88.0.${index + 1}/24 dev eth0`])
    }
    const places = [a, b].map((namespace, index) => ({ namespace, host: `10.88.0.${index + 1}` }))
    return { places, count: () => undefined, close: () => spaces.close() }
  } catch (error) {
    await spaces.close()
    throw error
  }
}

/**
 * Each node behind a router of its own, the routers on one switch: every node has an uplink and a downlink of that rate.
 */
export async function starOver(link: Link, nodes: number, congestionControl: string): Promise<Network> {
  const indices = Array.from({ length: nodes }, (_, index) => index)
  const spaces = new Namespaces([
    'switch',
    ...indices.map((index) => `r${index}`),
    ...indices.map((index) => `n${index}`),
  ])
  try {
    const [core, ...rest] = spaces.names as [string, ...string[]]
    const routers = rest.slice(0, nodes)
    const places = rest.slice(nodes)
    ip(core, ['link add switch type bridge', 'link set switch up'])
    const shapers = routers.map((router, index) => {
      attach(router, 'lan', places[index] as string, index, congestionControl)
      ip(router, [
        `link add wan type veth peer name port${index} netns ${core}`,
        'link set wan gso_max_segs 1 up',
        `address add 10.90.0.${index + 1}/24 dev wan`,
      ])
      ip(core, [`link set port${index} master switch up`])
      const others = indices.filter((other) => other !== index)
      ip(
        router,
        others.map((other) => `route add ${subnet(other)} via 10.90.0.${other + 1}`),
      )
      forward(router)
      return { out: shape(router, 'wan', link), in: shape(router, 'lan', link) }
    })
    return network(spaces, places, shapers)
  } catch (error) {
    await spaces.close()
    throw error
  }
}

function network(
  spaces: Namespaces,
  names: readonly string[],
  shapers: readonly { out: Shaper; in: Shaper }[],
): Network {
  return {
    places: names.map((namespace, index) => ({ namespace, host: address(index) })),
    count(place) {
      const found = shapers[place]
      return found && { out: readShaper(found.out), in: readShaper(found.in) }
    },
    close: () => spaces.close(),
  }
}

/** The link between a router and the node `index`, with the node's default route. */
function attach(router: string, device: string, node: string, index: number, congestionControl: string): void {
  ip(router, [
    `link add ${device} type veth peer name eth0 netns ${node}`,
    `link set ${device} gso_max_segs 1 up`,
    `address add ${gateway(index)}/24 dev ${device}`,
  ])
  // A shaper that gets packets of 64 KiB, which the kernel cuts up later, counts and drops them whole.
  ip(node, [
    'link set lo up',
    'link set eth0 gso_max_segs 1 up',
    `address add ${address(index)}/24 dev eth0`,
    `route add default via ${gateway(index)} congctl ${congestionControl}`,
  ])
}

function forward(router: string): void {
  run('ip', ['netns', 'exec', router, 'sh', '-c', 'echo 1 >/proc/sys/net/ipv4/ip_forward'])
}

const address = (index: number): string => `10.89.${index}.1`
const gateway = (index: number): string => `10.89.${index}.254`
const subnet = (index: number): string => `10.89.${index}.0/24`

/** A process of its own deletes the namespaces when its input ends: also when this one is killed. */
const KEEPER = 'cat >/dev/null; for name in "$@"; do ip netns del "$name" 2>/dev/null; done'

class Namespaces {
  readonly names: readonly string[]
  readonly #keeper: ChildProcess

  constructor(parts: readonly string[]) {
    const run = randomBytes(4).toString('hex')
    this.names = parts.map((part) => `warren-${run}-${part}`)
    this.#keeper = spawn('sh', ['-c', KEEPER, 'sh', ...this.names], {
      detached: true,
      stdio: ['pipe', 'ignore', 'ignore'],
    })
    try {
      ip(
        undefined,
        this.names.map((name) => `netns add ${name}`),
      )
    } catch (error) {
      this.#keeper.stdin?.end()
      throw error
    }
  }

  async close(): Promise<void> {
    const exited = once(this.#keeper, 'exit')
    this.#keeper.stdin?.end()
    await exited
  }
}

function ip(namespace: string | undefined, commands: readonly string[]): void {
  run('ip', [...(namespace === undefined ? [] : ['-n', namespace]), '-batch', '-'], commands.join('\n'))
}

function run(command: string, options: readonly string[], input = ''): void {
  const { status, stderr } = spawnSync(command, options, { input, encoding: 'utf8' })
  if (status !== 0) throw new Error(`${command} ${options.join(' ')}: ${stderr.trim()}\n${input}`)
}
