import { describe, expect, it } from '@jest/globals'
import { parseConfig } from '../../lib/config.js'
import { PrivateKey } from '../../lib/keys.js'

const OWN = PrivateKey.generate()
const PEERS = [PrivateKey.generate(), PrivateKey.generate()].map(({ publicKey }) => publicKey) as [string, string]
const SECRET = Buffer.alloc(32, 7)

describe('parseConfig', () => {
  it('reads what wg(8) writes', () => {
    const { device, peers } = parseConfig(`
      # a comment
      [Interface]
      PrivateKey = ${OWN.export()}
      ListenPort = 51820 # another
      FwMark = off

      [Peer]
      PublicKey = ${PEERS[0]}
      PresharedKey = ${SECRET.toString('base64')}
      AllowedIPs = 10.0.0.0/8, fd00::/8
      allowedips = 192.0.2.7
      Endpoint = [2001:db8::1]:51820
      PersistentKeepalive = 25
      [peer]
      PublicKey=${PEERS[1]}
      AllowedIPs =
      Endpoint = node.example.org:1
      PersistentKeepalive = off
    `)
    expect((device.privateKey as PrivateKey).publicKey).toBe(OWN.publicKey)
    expect(device.listen).toBe(51_820)
    expect(peers).toEqual([
      {
        publicKey: PEERS[0],
        presharedKey: SECRET,
        allowedIPs: ['10.0.0.0/8', 'fd00::/8', '192.0.2.7/32'],
        endpoint: '[2001:db8::1]:51820',
        persistentKeepalive: 25,
      },
      {
        publicKey: PEERS[1],
        presharedKey: undefined,
        allowedIPs: [],
        endpoint: 'node.example.org:1',
        persistentKeepalive: 0,
      },
    ])
  })

  it('takes the addresses and the MTU of wg-quick(8)', () => {
    const { device } = parseConfig(
      `[Interface]\nPrivateKey=${OWN.export()}\nAddress = 10.1.2.3/24, fd01::1/64\nMTU = 1380`,
    )
    expect(device).toMatchObject({ addresses: ['10.1.2.3/24', 'fd01::1/64'], mtu: 1_380 })
  })

  const interfaceLines = `[Interface]\nPrivateKey = ${OWN.export()}\n`
  it.each([
    ['no [Interface]', '', /no \[Interface\]/],
    ['a second [Interface]', `${interfaceLines}[Interface]\n`, /line 3: .*second/],
    ['a name before any section', 'ListenPort = 1', /line 1: ListenPort stands before/],
    ['an unknown section', '[Pear]', /line 1: \[pear\]/i],
    ['a line that is neither', `${interfaceLines}what is this`, /line 3: expected/],
    ['an unknown name', `${interfaceLines}ListenPorts = 1`, /line 3: ListenPorts is not a name/],
    ['what only wg-quick(8) does', `${interfaceLines}PostUp = reboot`, /line 3: PostUp belongs to wg-quick/],
    ['a mark', `${interfaceLines}FwMark = 0x1`, /line 3: FwMark/],
    ['a port too high', `${interfaceLines}ListenPort = 70000`, /line 3: .*65535/],
    ['no private key', '[Interface]\n', /no PrivateKey/],
    ['a peer without its key', `${interfaceLines}[Peer]\n`, /line 3: .*no PublicKey/],
    ['a bad endpoint', `${interfaceLines}[Peer]\nPublicKey=${PEERS[0]}\nEndpoint = nowhere`, /line 5: Endpoint/],
    ['a bad prefix', `${interfaceLines}[Peer]\nPublicKey=${PEERS[0]}\nAllowedIPs = 10.0.0.0/33`, /line 5: .*prefix/],
  ])('refuses %s, saying where', (_, text, message) => {
    expect(() => parseConfig(text)).toThrow(
      expect.objectContaining({ code: 'ERR_WARREN_INVALID_CONFIG', message: expect.stringMatching(message) }),
    )
  })

  it('never repeats a secret that it cannot read', () => {
    const typo = `${OWN.export().slice(0, -2)}x=`
    expect(() => parseConfig(`[Interface]\nPrivateKey = ${typo}`)).toThrow(/line 2/)
    expect(() => parseConfig(`[Interface]\nPrivateKey = ${typo}`)).not.toThrow(
      expect.objectContaining({ message: expect.stringContaining(typo) }),
    )
  })
})
