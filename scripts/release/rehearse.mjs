import { existsSync, rmSync, statSync } from 'node:fs'
import { prebuildName } from '../build/addon.mjs'
import { buildLibrary } from '../build/dist.mjs'
import { BuildError } from '../build/error.mjs'
import { run } from '../step.mjs'
import { addonFile } from './build.mjs'
import { bundlers } from './bundlers.mjs'
import { foreignNodes } from './foreign-nodes.mjs'
import { emptyProject, runCommandLine, runFirstProgram } from './install.mjs'
import { managers } from './managers.mjs'
import { pack } from './pack.mjs'
import { openRegistry } from './registry.mjs'
import { builtOnLinux, targets } from './targets.mjs'
import { call, npm, zigVariables } from './tools.mjs'

/** Those that run on the machine that CI has, and so are built, installed and run at every change. */
const QUICK = ['linux-x64', 'linux-x64-musl']

/** Of what `npm install warren` downloads, with all addons. */
const LARGEST_TARBALL = 12 * 1024 * 1024

/**
 * Everything of a release but the publishing: builds, verifies, packs, publishes to a registry on loopback, installs from there
 * into an empty project, runs the README's first program. Ends with a table of what was built, run and not run.
 */
export async function rehearse({ quick }) {
  buildLibrary()
  const names = quick ? QUICK : builtOnLinux
  const rows = Object.fromEntries(Object.keys(targets).map((name) => [name, { built: 'not here', run: 'not here' }]))
  for (const [name, size] of await builtAll(names, quick)) rows[name].built = size
  const { tarball, files } = pack(Object.fromEntries(names.map((name) => [name, addonFile(name)])))
  checkTarball(tarball, files, names)
  const registry = await openRegistry()
  const projects = []
  try {
    const where = ['--registry', registry.url, '--userconfig', registry.npmrc]
    npm(['publish', tarball, '--tag', 'rehearsal', '--ignore-scripts', ...where])
    for (const [name, nodes] of await ran(names, registry, projects)) rows[name].run = nodes
    print(rows, ['target', 'built', 'run'])
    if (quick) return
    print(managers(registry, projects), ['installed with', 'result'])
    print(bundlers(registry, projects), ['bundled with', 'result'])
  } finally {
    await registry.close()
    for (const project of projects) rmSync(project, { recursive: true, force: true })
  }
}

/** Builds and verifies each target in a process of its own; gives the sizes. */
async function builtAll(names, together) {
  // What two processes would both bring, and linking is one thread's work for most of the time that a target takes.
  zigVariables()
  call('rustup', ['target', 'add', ...names.map((name) => targets[name].triple)])
  if (together) return Promise.all(names.map(built))
  const sizes = []
  for (const name of names) sizes.push(await built(name))
  return sizes
}

async function built(name) {
  const command = ['scripts/release.mjs', 'build', name]
  const { code, output, seconds } = await run(process.execPath, command, { quiet: true, limit: 3_600 })
  if (code !== 0) throw new BuildError(output)
  console.log(`${name}: built and verified in ${seconds.toFixed(0)} s`)
  return [name, `${(statSync(addonFile(name)).size / 1e6).toFixed(2)} MB`]
}

/** Installs with npm and runs the README's first program with every Node that can be had here; gives their versions. */
async function ran(names, registry, projects) {
  const project = emptyProject(registry.url)
  projects.push(project)
  npm(['install', '--no-audit', '--no-fund', 'warren@rehearsal'], { cwd: project })
  runFirstProgram(project)
  await runCommandLine(project)
  const nodes = new Map([[prebuildName(), [`Node ${process.versions.node}`]]])
  for (const name of names.filter(isRunnable)) {
    const { system, command } = foreignNodes[name]()
    runFirstProgram(project, command)
    const version = call(command[0], [...command.slice(1), '-p', 'process.versions.node']).trim()
    nodes.set(name, [...(nodes.get(name) ?? []), `Node ${version} (${system})`])
  }
  return [...nodes].map(([name, versions]) => [name, versions.join(', ')])
}

/** Other C libraries and processors, on a machine that can have them. */
function isRunnable(name) {
  return prebuildName() === 'linux-x64' && Object.hasOwn(foreignNodes, name) && existsSync('/usr/bin/dpkg')
}

function checkTarball(tarball, files, names) {
  const { size } = statSync(tarball)
  if (size > LARGEST_TARBALL) throw new BuildError(`${tarball} has ${size} bytes; ${LARGEST_TARBALL} are the most`)
  const addons = files.filter((file) => file.endsWith('.node')).sort()
  const wanted = names.map((name) => `prebuilds/${name}/warren.node`).sort()
  if (String(addons) !== String(wanted)) throw new BuildError(`the tarball has ${addons}, and not ${wanted}`)
  console.log(`${tarball}: ${(size / 1e6).toFixed(2)} MB, ${files.length} files`)
}

function print(rows, heads) {
  const cells = Object.entries(rows).map(([name, row]) => [
    name,
    ...(typeof row === 'string' ? [row] : Object.values(row)),
  ])
  const widths = heads.map((head, column) => Math.max(head.length, ...cells.map((row) => row[column].length)))
  console.log()
  for (const row of [heads, ...cells])
    console.log(
      row
        .map((cell, column) => cell.padEnd(widths[column] + 2))
        .join('')
        .trimEnd(),
    )
}
