import { execFile } from 'node:child_process'
import { promisify } from 'node:util'

/** ChaCha20-Poly1305 on one core, in packets of 1420 bytes: an inner packet of the default MTU. */
export interface CipherSpeed {
  readonly sealMbits: number
  /** To seal and to open. */
  readonly secondsPerGigabyte: number
}

/** Measures `ring`, the library that seals packets in the tunnel, with the small Rust program in `bench/seal`. */
export async function measureSeal(): Promise<CipherSpeed> {
  const { stdout } = await promisify(execFile)('cargo', [
    'run',
    '--release',
    '--quiet',
    '--package',
    'warren-bench-seal',
  ])
  const { packetBytes, sealNanoseconds, openNanoseconds } = JSON.parse(stdout) as Record<string, number>
  if (packetBytes === undefined || sealNanoseconds === undefined || openNanoseconds === undefined)
    throw new Error(stdout)
  return {
    sealMbits: (packetBytes * 8_000) / sealNanoseconds,
    secondsPerGigabyte: (sealNanoseconds + openNanoseconds) / packetBytes,
  }
}
