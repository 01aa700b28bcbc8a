import { spawnSync } from 'node:child_process'
import { chmodSync, cpSync, existsSync, mkdirSync, readFileSync, rmSync, truncateSync, writeFileSync } from 'node:fs'
import { join, relative } from 'node:path'
import { prebuildName } from '../build/addon.mjs'
import { BuildError } from '../build/error.mjs'
import { root } from '../build/root.mjs'
import { foreignNodes } from './foreign-nodes.mjs'
import { emptyProject } from './install.mjs'
import { managersEnvironment, packageManagers } from './managers.mjs'
import { call, npm, work } from './tools.mjs'

const PROGRAM = `const { Device, PrivateKey } = require('warren')
Device.open({ privateKey: PrivateKey.generate(), listen: { host: '127.0.0.1' } })
  .then((device) => device.close())
  .then(() => console.log('opened'), (error) => console.log(error.code, error.message))
`

/**
 * Breaks an installation in every way that is known, does what the error says after "Cure:", and nothing else, and looks
 * whether a device opens then. Gives a result for each way.
 */
export function cures(registry, projects, { quick }) {
  const env = managersEnvironment(registry.url, join(work, 'caches'))
  const folder = emptyProject(registry.url)
  projects.push(folder)
  // Another user has to come in.
  chmodSync(folder, 0o755)
  npm(['install', '--no-audit', '--no-fund', 'warren@rehearsal'], { cwd: folder })
  writeFileSync(join(folder, 'open.cjs'), PROGRAM)
  const site = siteIn(folder, env)
  const isForeign = prebuildName() === 'linux-x64' && existsSync('/usr/bin/dpkg')
  const ways = {
    ...damaged(site),
    ...refused(site),
    ...(isForeign && ofForeignNodes(site)),
    ...(quick ? {} : { ...ofDeno(), ...ofOtherManagers(site) }),
  }
  return Object.fromEntries(Object.entries(ways).map(([name, way]) => [name, cured(way, site)]))
}

/** An installation, and what is done to it. */
function siteIn(folder, env) {
  const own = join(folder, 'node_modules/warren/prebuilds', prebuildName(), 'warren.node')
  return {
    folder,
    own,
    env,
    prebuild: (name) => join(folder, 'node_modules/warren/prebuilds', name, 'warren.node'),
    /** Opens a device; says "opened", or the error. */
    open({ node = [process.execPath], flags = [], variables = {}, ...options } = {}) {
      const [command, ...args] = [...node, ...flags, 'open.cjs']
      const clean = { ...process.env, WARREN_ADDON: undefined, NODE_OPTIONS: undefined, ...variables }
      return spawnSync(command, args, { cwd: folder, encoding: 'utf8', env: clean, timeout: 120_000, ...options })
    },
    reinstall(manager = undefined) {
      rmSync(join(folder, 'node_modules'), { recursive: true })
      if (manager === undefined) npm(['install', '--no-audit', '--no-fund'], { cwd: folder })
      else call(manager[0], [...manager.slice(1), 'install'], { cwd: folder, env })
    },
    /** The same, installed with another package manager. */
    start(manager) {
      rmSync(join(folder, 'node_modules'), { recursive: true })
      rmSync(join(folder, 'package-lock.json'), { force: true })
      call(manager[0], [...manager.slice(1), 'install'], { cwd: folder, env })
    },
  }
}

/**
 * A way has `before`, after which a device still opens, and `breaks`; `says`, which has to be in the cure; `follow`, which does
 * that, given what `says` found; and how a device is opened: `as` before the cure, `cure` after it.
 */
function cured({ before = () => {}, breaks = () => {}, as = {}, says, follow = () => {}, cure = {} }, site) {
  try {
    before()
    site.open().stdout === 'opened\n' || fail('a device does not open before')
    breaks()
    const { stdout, stderr } = site.open(as)
    const text = /Cure: (.*)\.$/m.exec(stdout)?.[1] ?? fail(`no cure is told: ${stdout}${stderr}`)
    const found = says.exec(text) ?? fail(`the cure is: ${text}`)
    follow(...found.slice(1))
    const after = site.open(typeof cure === 'function' ? cure(...found.slice(1)) : cure)
    if (after.stdout !== 'opened\n') fail(`"${text}" did not cure it: ${after.stdout}${after.stderr}`)
    return 'cured'
  } catch (error) {
    process.exitCode = 1
    return `FAILED: ${error.message.split('\n').filter(Boolean).slice(0, 4).join(' | ')}`
  }
}

function fail(text) {
  throw new BuildError(text)
}

