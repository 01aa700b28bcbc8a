import { spawnSync } from 'node:child_process'
import { existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { homedir } from 'node:os'
import { delimiter, join } from 'node:path'
import { BuildError } from '../build/error.mjs'
import { root } from '../build/root.mjs'

/** Where a rehearsal works; nothing outside is changed. */
export const work = join(root, 'target/release-package')

/** zig is the linker and has the C libraries of all systems that it can build for. Pinned, as what is shipped comes out of it. */
const FROM_PYPI = ['ziglang==0.17.1', 'cargo-zigbuild==0.24.1']

/** The variables of a process that may call zig, from an environment of Python's that is made at first use. */
export function zigVariables() {
  const python = join(work, 'python')
  if (!existsSync(join(python, 'bin/cargo-zigbuild'))) {
    mkdirSync(work, { recursive: true })
    call('python3', ['-m', 'venv', python])
    call(join(python, 'bin/pip'), ['install', '--quiet', '--disable-pip-version-check', ...FROM_PYPI])
  }
  return { PATH: [join(python, 'bin'), process.env.PATH].join(delimiter) }
}

/**
 * What `make` gave for a folder of this name, which it fills at first use. A making that failed, or that was of other
 * `inputs`, is begun anew.
 */
export function kept(name, make, inputs = {}) {
  const folder = join(work, name)
  const file = join(folder, 'made.json')
  const made = existsSync(file) ? JSON.parse(readFileSync(file, 'utf8')) : undefined
  if (made !== undefined && JSON.stringify(made.inputs) === JSON.stringify(inputs)) return made.value
  rmSync(folder, { recursive: true, force: true })
  mkdirSync(folder, { recursive: true })
  const value = make(folder)
  writeFileSync(file, JSON.stringify({ inputs, value }))
  return value
}

/** A folder with these packages of npm, pinned; none of them is a dependency of the project's, so they stay out of its lockfile. */
export function withPackages(name, dependencies, overrides = {}) {
  const manifest = { private: true, dependencies, overrides }
  return kept(
    name,
    (folder) => {
      writeFileSync(join(folder, 'package.json'), JSON.stringify(manifest))
      npm(['install', '--no-fund', '--no-audit', '--ignore-scripts', '--force', '--silent'], { cwd: folder })
      return folder
    },
    manifest,
  )
}

/** Flags by which no path of the machine that builds is left in what it builds. */
export function withoutPaths() {
  const cargo = process.env.CARGO_HOME ?? join(homedir(), '.cargo')
  const rustup = process.env.RUSTUP_HOME ?? join(homedir(), '.rustup')
  return [
    [join(cargo, 'registry/src'), '/crates'],
    [rustup, '/rust'],
    [root, '/warren'],
  ].map(([from, to]) => `--remap-path-prefix=${from}=${to}`)
}

/** Runs npm: the one that runs this, as a script, since Windows has no program of that name. */
export function npm(args, options) {
  const script = process.env.npm_execpath
  return script ? call(process.execPath, [script, ...args], options) : call('npm', args, options)
}

/** Runs a program to its end and gives what it printed; a failure ends the release with all that was printed. */
export function call(command, args, { cwd = root, env = {}, input, limit = 1_200 } = {}) {
  const variables = { ...process.env, ...env }
  const options = { cwd, env: variables, input, encoding: 'utf8', timeout: limit * 1000, maxBuffer: 1 << 28 }
  const { status, stdout, stderr, error } = spawnSync(command, args, options)
  if (status === 0) return stdout
  throw new BuildError(
    `${command} ${args.join(' ')}\n${stdout ?? ''}${stderr ?? ''}${error?.message ?? `status ${status}`}`,
  )
}
