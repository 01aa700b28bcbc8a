import { readFile } from 'node:fs/promises'
import { parseArgs } from 'node:util'
import { PrivateKey } from 'warren'
import { readAll, type Terminal } from './terminal.js'

/** Prints a new private key, like `wg genkey`. */
export async function genkey(args: readonly string[], { stdout }: Terminal): Promise<number> {
  parseArgs({ args: [...args], options: {} })
  stdout.write(`${PrivateKey.generate().export()}\n`)
  return 0
}

/** Prints the public key of the private key that it reads, like `wg pubkey`. */
export async function pubkey(args: readonly string[], terminal: Terminal): Promise<number> {
  parseArgs({ args: [...args], options: {} })
  const key = await readAll(terminal)
  terminal.stdout.write(`${PrivateKey.from(key.trim()).publicKey}\n`)
  return 0
}

/** The key of a command: from a file, from the environment, or a new one. */
export async function commandKey(file: string | undefined, { env }: Terminal): Promise<PrivateKey> {
  if (file !== undefined) return PrivateKey.from((await readFile(file, 'utf8')).trim())
  const { WARREN_PRIVATE_KEY } = env
  return WARREN_PRIVATE_KEY === undefined ? PrivateKey.generate() : PrivateKey.from(WARREN_PRIVATE_KEY.trim())
}
