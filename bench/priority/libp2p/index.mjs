// What the adapter takes of libp2p. It is copied beside the installed packages, and so finds them.

// libp2p 3 wants Node 22. All that it misses in Node 20 is this.
Promise.withResolvers ??= function withResolvers() {
  let settle
  const promise = new this((resolve, reject) => {
    settle = { resolve, reject }
  })
  return { promise, ...settle }
}

const [{ createLibp2p }, { tcp }, { noise }, { yamux }, { multiaddr }] = await Promise.all([
  import('libp2p'),
  import('@libp2p/tcp'),
  import('@chainsafe/libp2p-noise'),
  import('@chainsafe/libp2p-yamux'),
  import('@multiformats/multiaddr'),
])

/** A node over TCP + noise + yamux, or over QUIC, listening on `host`. */
export async function createNode(kind, host) {
  // Its ping monitor would end the connection under bulk, when no stream opens any more.
  const connectionMonitor = { enabled: false }
  // By default it takes five connections a second of one host, and 300 together.
  const connectionManager = {
    inboundConnectionThreshold: 100_000,
    maxConnections: 10_000,
    maxIncomingPendingConnections: 1_000,
  }
  if (kind === 'tcp') {
    return await createLibp2p({
      addresses: { listen: [`/ip4/${host}/tcp/0`] },
      transports: [tcp()],
      connectionEncrypters: [noise()],
      streamMuxers: [yamux()],
      connectionMonitor,
      connectionManager,
    })
  }
  const { quic } = await import('@chainsafe/libp2p-quic')
  return await createLibp2p({
    addresses: { listen: [`/ip4/${host}/udp/0/quic-v1`] },
    transports: [quic()],
    connectionMonitor,
    connectionManager,
  })
}

export { multiaddr }
