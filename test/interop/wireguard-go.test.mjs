// A real foreign peer: userspace wireguard-go with its own network stack.
// All at once, since most of it is waiting for WireGuard's own timers.

import { describe } from 'node:test'
import { conversation } from './suites/conversation.mjs'
import { keepalive } from './suites/keepalive.mjs'
import { restart } from './suites/restart.mjs'
import { roaming } from './suites/roaming.mjs'
import { simultaneous } from './suites/simultaneous.mjs'
import { missingWireguardGo, WireguardGo } from './wireguard-go.mjs'

const skip = missingWireguardGo()

describe('with wireguard-go', { skip, concurrency: 12 }, () => {
  for (const suite of [keepalive, restart, simultaneous, conversation, roaming]) suite(WireguardGo)
})
