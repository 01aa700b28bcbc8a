import { spawnSync } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { BuildError } from './error.mjs'
import { root } from './root.mjs'

/** Throws, in one line that says what to install, unless cargo is there and as new as the workspace asks. */
export function requireCargo() {
  const needed = /^rust-version = "(\d+)\.(\d+)/m.exec(readFileSync(join(root, 'Cargo.toml'), 'utf8'))
  const printed = spawnSync('cargo', ['--version'], { cwd: root, encoding: 'utf8' })
  const found = /^cargo (\d+)\.(\d+)/m.exec(printed.stdout ?? '')
  if (found !== null && isAtLeast(found, needed)) return
  const have = found === null ? 'no cargo was found' : `${found[0]} is too old`
  throw new BuildError(
    `building the native addon needs Rust ${needed[1]}.${needed[2]} or newer, and ${have}: install it from https://rustup.rs (or run "rustup update stable"), then repeat the command`,
  )
}

function isAtLeast([, major, minor], [, neededMajor, neededMinor]) {
  return Number(major) > Number(neededMajor) || (major === neededMajor && Number(minor) >= Number(neededMinor))
}
