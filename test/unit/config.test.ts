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

  it('takes what wg(8) takes: blanks anywhere, any case, marks, service names', () => {
    const { device, peers } = parseConfig(`
      [ Interface ]
      Private Key = ${OWN.export().replace(/(.{9})/, '$1 ')}
      LISTENPORT = d i s c a r d
      FwMark = 0xca6c
      [PEER ]
      publickey=${PEERS[0]}
      Allowed IPs = 10.0.0.0 / 8
      AllowedIPs =
      AllowedIPs = 10.1.2.3/16,fd00::/8
      Persistent Keepalive = OFF
      Endpoint = node.example.org : discard
    `)
    expect((device.privateKey as PrivateKey).publicKey).toBe(OWN.publicKey)
    expect(device.listen).toBe(9)
    expect(peers).toMatchObject([
      {
        publicKey: PEERS[0],
        allowedIPs: ['10.0.0.0/8', '10.1.2.3/16', 'fd00::/8'],
        endpoint: 'node.example.org:9',
        persistentKeepalive: 0,
      },
    ])
  })

  it.each([
    ['203.0.113.5 : 51820', '203.0.113.5:51820'],
    ['[2001:db8::1] : 51820', '[2001:db8::1]:51820'],
    ['2001:db8::1:51820', '[2001:db8::1]:51820'],
    ['fe80::1%eth0:1', '[fe80::1%eth0]:1'],
    ['[fe80::1%3]:1', '[fe80::1%3]:1'],
    ['[::ffff:203.0.113.5]:1', '203.0.113.5:1'],
    ['[node.example.org]:1', 'node.example.org:1'],
  ])('reads the endpoint %s', (written, endpoint) => {
    const text = `[Interface]\nPrivateKey=${OWN.export()}\n[Peer]\nPublicKey=${PEERS[0]}\nEndpoint = ${written}`
    expect(parseConfig(text).peers[0]?.endpoint).toBe(endpoint)
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
    ['a mark that is none', `${interfaceLines}FwMark = 0x1_0`, /line 3: the mark/],
    ['a mark too large', `${interfaceLines}FwMark = 0x100000000`, /line 3: the mark/],
    [
      'a port that has no number',
      `${interfaceLines}ListenPort = no-such-service`,
      /line 3: .*services; got no-such-service/,
    ],
    [
      'changes to what an interface has',
      `${interfaceLines}[Peer]\nPublicKey=${PEERS[0]}\nAllowedIPs = +10.0.0.0/8`,
      /line 5: .*prefix/,
    ],
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

  it.each([
    '',
    'host',
    ':1',
    'host:',
    'host:0',
    'host:65536',
    '[::1]1',
    '[::1:1',
    '::1',
    '127.1:1',
    '[2001:db8::1%eth0]:1',
  ])('refuses the endpoint %j', (written) => {
    const text = `${interfaceLines}[Peer]\nPublicKey=${PEERS[0]}\nEndpoint = ${written}`
    expect(() => parseConfig(text)).toThrow(expect.objectContaining({ code: 'ERR_WARREN_INVALID_CONFIG' }))
  })

  it('never repeats a secret that it cannot read', () => {
    const typo = `${OWN.export().slice(0, -2)}x=`
    expect(() => parseConfig(`[Interface]\nPrivateKey = ${typo}`)).toThrow(/line 2/)
    expect(() => parseConfig(`[Interface]\nPrivateKey = ${typo}`)).not.toThrow(
      expect.objectContaining({ message: expect.stringContaining(typo) }),
    )
  })
})
