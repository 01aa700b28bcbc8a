import type { Buffer } from 'node:buffer'
import type { Device } from 'warren'

/** Reads every stream that comes to the device; answers a function that tells the bytes so far. */
export function receivedBytes(device: Device): () => number {
  let bytes = 0
  device.on('connection', (connection) => {
    connection.on('stream', (incoming) => {
      incoming.on('data', (chunk: Buffer) => {
        bytes += chunk.length
      })
    })
  })
  return () => bytes
}
