// One after another: each takes what the machine has.

import { describePeer } from './describe-peer.mjs'
import { transfer } from './suites/transfer.mjs'
import { missingWireguardGo, WireguardGo } from './wireguard-go.mjs'

describePeer(WireguardGo, missingWireguardGo(), {}, [transfer])
