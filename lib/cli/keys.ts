import { fstatSync, type Stats } from 'node:fs'
import { open } from 'node:fs/promises'
import { parseArgs } from 'node:util'
import { PrivateKey, type PublicKey, parsePublicKey } from 'warren'
import { readAll, type Terminal, teller } from './terminal.js'
import { UsageError } from './usage-error.js'

/** Prints a new private key, like `wg genkey`; and like it, says so where it goes to a file that others may read. */
export async function genkey(args: readonly string[], terminal: Terminal): Promise<number> {
  const { values } = parseArgs({ args: [...args], options: OPTIONS })
  const { stdout, stderr } = terminal
  if (stdout.fd !== undefined && isOpenToOthers(fstatSync(stdout.fd)))
    stderr.write('warren: others may read the file that this key goes to; set the umask to 077 and try again\n')
  const key = PrivateKey.generate()
  const privateKey = key.export()
  teller(terminal, values.json)({ privateKey, publicKey: key.publicKey }, privateKey)
  return 0
}

/** Prints the public key of the private key that it reads, like `wg pubkey`. */
export async function pubkey(args: readonly string[], terminal: Terminal): Promise<number> {
  const { values } = parseArgs({ args: [...args], options: OPTIONS })
  const { publicKey } = PrivateKey.from((await readAll(terminal)).trim())
  teller(terminal, values.json)({ publicKey }, publicKey)
  return 0
}

/** A public key of the command line. */
export function keyArgument(name: string, text: string): PublicKey {
  try {
    return parsePublicKey(text)
  } catch {
    // A private key in the place of a public one must not get into a log.
    throw new UsageError(`${name} must be a public key, 44 characters of base64; got ${text.length} characters`)
  }
}

/** The key of a command: from a file, from the environment, or a new one. */
export async function commandKey(file: string | undefined, terminal: Terminal): Promise<PrivateKey> {
  if (file !== undefined) return PrivateKey.from((await readPrivate(file, terminal)).trim())
  const { WARREN_PRIVATE_KEY } = terminal.env
  return WARREN_PRIVATE_KEY === undefined ? PrivateKey.generate() : PrivateKey.from(WARREN_PRIVATE_KEY.trim())
}

/**
 * Reads a key, and says so where others may read it too. ssh refuses such a file of its user's own; here it may well be one that an
 * orchestrator mounts, whose mode nobody chose, and a node that does not start is no safer key.
 */
async function readPrivate(file: string, { stderr }: Terminal): Promise<string> {
  const handle = await open(file)
  try {
    const stats = await handle.stat()
    if (isOpenToOthers(stats)) stderr.write(`warren: others may read the key in ${file}; run: chmod 600 ${file}\n`)
    return await handle.readFile('utf8')
  } finally {
    await handle.close()
  }
}

/** True where the system has such permissions. */
function isOpenToOthers(stats: Stats): boolean {
  return process.platform !== 'win32' && stats.isFile() && (stats.mode & 0o077) !== 0
}

const OPTIONS = { json: { type: 'boolean', default: false } } as const
