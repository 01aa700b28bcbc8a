import { existsSync, mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { emptyProject, runFirstProgram } from './install.mjs'
import { call, npm, work } from './tools.mjs'

/** What users install with, pinned; each under a name of its own, since several are versions of one package. */
const TOOLS = {
  npm10: 'npm:npm@10.9.9',
  npm11: 'npm:npm@11.19.1',
  npm12: 'npm:npm@12.2.2',
  pnpm: '12.21.0',
  yarn1: 'npm:yarn@1.22.22',
  yarn4: 'npm:@yarnpkg/cli-dist@4.18.1',
  bun: 'npm:@oven/bun-linux-x64@1.4.4',
  deno: 'npm:@deno/linux-x64-glibc@2.9.6',
}

/** Installs the rehearsed package with each of them into an empty project and runs the README's first program there. */
export function managers(registry, projects) {
  const folder = toolsFolder()
  const path = (name) => join(folder, 'node_modules', name)
  const node = (script) => [process.execPath, script]
  const variables = {
    npm_config_registry: registry.url,
    YARN_NPM_REGISTRY_SERVER: registry.url,
    YARN_UNSAFE_HTTP_WHITELIST: '127.0.0.1',
  }
  // Yarn 4 and Deno refuse versions that are younger than a day, which everything rehearsed is.
  const young = { ...variables, YARN_NPM_MINIMAL_AGE_GATE: '0', YARN_ENABLE_TELEMETRY: '0' }
  const ofNpm = (name) => ({
    install: [...node(join(path(name), 'bin/npm-cli.js')), 'install', '--no-audit', 'warren@rehearsal'],
  })
  const yarn = (linker) => ({
    install: [...node(join(path('yarn4'), 'bin/yarn.js')), 'add', 'warren@rehearsal'],
    // Without it Plug'n'Play serves `require` alone, unless the project itself is of ES modules.
    env: { ...young, YARN_NODE_LINKER: linker, YARN_PNP_ENABLE_ESM_LOADER: 'true' },
    run: linker === 'pnp' ? [...node(join(path('yarn4'), 'bin/yarn.js')), 'node'] : undefined,
  })
  const ways = {
    'npm 10': ofNpm('npm10'),
    'npm 11': ofNpm('npm11'),
    'npm 12': ofNpm('npm12'),
    pnpm: { install: [...node(join(path('pnpm'), 'bin/pnpm.mjs')), 'add', 'warren@rehearsal'] },
    'yarn 1': { install: [...node(join(path('yarn1'), 'bin/yarn.js')), 'add', 'warren@rehearsal'] },
    'yarn 4': yarn('node-modules'),
    'yarn 4, PnP': yarn('pnp'),
    bun: { install: [join(path('bun'), 'bin/bun'), 'add', 'warren@rehearsal'] },
    'bun, run by bun': {
      install: [join(path('bun'), 'bin/bun'), 'add', 'warren@rehearsal'],
      run: [join(path('bun'), 'bin/bun')],
    },
    'deno, run by deno': {
      install: [join(path('deno'), 'deno'), 'add', '--minimum-dependency-age=0', 'npm:warren@rehearsal'],
      run: [join(path('deno'), 'deno'), 'run', '--allow-all'],
    },
  }
  return Object.fromEntries(
    Object.entries(ways).map(([name, way]) => [name, tried(way, variables, registry, projects)]),
  )
}

/** A manager that fails does not keep the next from being tried: the table tells all. */
function tried({ install: [command, ...args], env, run }, variables, registry, projects) {
  const project = emptyProject(registry.url)
  projects.push(project)
  try {
    call(command, args, { cwd: project, env: env ?? variables, limit: 300 })
    runFirstProgram(project, run)
    return 'installed, runs'
  } catch (error) {
    process.exitCode = 1
    return `FAILED: ${error.message.split('\n').filter(Boolean).slice(0, 4).join(' | ')}`
  }
}

function toolsFolder() {
  const folder = join(work, 'managers')
  const manifest = JSON.stringify({ private: true, dependencies: TOOLS })
  if (!existsSync(join(folder, 'node_modules'))) {
    mkdirSync(folder, { recursive: true })
    writeFileSync(join(folder, 'package.json'), manifest)
    npm(['install', '--no-fund', '--no-audit', '--ignore-scripts', '--silent'], { cwd: folder })
  }
  return folder
}
