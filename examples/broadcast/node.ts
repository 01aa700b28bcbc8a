/**
 * One node of the network, in a process of its own. `main.ts` forks as many as it is told to.
 *
 * It makes its key, opens a device, enters itself into the registry, links itself to the overlay and takes part.
 */

import { on } from 'node:events'
import { Device, PrivateKey } from 'warren'
import { now } from './clock.js'
import { Fault } from './fault.js'
import { Gossip } from './gossip.js'
import { HOLD_BYTES } from './held.js'
import { laneTable } from './lanes.js'
import type { SharedObject } from './objects.js'
import type { NodeOptions } from './options.js'
import { isLinked, joinOverlay } from './overlay.js'
import { BULK_WINDOW, publish } from './publisher.js'
import { Registry } from './registry.js'
import type { FromNode, Published, ToNode } from './report.js'
import { phaseStart } from './schedule.js'
import { Statistics } from './statistics.js'
import { VERSIONS } from './versions.js'

const STATISTICS_INTERVAL_MS = 250

/** In the phases without priorities, urgent objects queue up behind bulk. */
const URGENT_BACKLOG_BYTES = 32 * 1024 * 1024

/** Shorter than the default: the neighbours of the node that is killed should not wait long for it. */
const DEAD_AFTER_MS = 2_000

async function run(options: NodeOptions): Promise<void> {
  const commands = on(process, 'message') as AsyncIterableIterator<[ToNode]>
  const registry = new Registry(options.registry)

  // What can wait for one neighbour is bounded (`gossip.ts` says why); the default would do for some thirty nodes.
  const queuedBytesPerPeer =
    2 * BULK_WINDOW * (options.nodes + 1) * options.bulkSize + HOLD_BYTES + URGENT_BACKLOG_BYTES
  const device = await Device.open({
    privateKey: PrivateKey.generate(),
    listen: { host: '127.0.0.1' },
    protocols: options.protocols ?? [VERSIONS[0]],
    authorize: ({ publicKey }) => registry.has(publicKey),
    uplink: options.uplink,
    deadAfter: DEAD_AFTER_MS,
    driver: options.driver,
    lanes: laneTable(queuedBytesPerPeer),
    limits: { queuedBytesPerPeer, queuedBytes: queuedBytesPerPeer * (options.nodes + 1) },
  })
  const statistics = new Statistics(device)
  const gossip = new Gossip(device, statistics, new Fault(options.fault))
  void gossip.run()

  const linked = new Promise<void>((resolve) => {
    // Whoever dialled, each connection appears here exactly once, so this is the only place where neighbours are met.
    device.on('connection', (connection) => {
      void gossip.meet(connection)
      if (isLinked(device.connections, options.nodes)) resolve()
    })
  })

  const { host, port } = device.address
  await registry.register({ publicKey: device.publicKey, endpoint: `${host}:${port}` })
  statistics.handshakes = await joinOverlay(device, registry)
  await linked
  statistics.linkedAt = now()
  await tell({ type: 'linked', at: statistics.linkedAt, publicKey: device.publicKey })

  let start = Infinity
  const reports = setInterval(() => {
    statistics.phaseAt = start + phaseStart((now() - start) / 1_000, options.seconds) * 1_000
    void tell(statistics.take(gossip.queued))
  }, STATISTICS_INTERVAL_MS)
  const announce = (object: SharedObject): Promise<void> => tell({ type: 'published', object: describe(object) })
  const finish = new AbortController()
  for await (const [command] of commands) {
    switch (command.type) {
      case 'start':
        start = command.at
        void publish(gossip, options, start, announce, finish.signal)
        break
      case 'speak':
        // Nothing else: connections move by themselves, and 'connection' above tells of the new ones.
        device.setProtocols(command.protocols)
        break
      case 'finish':
        finish.abort()
        break
      case 'stop':
        clearInterval(reports)
        await device.close()
        // Nothing else is open now: the process ends by itself.
        process.off('disconnect', abandon)
        process.disconnect()
        return
    }
  }
}

/** Resolves when the report is in the hands of the operating system: it arrives even if this process dies at once. */
function tell(report: FromNode): Promise<void> {
  return new Promise((resolve) => process.send?.(report, () => resolve()))
}

function describe({ id, kind, bytes, due }: SharedObject): Published {
  return { id, kind, bytes: bytes.length, due }
}

function abandon(): void {
  process.exit(1)
}

process.once('disconnect', abandon)
void run(JSON.parse(process.argv[2] ?? '{}') as NodeOptions)
