// One after another: each takes what the machine has.

import { Boringtun, missingBoringtun } from './boringtun.mjs'
import { describePeer } from './describe-peer.mjs'
import { transfer } from './suites/transfer.mjs'

describePeer(Boringtun, missingBoringtun(), {}, [transfer])
