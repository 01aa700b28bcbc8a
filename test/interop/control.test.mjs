// The control of the other tests here: two foreign devices understand each other, so the harness measures the peer.

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { keyPair } from './configuration.mjs'
import { missingWireguardGo, WireguardGo } from './wireguard-go.mjs'

const skip = missingWireguardGo()

test('two wireguard-go devices answer each other, also after a restart', { skip }, async () => {
  const [a, b] = [keyPair(), keyPair()]
  const listening = await WireguardGo.start({
    privateKey: a.privateKey,
    peer: b.publicKey,
    addresses: ['10.7.0.1', 'fd77::1'],
    allowedIPs: ['10.7.0.2/32', 'fd77::2/128'],
  })
  const dialling = await WireguardGo.start({
    privateKey: b.privateKey,
    peer: a.publicKey,
    endpoint: `127.0.0.1:${listening.port}`,
    addresses: ['10.7.0.2', 'fd77::2'],
    allowedIPs: ['10.7.0.1/32', 'fd77::1/128'],
  })
  try {
    for (const address of ['10.7.0.1', 'fd77::1']) assert.ok((await dialling.ping(address)) < 5_000)
    for (const address of ['10.7.0.2', 'fd77::2']) assert.ok((await listening.ping(address, { size: 1372 })) < 5_000)
    await dialling.restart()
    // A second initiation within 20 ms of the first counts as a flood to wireguard-go; its sender tries again after 5 s.
    await dialling.ping('10.7.0.1', { timeout: 12_000 })
    await assert.rejects(dialling.ping('10.7.0.9', { timeout: 200 }), /no echo from 10\.7\.0\.9/)
    assert.ok(listening.handshakes.length >= 1, 'the watched device told no handshake')
  } finally {
    await Promise.all([listening.stop(), dialling.stop()])
  }
})
