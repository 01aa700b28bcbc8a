import { existsSync, statSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { libcOf, libcVersion } from './libc.js'

/** A file that was tried. */
export interface Attempt {
  readonly path: string
  /** The name by which the file was chosen; `undefined` for the package's own. */
  readonly namedBy: string | undefined
  readonly error: unknown
}

/** Facts of an addon that did not load. */
export interface FailureFacts {
  /** This system's name in `prebuilds`, and all that there are. */
  readonly name: string
  readonly built: readonly string[]
  /** The package's folder; `undefined` inside a bundle that does not tell. */
  readonly package: string | undefined
  /** `undefined` where there was nothing to try. */
  readonly attempt: Attempt | undefined
}

/** Three lines: the system; the fault and its cure; what was tried, with the system's own words. */
export function describeFailure(facts: FailureFacts): string {
  const { reason, cure } = diagnosis(facts)
  const { attempt } = facts
  const tried = attempt === undefined ? [] : [`Tried: ${attempt.path}: ${messageOf(attempt.error).split('\n', 1)[0]}`]
  return [`${system()}: ${reason}.`, `Cure: ${cure}.`, ...tried].join('\n')
}

interface Diagnosis {
  readonly reason: string
  readonly cure: string
}

function diagnosis(facts: FailureFacts): Diagnosis {
  const { attempt, name, built } = facts
  if (attempt === undefined) {
    const reason = `the package has addons for ${built.join(', ')}, and none for ${name}`
    return { reason, cure: `${OWN_BUILD}, then name its prebuilds/${name}/warren.node in WARREN_ADDON` }
  }
  const { code } = Object(attempt.error) as { code?: unknown }
  const text = `${String(code)}: ${messageOf(attempt.error)}`
  for (const [sign, diagnose] of DIAGNOSES) {
    const match = sign.exec(text)
    if (match !== null) return diagnose(facts, attempt, match[1] ?? '')
  }
  return { reason: 'the file is there and cannot be loaded', cure: reinstall(facts, attempt) }
}

type Diagnose = (facts: FailureFacts, attempt: Attempt, part: string) => Diagnosis

/** The signs by which "<code>: <message>" of an error is known; the first that fits is right. */
const DIAGNOSES: readonly (readonly [RegExp, Diagnose])[] = [
  [/^ERR_DLOPEN_DISABLED/, addonsDisabled],
  [/^ERR_ACCESS_DENIED/, fileDenied],
  [/NotCapable|PermissionDenied|--allow-(?:ffi|read|env|sys)\b/, denoDenied],
  [/not an absolute path$/, relativePath],
  [/, and the package is (\S+)$/, otherVersion],
  [/^EISDIR|^ERR_UNSUPPORTED_DIR_IMPORT/, folderInPlace],
  [/^(?:EACCES|EPERM)|: Permission denied/, unreadable],
  [/made for (.+), and Node for /, otherSystem],
  [/MODULE_NOT_FOUND|ENOENT|Cannot find module|no such file:|image not found/, missingFile],
  [/`GLIBC_\d/, oldGlibc],
  [/symbol not found|undefined symbol/, missingSymbol],
  [/(?:Error loading shared library |: )([^\s:]+): (?:No such file|cannot open shared object file)/, missingLibrary],
  [/failed to map segment|Operation not permitted/, notRunnable],
  [
    /bytes are missing|file is empty|invalid ELF|wrong ELF|ELF file|file too short|Exec format|mach-o|valid Win32|self-register/i,
    damagedFile,
  ],
]

function addonsDisabled(): Diagnosis {
  const flags = `${process.execArgv.join(' ')} ${process.env.NODE_OPTIONS ?? ''}`
  return flags.includes('--no-addons')
    ? { reason: 'Node was started with --no-addons', cure: 'start it without' }
    : { reason: "Node's permission model allows no addons", cure: 'start Node with --allow-addons as well' }
}

function fileDenied(facts: FailureFacts, attempt: Attempt): Diagnosis {
  return {
    reason: "Node's permission model does not let the program read the file",
    cure: `start Node with --allow-addons --allow-fs-read=${facts.package ?? dirname(attempt.path)}`,
  }
}

function denoDenied(facts: FailureFacts, attempt: Attempt): Diagnosis {
  const folder = facts.package ?? dirname(attempt.path)
  return {
    reason: 'Deno does not let the program load native code',
    cure: `start Deno with --allow-ffi --allow-read=${folder} (and --allow-env for WARREN_ADDON)`,
  }
}

function relativePath(_: FailureFacts, { namedBy }: Attempt): Diagnosis {
  return { reason: `${namedBy} holds no absolute path`, cure: 'name the file in full' }
}

function otherVersion(facts: FailureFacts, attempt: Attempt, version: string): Diagnosis {
  const { namedBy } = attempt
  if (namedBy === undefined) return { reason: 'the addon is of another version', cure: reinstall(facts, attempt) }
  return {
    reason: `${namedBy} names an addon of another version`,
    cure: `name one of version ${version}, or ${takeAway(namedBy)}`,
  }
}

function otherSystem(facts: FailureFacts, attempt: Attempt, made: string): Diagnosis {
  const { namedBy } = attempt
  const reason = `the file is made for ${made}`
  if (namedBy === undefined) return { reason, cure: reinstall(facts, attempt) }
  return { reason, cure: `name one for ${facts.name}, or ${takeAway(namedBy)}` }
}

function folderInPlace(facts: FailureFacts, attempt: Attempt): Diagnosis {
  return { reason: 'a folder is in place of the file', cure: reinstall(facts, attempt) }
}

function unreadable(_: FailureFacts, { path }: Attempt): Diagnosis {
  return {
    reason: 'the user that runs the program may not read the file',
    cure: `let it (chmod a+r ${path}, and chmod a+rx for its folders)`,
  }
}

function missingFile(facts: FailureFacts, attempt: Attempt): Diagnosis {
  return { reason: 'the file is not there', cure: reinstall(facts, attempt) }
}

function damagedFile(facts: FailureFacts, attempt: Attempt): Diagnosis {
  return { reason: 'the file is damaged, or made for another system', cure: reinstall(facts, attempt) }
}

function oldGlibc(facts: FailureFacts, attempt: Attempt): Diagnosis {
  const asked = [...messageOf(attempt.error).matchAll(/GLIBC_([\d.]+)/g)].map(([, version]) => version ?? '')
  const newest = asked.sort((one, other) => one.localeCompare(other, undefined, { numeric: true })).at(-1)
  const { namedBy } = attempt
  const own = namedBy === undefined ? '' : `${takeAway(namedBy)}, `
  return {
    reason: `the addon needs glibc ${newest} or newer`,
    cure: `${own}use a system that has it, or ${ownBuild(facts, attempt)}`,
  }
}

function missingSymbol(facts: FailureFacts, attempt: Attempt): Diagnosis {
  return {
    reason: "the system's C library, or Node, lacks a function that the addon needs",
    cure: `use a newer system and a newer Node, or ${ownBuild(facts, attempt)}`,
  }
}

function missingLibrary(facts: FailureFacts, attempt: Attempt, library: string): Diagnosis {
  return /^(ld-|libc\b)/.test(library)
    ? { reason: 'the file is made for another C library than that of Node', cure: reinstall(facts, attempt) }
    : { reason: `the system lacks ${library}`, cure: `install the system's package that has ${library}` }
}

function notRunnable(_: FailureFacts, { path }: Attempt): Diagnosis {
  return {
    reason: 'the system does not let code be run from where the file is',
    cure: `mount that file system without noexec, or name a copy of ${path} elsewhere in WARREN_ADDON`,
  }
}

function reinstall({ package: folder, name }: FailureFacts, { namedBy, path }: Attempt): string {
  if (namedBy !== undefined) return `name a file that is one, or ${takeAway(namedBy)}`
  if (folder === undefined)
    return `copy prebuilds/${name}/warren.node beside the bundle: see docs/bundling.md of warren`
  if (isCheckout(folder)) return 'npm run build'
  const cache = isShared(path) ? '; with bun, bun pm cache rm first' : ''
  return `install warren again (delete node_modules, then npm install${cache}); if a bundler made this program, see docs/bundling.md of warren`
}

/** Whether another path has the very file. bun and pnpm link into their caches, and bun trusts what it finds there. */
function isShared(path: string): boolean {
  try {
    return statSync(path).nlink > 1 && statSync(path).isFile()
  } catch {
    return false
  }
}

function takeAway(namedBy: string): string {
  return `take ${namedBy} away for the package's own`
}

function ownBuild({ package: folder }: FailureFacts, { namedBy }: Attempt): string {
  return namedBy === undefined && folder !== undefined && isCheckout(folder)
    ? 'npm run build'
    : `${OWN_BUILD}, then name it in WARREN_ADDON`
}

const OWN_BUILD = 'build it in a checkout of this version with Rust (npm ci)'

function isCheckout(folder: string): boolean {
  return existsSync(join(folder, 'native', 'binding', 'Cargo.toml'))
}

function system(): string {
  const libc = libcOf()
  const version = libc === undefined ? undefined : libcVersion()
  const library = libc === undefined ? '' : `, ${libc} ${version ?? 'of unknown version'}`
  const { deno, bun, node } = process.versions
  const runtime = deno !== undefined ? `Deno ${deno}` : bun !== undefined ? `Bun ${bun}` : `Node ${node}`
  return `${process.platform}, ${process.arch}${library}, ${runtime}`
}

function messageOf(error: unknown): string {
  const { message } = Object(error) as { message?: unknown }
  return typeof message === 'string' ? message : String(error)
}
