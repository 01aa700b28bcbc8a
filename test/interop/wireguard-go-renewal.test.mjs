// Six minutes, since WireGuard renews its keys every two: all of it is waiting, so all at once.

import { describe } from 'node:test'
import { oneWayDeafSoak, renewal } from './suites/renewal.mjs'
import { missingWireguardGo, WireguardGo } from './wireguard-go.mjs'

const skip = missingWireguardGo()

describe('with wireguard-go', { skip, concurrency: true }, () => {
  renewal(WireguardGo)
  oneWayDeafSoak(WireguardGo)
})