const AGAIN = /^install warren again \(delete node_modules, then npm install/
const AWAY = /take WARREN_ADDON away/

/** Files that are not what they should be. */
function damaged({ folder, own, prebuild, reinstall }) {
  const again = (breaks) => ({ breaks, says: AGAIN, follow: () => reinstall() })
  const written = (change) => again(() => writeFileSync(own, change(readFileSync(own))))
  const otherLibc = prebuildName().endsWith('-musl') ? prebuildName().slice(0, -5) : `${prebuildName()}-musl`
  const manifest = join(folder, 'node_modules/warren/package.json')
  return {
    'cut off in the middle': again(() => truncateSync(own, 1_000_000)),
    'cut off by a byte': written((bytes) => bytes.subarray(0, -1)),
    empty: again(() => truncateSync(own, 0)),
    'its end is zeros': written((bytes) => Buffer.concat([bytes.subarray(0, -50_000), Buffer.alloc(50_000)])),
    'a page of a proxy’s in its place': written(() => Buffer.from('<html>Not found</html>'.repeat(200))),
    'of another processor': written((bytes) => {
      bytes.writeUInt16LE(bytes.readUInt16LE(0x12) === 62 ? 183 : 62, 0x12)
      return bytes
    }),
    'of another C library': again(() => cpSync(prebuild(otherLibc), own)),
    'of another version': again(() =>
      writeFileSync(manifest, JSON.stringify({ ...JSON.parse(readFileSync(manifest, 'utf8')), version: '99.0.0' })),
    ),
    'a folder in its place': again(() => {
      rmSync(own)
      mkdirSync(own)
    }),
    'prebuilds is missing': again(() => rmSync(join(folder, 'node_modules/warren/prebuilds'), { recursive: true })),
  }
}

/** Files that are right, and are refused. */
function refused({ folder, own }) {
  const stranger = process.getuid() === 0 ? { uid: 65_534, gid: 65_534 } : {}
  const permission = ['--permission', '--experimental-permission'].find((flag) =>
    process.allowedNodeEnvironmentFlags.has(flag),
  )
  const readable = `--allow-fs-read=${folder}`
  const node = withoutExecution(folder)
  const copy = `${folder}.node`
  return {
    'not readable': {
      breaks: () => chmodSync(own, 0),
      as: stranger,
      says: /^let it \(chmod a\+r (\S+), and chmod a\+rx/,
      follow: (path) => call('chmod', ['a+r', path]),
      cure: stranger,
    },
    'on a file system without execution': {
      as: { node },
      says: /name a copy of (\S+) elsewhere in WARREN_ADDON/,
      follow: (path) => cpSync(path, copy),
      cure: { node, variables: { WARREN_ADDON: copy } },
    },
    '--no-addons in NODE_OPTIONS': {
      as: { variables: { NODE_OPTIONS: '--no-addons' } },
      says: /^start it without$/,
    },
    'the permission model': {
      as: { flags: [permission, readable] },
      says: /^start Node with (--allow-addons) as well$/,
      cure: (flag) => ({ flags: [permission, readable, flag] }),
    },
    'a relative WARREN_ADDON': {
      as: { variables: { WARREN_ADDON: relative(folder, own) } },
      says: /^name the file in full$/,
      cure: { variables: { WARREN_ADDON: own } },
    },
    'nothing where WARREN_ADDON points': {
      as: { variables: { WARREN_ADDON: '/nowhere/warren.node' } },
      says: AWAY,
    },
  }
}

/** A Node that meets the project on a mount of its own, with `noexec`. */
function withoutExecution(folder) {
  const script = 'mount --bind "$0" "$0" && mount -o remount,bind,noexec "$0" && cd "$0" && exec "$@"'
  const rights = process.getuid() === 0 ? [] : ['--map-root-user']
  return ['unshare', ...rights, '--mount', 'sh', '-c', script, folder, process.execPath]
}

/** Under the Nodes of other C libraries that run here. */
function ofForeignNodes({ prebuild, reinstall }) {
  const musl = { node: foreignNodes['linux-x64-musl']().command }
  const oldGlibc = { node: foreignNodes['linux-x64']().command }
  const checkout = join(root, 'prebuilds/linux-x64/warren.node')
  return {
    'glibc’s in WARREN_ADDON, under a Node of musl': {
      as: { ...musl, variables: { WARREN_ADDON: prebuild('linux-x64') } },
      says: AWAY,
      cure: musl,
    },
    'glibc’s alone, under a Node of musl': {
      breaks: () => rmSync(prebuild('linux-x64-musl')),
      as: musl,
      says: AGAIN,
      follow: () => reinstall(),
      cure: musl,
    },
    ...(existsSync(checkout) && {
      'an own build, on an older glibc': {
        as: { ...oldGlibc, variables: { WARREN_ADDON: checkout } },
        says: AWAY,
        cure: oldGlibc,
      },
    }),
  }
}

/** Under Deno, which is told nothing but what the error says. */
function ofDeno() {
  const { deno } = packageManagers()
  const node = [...deno, 'run', '--no-prompt']
  return {
    'Deno without permissions': {
      as: { node },
      says: /^start Deno with (--allow-ffi) (--allow-read=\S+)/,
      cure: (...flags) => ({ node, flags }),
    },
  }
}

/** "Install again" with other package managers, which keep copies of their own. */
function ofOtherManagers({ folder, own, env, reinstall, start }) {
  const { pnpm, yarn1, bun } = packageManagers()
  const again = (manager, says = AGAIN, follow = () => {}) => ({
    before: () => start(manager),
    breaks: () => truncateSync(own, 1_000_000),
    says,
    follow(...found) {
      follow(...found)
      reinstall(manager)
    },
  })
  const emptyCache = (command) => call(bun[0], command.split(' ').slice(1), { cwd: folder, env })
  return {
    'cut off, installed with pnpm': again(pnpm),
    'cut off, installed with yarn 1': again(yarn1),
    'cut off, installed with bun': again(bun, /with bun, (bun pm cache rm) first/, emptyCache),
  }
}
