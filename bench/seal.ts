import { execFile } from 'node:child_process'
import { join } from 'node:path'
import { promisify } from 'node:util'

/** From `dist/bench`. */
const ROOT = join(__dirname, '../..')

/** ChaCha20-Poly1305 on one core, in packets of 1420 bytes: an inner packet of the default MTU. */
export interface CipherSpeed {
  readonly sealMbits: number
  /** To seal and to open. */
  readonly secondsPerGigabyte: number
}

/** Measures `ring`, the library that seals packets in the tunnel, with the small Rust program in `bench/seal`. */
export async function measureSeal(): Promise<CipherSpeed> {
  const command = ['run', '--release', '--quiet', '--package', 'warren-bench-seal']
  const { stdout } = await promisify(execFile)('cargo', command, { cwd: ROOT })
  const { packetBytes, sealNanoseconds, openNanoseconds } = JSON.parse(stdout) as Record<string, number>
  if (packetBytes === undefined || sealNanoseconds === undefined || openNanoseconds === undefined)
    throw new Error(stdout)
  return {
    sealMbits: (packetBytes * 8_000) / sealNanoseconds,
    secondsPerGigabyte: (sealNanoseconds + openNanoseconds) / packetBytes,
  }
}
