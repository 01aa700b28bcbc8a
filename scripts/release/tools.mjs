import { spawnSync } from 'node:child_process'
import { existsSync, mkdirSync } from 'node:fs'
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

/** Removes debug information, and keeps the names of functions: zig's own linker knows all or nothing. */
export function stripDebug(file) {
  const sysroot = call('rustc', ['--print', 'sysroot']).trim()
  const host = /^host: (.+)$/m.exec(call('rustc', ['-vV']))[1]
  const env = { LD_LIBRARY_PATH: join(sysroot, 'lib') }
  call(join(sysroot, 'lib/rustlib', host, 'bin/rust-objcopy'), ['--strip-debug', file], { env })
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
