import { existsSync } from 'node:fs'
import { createRequire } from 'node:module'
import { join } from 'node:path'
import type * as Binding from '../../native/binding.js'

/** The native addon, as it is built from `native/binding`. */
export type Addon = typeof Binding

/** An engine on a thread of its own, or one that is driven call by call. */
export type AddonDevice = Binding.NativeDevice | Binding.ScriptDevice

let loaded: Addon | undefined

/** Loads the addon once. Throws an error whose `code` is `addon-not-found`, with all that is needed to mend it. */
export function addon(): Addon {
  loaded ??= load()
  return loaded
}

function load(): Addon {
  const require = createRequire(__filename)
  const { platform, arch } = process
  const libc = libcOf(platform)
  const file = join(PACKAGE, 'prebuilds', `${platform}-${arch}${libc === 'musl' ? '-musl' : ''}`, 'warren.node')
  const platformPackage = `warren-${platform}-${arch}${ABI[platform]?.(libc) ?? ''}`
  const tried: string[] = []
  for (const path of existsSync(file) ? [file] : [file, platformPackage]) {
    try {
      return require(path) as Addon
    } catch (error) {
      tried.push(`  ${path}: ${(error as Error).message.split('\n', 1)[0]}`)
    }
  }
  const cure = existsSync(join(PACKAGE, 'native', 'binding', 'Cargo.toml'))
    ? 'npm run build'
    : `npm install ${platformPackage}`
  const where = `${platform}, ${arch}${libc === undefined ? '' : `, ${libc}`}, Node ${process.version}`
  const message = `no native addon for ${where}; run: ${cure}\nTried:\n${tried.join('\n')}`
  throw Object.assign(new Error(message), { code: 'addon-not-found' })
}

function libcOf(platform: NodeJS.Platform): 'gnu' | 'musl' | undefined {
  if (platform !== 'linux') return undefined
  const { header } = process.report.getReport() as unknown as { header: { glibcVersionRuntime?: string } }
  return header.glibcVersionRuntime === undefined ? 'musl' : 'gnu'
}

/** From `lib/internal` and from `dist/internal` alike. */
const PACKAGE = join(__dirname, '..', '..')

/** How the names of platform packages end (the targets of napi). */
const ABI: Partial<Record<NodeJS.Platform, (libc: string | undefined) => string>> = {
  linux: (libc) => `-${libc}`,
  win32: () => '-msvc',
}
