import { cpSync, mkdirSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { emptyProject, runFirstProgram } from './install.mjs'
import { managersEnvironment, packageManagers } from './managers.mjs'
import { call, work } from './tools.mjs'

/**
 * Installs the rehearsed package in each way that users have, into a project of its own, and runs the README's first program
 * there. What has to work without a network is done after `closeRegistry`. Gives a result for each way.
 */
export async function installed({ registry, tarball, folder, closeRegistry }, projects) {
  const caches = join(work, 'caches')
  rmSync(caches, { recursive: true, force: true })
  const env = managersEnvironment(registry.url, caches)
  const given = Object.entries({ ...online(), ...withoutRegistry(tarball, folder), ...offlineAgain(caches) })
  const ways = given.map(([name, way]) => ({ name, ...way, env: { ...env, ...way.env } }))
  const results = new Map(ways.map(({ name }) => [name, 'installed, runs']))
  const tried = (way, act) => {
    try {
      act()
    } catch (error) {
      // One that fails does not keep the next from being tried: the table tells all.
      results.set(way.name, `FAILED: ${error.message.split('\n').filter(Boolean).slice(0, 4).join(' | ')}`)
      process.exitCode = 1
    }
  }
  for (const way of ways) {
    way.project = emptyProject(registry.url)
    projects.push(way.project)
    tried(way, () => {
      act(way, way.steps)
      if (way.offline === undefined) runFirstProgram(join(way.project, way.at ?? ''), way.run)
    })
  }
  await closeRegistry()
  for (const way of ways.filter((way) => way.offline !== undefined && results.get(way.name) === 'installed, runs'))
    tried(way, () => {
      act(way, way.offline)
      runFirstProgram(way.project, way.run)
    })
  return Object.fromEntries(results)
}

/** A step is a command line, or a function of the project's folder. */
function act({ project, env }, steps) {
  for (const step of steps) {
    if (typeof step === 'function') step(project)
    else call(step[0], step.slice(1), { cwd: project, env, limit: 300 })
  }
}

const WARREN = 'warren@rehearsal'
const QUIETLY = ['--no-audit', '--no-fund']
const PLUG_N_PLAY = {
  YARN_NODE_LINKER: 'pnp',
  // Without it Plug'n'Play serves `require` alone, unless the project itself is of ES modules.
  YARN_PNP_ENABLE_ESM_LOADER: 'true',
}
const NODE_MODULES = { YARN_NODE_LINKER: 'node-modules' }
const without = (name) => (project) => rmSync(join(project, name), { recursive: true, force: true })

/** Where the one member of `workspaces` lies. */
const MEMBER = 'packages/app'

/** Makes the project one of several packages, of which the program is one. */
function workspaces({ manifest = {}, files = {} }) {
  return (project) => {
    const member = join(project, MEMBER)
    mkdirSync(member, { recursive: true })
    renameSync(join(project, 'first.mjs'), join(member, 'first.mjs'))
    writeFileSync(join(member, 'package.json'), JSON.stringify({ name: 'app', version: '1.0.0', private: true }))
    writeFileSync(join(project, 'package.json'), JSON.stringify({ private: true, ...manifest }))
    for (const [name, text] of Object.entries(files)) writeFileSync(join(project, name), text)
  }
}

/** From the registry. */
function online() {
  const { npm10, npm11, npm12, pnpm, yarn1, yarn4, bun, deno } = packageManagers()
  const ofNpm = (npm) => ({ steps: [[...npm, 'install', ...QUIETLY, WARREN]] })
  // The lockfile of a project is made anew beside what another system's npm installed: npm keeps to what it finds there.
  const elsewhere = ['--os=darwin', '--cpu=arm64']
  const remade = (npm) => ({
    steps: [
      [...npm, 'install', ...QUIETLY, ...elsewhere, WARREN],
      without('package-lock.json'),
      [...npm, 'install', ...QUIETLY],
      without('node_modules'),
      [...npm, 'ci', ...QUIETLY],
    ],
  })
  return {
    'npm 10': ofNpm(npm10),
    'npm 11': ofNpm(npm11),
    'npm 12': ofNpm(npm12),
    pnpm: { steps: [[...pnpm, 'add', WARREN]] },
    'yarn 1': { steps: [[...yarn1, 'add', WARREN]] },
    'yarn 4': { steps: [[...yarn4, 'add', WARREN]], env: NODE_MODULES },
    'yarn 4, PnP': { steps: [[...yarn4, 'add', WARREN]], env: PLUG_N_PLAY, run: [...yarn4, 'node'] },
    bun: { steps: [[...bun, 'add', WARREN]] },
    'bun, run by bun': { steps: [[...bun, 'add', WARREN]], run: bun },
    'deno, run by deno': {
      steps: [[...deno, 'add', '--minimum-dependency-age=0', `npm:${WARREN}`]],
      run: [...deno, 'run', '--no-prompt', '--allow-ffi'],
    },
    'npm 10, lockfile remade beside macOS’s node_modules': remade(npm10),
    'npm 11, lockfile remade beside macOS’s node_modules': remade(npm11),
    'npm 10, --omit=optional': { steps: [[...npm10, 'install', ...QUIETLY, '--omit=optional', WARREN]] },
    'npm 12, --omit=optional --ignore-scripts': {
      steps: [[...npm12, 'install', ...QUIETLY, '--omit=optional', '--ignore-scripts', WARREN]],
    },
    'pnpm, --no-optional': { steps: [[...pnpm, 'add', '--no-optional', WARREN]] },
    'yarn 1, --ignore-optional': { steps: [[...yarn1, 'add', '--ignore-optional', WARREN]] },
    'npm 12, workspaces': {
      steps: [
        workspaces({ manifest: { workspaces: ['packages/*'] } }),
        [...npm12, 'install', ...QUIETLY, '--workspace', 'app', WARREN],
      ],
      at: MEMBER,
    },
    'npm 12, install-strategy=linked': {
      steps: [[...npm12, 'install', ...QUIETLY, '--install-strategy=linked', WARREN]],
    },
    'pnpm, workspaces, nothing hoisted': {
      steps: [
        workspaces({ files: { 'pnpm-workspace.yaml': 'packages: [packages/*]\nhoist: false\n' } }),
        [...pnpm, '--filter', 'app', 'add', WARREN],
      ],
      at: MEMBER,
    },
    'pnpm, nodeLinker: hoisted': {
      steps: [
        (project) => writeFileSync(join(project, 'pnpm-workspace.yaml'), 'nodeLinker: hoisted\n'),
        [...pnpm, 'add', WARREN],
      ],
    },
    'yarn 4, nodeLinker: pnpm': { steps: [[...yarn4, 'add', WARREN]], env: { YARN_NODE_LINKER: 'pnpm' } },
    'bun, linker: isolated': { steps: [[...bun, 'add', '--linker', 'isolated', WARREN]] },
    'npm 11, node_modules copied elsewhere': {
      steps: [
        [...npm11, 'install', ...QUIETLY, WARREN],
        (project) => cpSync(join(project, 'node_modules'), join(project, 'copy'), { recursive: true }),
        without('node_modules'),
        (project) => renameSync(join(project, 'copy'), join(project, 'node_modules')),
      ],
    },
  }
}

/** From the tarball, and from the folder that it unpacks to, with no network. */
function withoutRegistry(tarball, folder) {
  const { npm10, npm12, pnpm, yarn1, yarn4, bun } = packageManagers()
  const unpacked = (project) => cpSync(folder, join(project, 'unpacked'), { recursive: true })
  const fromTarball = (command, way = {}) => ({ steps: [], offline: [[...command, tarball]], ...way })
  const fromFolder = (...command) => ({ steps: [unpacked], offline: [command] })
  const none = { YARN_ENABLE_NETWORK: '0' }
  return {
    'npm 10, tarball, offline': fromTarball([...npm10, 'install', '--offline']),
    'npm 12, tarball, offline': fromTarball([...npm12, 'install', '--offline']),
    'pnpm, tarball, offline': fromTarball([...pnpm, 'add', '--offline']),
    'yarn 1, tarball, offline': fromTarball([...yarn1, 'add', '--offline']),
    'yarn 4, tarball, offline': {
      steps: [],
      offline: [[...yarn4, 'add', `warren@file:${tarball}`]],
      env: { ...NODE_MODULES, ...none },
    },
    'yarn 4, PnP, tarball, offline': {
      steps: [],
      offline: [[...yarn4, 'add', `warren@file:${tarball}`]],
      env: { ...PLUG_N_PLAY, ...none },
      run: [...yarn4, 'node'],
    },
    'bun, tarball, offline': fromTarball([...bun, 'add']),
    'npm 10, unpacked folder': fromFolder(...npm10, 'install', '--offline', './unpacked'),
    'npm 12, unpacked folder': fromFolder(...npm12, 'install', '--offline', './unpacked'),
    'npm 12, unpacked folder, copied': fromFolder(...npm12, 'install', '--offline', '--install-links', './unpacked'),
    'pnpm, unpacked folder': fromFolder(...pnpm, 'add', '--offline', './unpacked'),
    'yarn 1, unpacked folder': fromFolder(...yarn1, 'add', '--offline', 'file:./unpacked'),
    'bun, unpacked folder': fromFolder(...bun, 'add', './unpacked'),
  }
}

/** By a lockfile, from a cache or a mirror that was filled before, with no network. */
function offlineAgain(caches) {
  const { npm10, npm11, pnpm, yarn1, yarn4, bun } = packageManagers()
  const anew = without('node_modules')
  const mirror = join(caches, 'mirror')
  const byCache = (npm) => ({
    steps: [[...npm, 'install', ...QUIETLY, WARREN], anew],
    offline: [[...npm, 'ci', '--offline', ...QUIETLY]],
  })
  return {
    'npm 10, ci --offline': byCache(npm10),
    'npm 11, ci --offline': byCache(npm11),
    'pnpm, --offline --frozen-lockfile': {
      steps: [[...pnpm, 'add', WARREN], anew],
      offline: [[...pnpm, 'install', '--offline', '--frozen-lockfile']],
    },
    'yarn 1, offline mirror': {
      steps: [
        (project) => writeFileSync(join(project, '.yarnrc'), `yarn-offline-mirror "${mirror}"\n`),
        [...yarn1, 'add', WARREN],
        anew,
        [...yarn1, 'cache', 'clean'],
      ],
      offline: [[...yarn1, 'install', '--offline', '--frozen-lockfile']],
      env: { YARN_CACHE_FOLDER: join(caches, 'yarn1-mirrored') },
    },
    'yarn 4, its cache committed': {
      steps: [[...yarn4, 'add', WARREN], anew],
      offline: [[...yarn4, 'install', '--immutable', '--immutable-cache']],
      env: { ...NODE_MODULES, YARN_ENABLE_GLOBAL_CACHE: 'false' },
    },
    'yarn 4, PnP, its cache committed': {
      steps: [[...yarn4, 'add', WARREN], without('.pnp.cjs'), without('.yarn/unplugged')],
      offline: [[...yarn4, 'install', '--immutable', '--immutable-cache']],
      env: { ...PLUG_N_PLAY, YARN_ENABLE_GLOBAL_CACHE: 'false' },
      run: [...yarn4, 'node'],
    },
    'bun, frozen lockfile from its cache': {
      steps: [[...bun, 'add', WARREN], anew],
      offline: [[...bun, 'install', '--frozen-lockfile']],
    },
  }
}
