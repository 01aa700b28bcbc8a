// Four minutes, since WireGuard renews its keys every two: all of it is waiting, so all at once.

import { Boringtun, missingBoringtun } from './boringtun.mjs'
import { describePeer } from './describe-peer.mjs'
import { renewal } from './suites/renewal.mjs'

describePeer(Boringtun, missingBoringtun(), { concurrency: true }, [renewal])
