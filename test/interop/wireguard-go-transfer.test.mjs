import { describe } from 'node:test'
import { transfer } from './suites/transfer.mjs'
import { missingWireguardGo, WireguardGo } from './wireguard-go.mjs'

const skip = missingWireguardGo()

describe(`with ${WireguardGo.title}`, { skip }, () => transfer(WireguardGo))
