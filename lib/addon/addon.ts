import { createRequire } from 'node:module'
import { isAbsolute, join } from 'node:path'
import { type Attempt, describeFailure, type FailureFacts } from './addon-failure.js'
import { assertWhole } from './elf.js'
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
  const where = { namedBy: undefined, path: join(PACKAGE ?? '', 'prebuilds', name, 'warren.node') }
  try {
    if (PACKAGE !== undefined) assertWhole(where.path)
    return { ...where, ...loads() }
  } catch (error) {
    return { ...where, error }
  }
}

/** A file that somebody names has to be of this very version: an addon and its package have no stable seam. */
function loadNamed(namedBy: string, path: string): Named {
  const where = { namedBy, path }
  if (!isAbsolute(path)) return { ...where, error: new Error('not an absolute path') }
  try {
    assertWhole(path)
    const addon = createRequire(path)(path) as Partial<Addon>
    const { version } = require('../../package.json') as { version: string }
    const found = typeof addon.version === 'function' ? addon.version() : 'unknown'
    if (found !== version) return { ...where, error: new Error(`version ${found}, and the package is ${version}`) }
    return { ...where, addon: addon as Addon }
  } catch (error) {
    return { ...where, error }
  }
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
