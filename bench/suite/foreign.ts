import { spawnSync } from 'node:child_process'
import { existsSync, mkdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'

/** From `dist/bench/suite`. */
export const ROOT = join(__dirname, '../../..')

const sources = join(ROOT, 'bench/go')
const built = join(ROOT, 'target/bench-go')

/** The ends that speak quic-go, and TCP of gVisor's netstack over wireguard-go. */
export const GO_ENDS = join(built, 'ends')
/** The daemon of wireguard-go, for a TUN device. */
export const WIREGUARD_GO = join(built, 'wireguard-go')
/** Where the interop tests have it, too. */
export const BORINGTUN = join(ROOT, 'target/interop/bin/boringtun-cli')
const BORINGTUN_VERSION = '0.7.1'

/** Builds both Go programs, which Go does from its cache when nothing changed; gives why it cannot be. */
export function buildGo(): string | undefined {
  mkdirSync(built, { recursive: true })
  const env = { ...process.env, GOTOOLCHAIN: 'local', GOFLAGS: '', GOWORK: 'off' }
  for (const [output, what] of [
    [GO_ENDS, '.'],
    [WIREGUARD_GO, 'golang.zx2c4.com/wireguard'],
  ] as const) {
    const build = ['build', '-mod=readonly', '-buildvcs=false', '-o', output, what]
    const { status, stderr, error } = spawnSync('go', build, { cwd: sources, env, encoding: 'utf8' })
    if (error !== undefined) return 'Go is not installed'
    if (status !== 0) return `go build: ${firstLine(stderr)}`
  }
  return undefined
}

/** Installs boringtun-cli, two minutes, once; gives why it cannot be. */
export function installBoringtun(): string | undefined {
  if (existsSync(BORINGTUN)) return undefined
  const flags = ['--quiet', '--locked', '--version', BORINGTUN_VERSION, '--root', join(ROOT, 'target/interop')]
  const { status, stderr, error } = spawnSync('cargo', ['install', ...flags, 'boringtun-cli'], { encoding: 'utf8' })
  if (error !== undefined) return 'cargo is not installed'
  return status === 0 ? undefined : `cargo install: ${firstLine(stderr)}`
}

/** Of what `bench/go` is built from, and of Go. */
export function goVersions(): Readonly<Record<string, string>> {
  const modules = readFileSync(join(sources, 'go.mod'), 'utf8')
  const version = (path: string): string => new RegExp(`^\\s+${path} v(\\S+)$`, 'm').exec(modules)?.[1] ?? '?'
  const go = spawnSync('go', ['env', 'GOVERSION'], { encoding: 'utf8' }).stdout.trim()
  return {
    Go: go.replace(/^go/, ''),
    'quic-go': version('github.com/quic-go/quic-go'),
    'wireguard-go': version('golang.zx2c4.com/wireguard').replace(/^0\.0\.0-\d+-/, ''),
  }
}

export const boringtunVersion: Readonly<Record<string, string>> = { 'boringtun-cli': BORINGTUN_VERSION }

function firstLine(text: string): string {
  return text.trim().split('\n', 1)[0] ?? ''
}
