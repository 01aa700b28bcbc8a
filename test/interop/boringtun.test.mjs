// A real foreign peer: boringtun-cli, before the kernel of a network namespace.
// Many at once, since most of it is waiting for WireGuard's own timers.

import { describe } from 'node:test'
import { Boringtun, missingBoringtun } from './boringtun.mjs'
import { conversation } from './suites/conversation.mjs'
import { keepalive } from './suites/keepalive.mjs'
import { restart } from './suites/restart.mjs'
import { roaming } from './suites/roaming.mjs'
import { simultaneous } from './suites/simultaneous.mjs'

const skip = missingBoringtun()

describe('with boringtun-cli', { skip, concurrency: 8 }, () => {
  for (const suite of [keepalive, restart, simultaneous, conversation, roaming]) suite(Boringtun)
})
