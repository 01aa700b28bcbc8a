import { spawnSync } from 'node:child_process'
import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { BuildError } from './error.mjs'

/** Removes debug information from an addon, and keeps the names of functions: zig's own linker knows all or nothing. */
export function stripDebug(file, format) {
  const tables = format === 'elf' ? NAMES_OF_TABLES : []
  objcopy(['--strip-debug', ...tables, file])
}

/** Removes the names of tables for unwinding, 48 KB of an ELF file, where Rust has a tool for it, as rustup's has. */
export function stripTables(file) {
  if (existsSync(tool().path)) objcopy([...NAMES_OF_TABLES, file])
}

function objcopy(args) {
  const { path, sysroot } = tool()
  output(path, args, { ...process.env, LD_LIBRARY_PATH: join(sysroot, 'lib') })
}

function tool() {
  const sysroot = output('rustc', ['--print', 'sysroot']).trim()
  const host = /^host: (.+)$/m.exec(output('rustc', ['-vV']))[1]
  return { path: join(sysroot, 'lib/rustlib', host, 'bin/rust-objcopy'), sysroot }
}

function output(command, args, env = process.env) {
  const { status, stdout, stderr, error } = spawnSync(command, args, { encoding: 'utf8', env })
  if (status !== 0) throw new BuildError(`${command}: ${error?.message ?? stderr}`)
  return stdout
}

const NAMES_OF_TABLES = ['--wildcard', '--strip-symbol=GCC_except_table*']
