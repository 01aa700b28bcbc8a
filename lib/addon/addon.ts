import { createRequire } from 'node:module'
import { isAbsolute, join } from 'node:path'
import { type Attempt, describeFailure, type FailureFacts } from './addon-failure.js'
import { assertLoadable } from './elf.js'
import { type Addon, type Loaded, PREBUILDS, prebuildName } from './prebuilds.js'

/** An engine on a thread of its own, or one that is driven call by call. */
export type AddonDevice = InstanceType<Addon['NativeDevice']> | InstanceType<Addon['ScriptDevice']>

let loaded: Addon | undefined
let chosen: string | undefined

/**
 * Loads the addon once: the file of `chooseAddon`, else that of `WARREN_ADDON`, else the package's own for this system.
 * Throws an error whose `code` is `addon-not-found`, with all that is needed to mend it.
 */
export function addon(): Addon {
  loaded ??= load()
  return loaded
}

/** Takes the addon from this file instead. Throws an error whose `code` is `addon-loaded` when it is too late. */
export function chooseAddon(path: string): void {
  if (loaded !== undefined) throw Object.assign(new Error(''), { code: 'addon-loaded' })
  chosen = path
}

function load(): Addon {
  if (chosen !== undefined) return accepted(loadNamed('setAddonPath()', chosen))
  const named = addonOfEnvironment()
  if (named !== undefined) return accepted(loadNamed('WARREN_ADDON', named))
  const name = prebuildName()
  const loads = PREBUILDS[name]
  return accepted(loads === undefined ? undefined : loadOwn(name, loads))
}

type Named = Loaded & Omit<Attempt, 'error'>

function accepted(result: Named | undefined): Addon {
  if (result !== undefined && 'addon' in result) return result.addon
  const facts: FailureFacts = { name: prebuildName(), built: Object.keys(PREBUILDS), package: PACKAGE, attempt: result }
  const cause = result === undefined ? undefined : { cause: result.error }
  throw Object.assign(new Error(describeFailure(facts), cause), { code: 'addon-not-found' })
}

function loadOwn(name: string, loads: () => Loaded): Named {
  const path = join(PACKAGE ?? '', 'prebuilds', name, 'warren.node')
  return loadFile({ namedBy: undefined, path }, () => {
    if (PACKAGE !== undefined) assertLoadable(path)
    return loads()
  })
}

function loadNamed(namedBy: string, path: string): Named {
  return loadFile({ namedBy, path }, () => {
    if (!isAbsolute(path)) throw new Error('not an absolute path')
    assertLoadable(path)
    return { addon: createRequire(path)(path) as Addon }
  })
}

function loadFile(where: Omit<Attempt, 'error'>, loads: () => Loaded): Named {
  try {
    const result = loads()
    if ('addon' in result) assertVersion(result.addon)
    return { ...where, ...result }
  } catch (error) {
    return { ...where, error }
  }
}

/** An addon and its package have no stable seam, so both are of one version; a rehearsal of a release has a version of its own. */
function assertVersion({ version }: Partial<Addon>): void {
  const manifest = require('../../package.json') as { version: string }
  const found = typeof version === 'function' ? version() : 'unknown'
  if (found !== manifest.version.replace(/-rehearsal\..*/, ''))
    throw new Error(`version ${found}, and the package is ${manifest.version}`)
}

/** `WARREN_ADDON`, unless the process has more rights than whoever set it. Deno may not allow to ask. */
function addonOfEnvironment(): string | undefined {
  try {
    const path = process.env.WARREN_ADDON
    if (path === undefined || path === '') return undefined
    const { getuid, geteuid, getgid, getegid } = process
    return getuid?.() === geteuid?.() && getgid?.() === getegid?.() ? path : undefined
  } catch {
    return undefined
  }
}

/** From `lib/addon` and from `dist/addon` alike; a bundle of ES modules has no `__dirname`. */
const PACKAGE = typeof __dirname === 'string' ? join(__dirname, '..', '..') : undefined
