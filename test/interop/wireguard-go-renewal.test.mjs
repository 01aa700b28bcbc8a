// Six minutes, since WireGuard renews its keys every two: all of it is waiting, so all at once.

import { describePeer } from './describe-peer.mjs'
import { oneWayDeafSoak, renewal } from './suites/renewal.mjs'
import { missingWireguardGo, WireguardGo } from './wireguard-go.mjs'

describePeer(WireguardGo, missingWireguardGo(), { concurrency: true }, [renewal, oneWayDeafSoak])
