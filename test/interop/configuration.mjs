import { generateKeyPairSync } from 'node:crypto'

/** A Curve25519 key pair as WireGuard writes it: base64 of 32 bytes. */
export function keyPair() {
  const { d, x } = generateKeyPairSync('x25519').privateKey.export({ format: 'jwk' })
  const base64 = (text) => Buffer.from(text, 'base64url').toString('base64')
  return { privateKey: base64(d), publicKey: base64(x) }
}

/** WireGuard's cross-platform configuration protocol: the lines of "get", each name once since there is one peer. */
export function parseConfiguration(text) {
  const lines = text.split('\n').filter((line) => line.includes('='))
  const entries = lines.map((line) => [line.slice(0, line.indexOf('=')), line.slice(line.indexOf('=') + 1)])
  return Object.fromEntries(entries)
}

/** The lines of "set" for one peer; `listen` 0 asks for any port. */
export function formatConfiguration({ privateKey, listen, peer, presharedKey, endpoint, keepalive, allowedIPs }) {
  const hex = (key) => Buffer.from(key, 'base64').toString('hex')
  const lines = [`private_key=${hex(privateKey)}`, `listen_port=${listen}`, `public_key=${hex(peer)}`]
  if (presharedKey !== undefined) lines.push(`preshared_key=${hex(presharedKey)}`)
  if (endpoint !== undefined) lines.push(`endpoint=${endpoint}`)
  if (keepalive !== undefined) lines.push(`persistent_keepalive_interval=${keepalive}`)
  return [...lines, ...allowedIPs.map((prefix) => `allowed_ip=${prefix}`)].join('\n')
}
