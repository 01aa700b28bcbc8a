// A real foreign peer: userspace wireguard-go with its own network stack.
// Many at once, since most of it is waiting for WireGuard's own timers.

import { describePeer } from './describe-peer.mjs'
import { conversation } from './suites/conversation.mjs'
import { keepalive } from './suites/keepalive.mjs'
import { restart } from './suites/restart.mjs'
import { roaming } from './suites/roaming.mjs'
import { simultaneous } from './suites/simultaneous.mjs'
import { missingWireguardGo, WireguardGo } from './wireguard-go.mjs'

describePeer(WireguardGo, missingWireguardGo(), { concurrency: 12 }, [
  keepalive,
  restart,
  simultaneous,
  conversation,
  roaming,
])
