/** A file goes through a byte stream from one device to another: `node dist/examples/streams.js [file]`. */

import { createHash } from 'node:crypto'
import { createReadStream } from 'node:fs'
import { Duplex } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import { Device, PrivateKey } from 'warren'

async function main(file: string): Promise<void> {
  const listen = { host: '127.0.0.1' }
  const sender = await Device.open({ privateKey: PrivateKey.generate(), listen })
  const receiver = await Device.open({
    privateKey: PrivateKey.generate(),
    listen,
    authorize: ({ publicKey }) => publicKey === sender.publicKey,
  })

  // The receiver answers with the hash of what came, on the same stream. (`for await` would destroy the stream when the
  // peer has ended its side: that is how Node treats any Duplex.)
  receiver.on('connection', (connection) => {
    connection.on('stream', (stream) => {
      const hash = createHash('sha256')
      stream.on('data', (chunk: Buffer) => hash.update(chunk))
      stream.on('end', () => {
        if (stream instanceof Duplex) stream.end(hash.digest('hex'))
      })
    })
  })

  const peer = sender.addPeer({ publicKey: receiver.publicKey, endpoint: receiver.address })
  const connection = await peer.connect()
  const stream = connection.openStream()
  await pipeline(createReadStream(file), stream)
  console.log(`${file} arrived with SHA-256 ${await answer(stream)}`)

  await Promise.all([sender.close(), receiver.close()])
}

async function answer(stream: AsyncIterable<Buffer>): Promise<string> {
  const chunks: Buffer[] = []
  for await (const chunk of stream) chunks.push(chunk)
  return Buffer.concat(chunks).toString()
}

void main(process.argv[2] ?? __filename)
