import { isIPv6 } from 'node:net'
import { setTimeout as wait } from 'node:timers/promises'
import { keyPair } from './configuration.mjs'
import { Relay } from './relay.mjs'
import { FULL } from './stream.mjs'
import { seconds, WarrenEnd } from './warren-end.mjs'

/** The addresses inside the tunnel, IPv4 and IPv6. */
export const FOREIGN = ['10.7.0.1', 'fd77::1']
export const OURS = ['10.7.0.2', 'fd77::2']

/** Who knows the other's endpoint, and so speaks first. */
export const DIALLERS = ['warren', 'the foreign peer']
/** Each knows the other's. */
export const BOTH = 'both'

/**
 * A tunnel between a foreign device and a warren device, ended however `use` ends; a failure tells the story of both.
 *
 * `Foreign` is the class of the foreign peer. Options: `dialler` (one of DIALLERS, or BOTH, which needs `faults`), `driver`, `host` (127.0.0.1 or ::1
 * outside), `faults` (then a relay stands before who is dialled), `presharedKey`, `foreignKey` (where it differs),
 * `allowedIPs` (what warren lets the foreign peer use), `keepalive` and `foreignKeepalive` (seconds).
 * `use` gets `{ foreign, ours, relay, reopen }`; `reopen` opens the warren device again, once it was closed.
 */
export async function withTunnel(Foreign, options, use) {
  const { dialler, driver, host = '127.0.0.1', faults, presharedKey, foreignKey = presharedKey } = options
  const { allowedIPs = ['10.7.0.1/32', 'fd77::1/128'], keepalive, foreignKeepalive } = options
  const keys = { foreign: keyPair(), ours: keyPair() }
  const ends = []
  const tunnel = {}
  const began = performance.now()
  const openForeign = async (endpoint) => {
    tunnel.foreign = await Foreign.start({
      privateKey: keys.foreign.privateKey,
      peer: keys.ours.publicKey,
      addresses: FOREIGN,
      allowedIPs: ['10.7.0.2/32', 'fd77::2/128'],
      ...(endpoint && { endpoint }),
      ...(foreignKey && { presharedKey: foreignKey }),
      ...(foreignKeepalive && { keepalive: foreignKeepalive }),
    })
    ends.push(() => tunnel.foreign.stop())
  }
  const openOurs = async (port, endpoint) => {
    const ours = await WarrenEnd.open({
      privateKey: keys.ours.privateKey,
      listen: { host, port },
      driver,
      addresses: OURS,
      peer: {
        publicKey: keys.foreign.publicKey,
        endpoint,
        presharedKey,
        allowedIPs,
        ...(keepalive && { persistentKeepalive: keepalive }),
      },
    })
    ends.push(() => ours.close())
    tunnel.ours = ours
    tunnel.reopen = () => openOurs(ours.port, endpoint)
    return ours
  }
  /** Where to dial who listens at this port. */
  const reach = async (serverPort) => {
    if (faults === undefined) return endpointOf(host, serverPort)
    tunnel.relay = await Relay.open({ host, serverPort, faults })
    ends.push(() => tunnel.relay.close())
    return endpointOf(host, tunnel.relay.port)
  }
  try {
    if (dialler === 'warren') {
      await openForeign()
      await openOurs(0, await reach(tunnel.foreign.port))
    } else if (dialler === BOTH) {
      const { port, device } = await openOurs(0)
      await openForeign(await reach(port))
      const { foreign, relay } = tunnel
      relay.introduce(foreign.port)
      await device.close()
      await openOurs(port, endpointOf(host, relay.outerPort))
    } else {
      await openOurs(0)
      await openForeign(await reach(tunnel.ours.port))
    }
    return await use(tunnel)
  } catch (error) {
    // A new one: the stack, which reporters print, keeps the message that an error was made with.
    throw new Error(`${error.message}\n${await story(tunnel, began)}`, { cause: error })
  } finally {
    await Promise.all(ends.map((end) => end()))
  }
}

export function endpointOf(host, port) {
  return isIPv6(host) ? `[${host}]:${port}` : `${host}:${port}`
}

/** Who dialled speaks first: the other may have no endpoint yet. Up to a full packet of 1420 bytes. */
export async function echoBothWays({ foreign, ours }) {
  const pings = [(to, size) => foreign.ping(OURS[to], { size }), (to, size) => ours.ping(FOREIGN[to], { size })]
  if (ours.peer.endpoint !== undefined) pings.reverse()
  for (const ping of pings) {
    for (const size of [0, 56, 1372]) {
      await ping(0, size)
      await ping(1, size)
    }
  }
}

/**
 * Sends a stream through the tunnel; gives what has arrived of it. `ip` is 0 for IPv4, 1 for IPv6. `lost` tells how many
 * datagrams the network has lost: the others are waited for, since the last ones may be late.
 */
export async function fromWarren({ foreign, ours, relay }, { ip, packets, port = 7_000, lost = () => 0 }) {
  const received = await foreign.receive(endpointOf(FOREIGN[ip], port))
  await ours.send({ to: FOREIGN[ip], port, packets })
  await relay?.settled()
  return arrival(received, () => packets - lost())
}

/** The same in the other direction. */
export async function toWarren({ foreign, ours, relay }, { ip, packets, port = 7_001, lost = () => 0 }) {
  const received = ours.receive({ from: FOREIGN[ip], port })
  await foreign.send({ from: endpointOf(FOREIGN[ip], port), to: endpointOf(OURS[ip], port), packets, size: FULL })
  await relay?.settled()
  return arrival(received, () => packets - lost())
}

async function arrival(received, expected, within = 20_000) {
  const end = performance.now() + within
  for (;;) {
    const figures = await received()
    if (figures.arrived >= expected() || performance.now() > end) return figures
    await wait(50)
  }
}

/** Waits until something has happened; rejects if it does not within so many milliseconds. */
export async function until(condition, within = 20_000) {
  const end = performance.now() + within
  while (!(await condition())) {
    if (performance.now() > end) throw new Error(`not within ${within} ms: ${condition}`)
    await wait(50)
  }
}

/** Tries until it succeeds, or for so many milliseconds. */
export async function eventually(attempt, within) {
  const end = performance.now() + within
  for (;;) {
    try {
      return await attempt()
    } catch (error) {
      if (performance.now() > end) throw error
    }
  }
}

async function story({ foreign, ours, relay }, began) {
  const lines = [`the tunnel began at ${seconds(began)}, and failed at ${seconds(performance.now())}`]
  if (ours !== undefined) lines.push(ours.story())
  if (foreign !== undefined) {
    const told = await foreign.configuration().catch((error) => ({ error: error.message }))
    const figures = ['listen_port', 'endpoint', 'rx_bytes', 'tx_bytes', 'last_handshake_time_sec', 'error']
    const known = figures.filter((name) => told[name] !== undefined).map((name) => `${name} ${told[name]}`)
    lines.push(`foreign: handshakes at ${foreign.handshakes.map(seconds).join(', ')}\n  ${known.join(', ')}`)
  }
  if (relay !== undefined) {
    for (const name of ['toServer', 'toClient']) {
      const { taken, lost, heldBack, doubled } = relay[name]
      lines.push(`relay ${name}: taken ${taken}, lost ${lost}, held back ${heldBack}, doubled ${doubled}`)
    }
  }
  return lines.join('\n')
}
