// A real foreign peer: boringtun-cli, before the kernel of a network namespace.
// Many at once, since most of it is waiting for WireGuard's own timers.

import { Boringtun, missingBoringtun } from './boringtun.mjs'
import { describePeer } from './describe-peer.mjs'
import { conversation } from './suites/conversation.mjs'
import { keepalive } from './suites/keepalive.mjs'
import { restart } from './suites/restart.mjs'
import { roaming } from './suites/roaming.mjs'
import { simultaneous } from './suites/simultaneous.mjs'

describePeer(Boringtun, missingBoringtun(), { concurrency: 8 }, [
  keepalive,
  restart,
  simultaneous,
  conversation,
  roaming,
])
