import { existsSync, rmSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { prebuildName } from '../build/addon.mjs'
import { buildLibrary } from '../build/dist.mjs'
import { BuildError } from '../build/error.mjs'
import { root } from '../build/root.mjs'
import { run } from '../step.mjs'
import { addonFile, tripleBuilt } from './build.mjs'
import { bundlers } from './bundlers.mjs'
import { runContract } from './contract.mjs'
import { cures } from './cures.mjs'
import { deployed } from './deploy.mjs'
import { Done, digest, digestOfPackage } from './done.mjs'
import { foreignNodes, nodesOfThisSystem } from './foreign-nodes.mjs'
import { emptyProject, runCommandLine, runFirstProgram } from './install.mjs'
import { pack } from './pack.mjs'
import { rehearsalVersion, releaseFiles } from './ready.mjs'
import { openRegistry } from './registry.mjs'
import { builtOnLinux, targets } from './targets.mjs'
import { call, npm, work, zigVariables } from './tools.mjs'
import { installed } from './ways.mjs'

/** Those that run on the machine that CI has, and so are built, installed and run at every change. */
const QUICK = ['linux-x64', 'linux-x64-musl']

/** Of what `npm install warren` downloads, with all addons. */
const LARGEST_TARBALL = 12 * 1024 * 1024

/**
 * Everything of a release but the publishing: builds, verifies, packs, publishes to a registry on loopback, installs from there
 * into an empty project, runs the README's first program, breaks installations and cures them, runs the deployed example; unless
 * `quick`, also the contract suites, every bundler and every package manager. Says in tables what was built, run and not run.
 *
 * A step that was done over the same package is not done again, and one that fails does not keep the next from being tried. The
 * contract suites of a system have so many minutes, past which no other file of them is begun.
 */
export async function rehearse({ quick, minutes }) {
  buildLibrary()
  const rows = Object.fromEntries(Object.keys(targets).map((name) => [name, notHere(name, quick)]))
  for (const [name, size] of await builtAll(quick ? QUICK : builtOnLinux, quick)) rows[name].built = size
  const names = Object.keys(targets).filter((name) => rows[name].built.includes(' MB'))
  const { tarball, stage } = packed(names)
  const registry = await openRegistry()
  const projects = []
  const done = new Done()
  const inputs = digest([digestOfPackage(stage), quick], [join(root, 'scripts'), join(root, 'examples/deploy')])
  const step = (name, act) => done.once(quick ? `quick-${name}` : name, inputs, act, hasFailed)
  try {
    const where = ['--registry', registry.url, '--userconfig', registry.npmrc]
    npm(['publish', tarball, '--tag', 'rehearsal', '--ignore-scripts', ...where])
    const project = emptyProject(registry.url)
    projects.push(project)
    npm(['install', '--no-audit', '--no-fund', 'warren@rehearsal'], { cwd: project })
    for (const [name, nodes] of Object.entries(await step('programs', () => ran(names, project, quick))))
      rows[name].run = nodes
    print(await step('cures', () => cures(registry, projects, { quick })), ['broken', 'by what the error says it is'])
    print(await step('deployed', () => deployed(registry, projects)), ['deployed', 'result'])
    if (!quick) {
      print(await step('bundlers', () => bundlers(registry, projects)), ['bundled with', 'result'])
      // It closes the registry.
      const closeRegistry = () => registry.close()
      const ways = () => installed({ registry, tarball, folder: stage, closeRegistry }, projects)
      print(await step('managers', ways), ['installed with', 'result'])
      for (const name of names.filter(isRunnable))
        rows[name].contract = await contracted(name, project, { done, budget: minutes * 60 })
    }
  } finally {
    print(rows, ['target', 'built and verified', 'README’s program ran on', 'contract suites'])
    await registry.close()
    for (const project of projects) rmSync(project, { recursive: true, force: true })
  }
}

/** A step gives a text for each thing tried; one that fails says so, and the rehearsal with it. */
function hasFailed(result) {
  const failed = Object.values(result).some((text) => text.startsWith('FAILED'))
  if (failed) process.exitCode = 1
  return failed
}

/** Why there is nothing to tell of a target, until there is. */
function notHere(name, quick) {
  if (name.startsWith('darwin'))
    return { built: quick ? SHORT : '', run: 'not run: there is no macOS here', contract: 'not run' }
  if (!builtOnLinux.includes(name))
    return {
      built: 'not built: Microsoft’s C library and SDK are not to be had here',
      run: 'not run',
      contract: 'not run',
    }
  return { built: SHORT, run: quick && !QUICK.includes(name) ? SHORT : NO_SYSTEM, contract: quick ? SHORT : NO_SYSTEM }
}

const SHORT = 'not in a quick rehearsal'
const NO_SYSTEM = 'not run: it takes Linux on x64, of Debian’s kind'

/** Builds and verifies each target in a process of its own; gives the sizes. */
async function builtAll(names, together) {
  // What two processes would both bring, and linking is one thread's work for most of the time that a target takes.
  zigVariables()
  call('rustup', ['target', 'add', ...names.map(tripleBuilt)])
  if (together) return Promise.all(names.map(built))
  const sizes = []
  for (const name of names) sizes.push(await built(name))
  return sizes
}

async function built(name) {
  const command = ['scripts/release.mjs', 'build', name]
  const { code, output, seconds } = await run(process.execPath, command, { quiet: true, limit: 3_600 })
  if (code !== 0) {
    console.error(output)
    process.exitCode = 1
    return [name, `FAILED: ended with ${code}`]
  }
  console.log(`${name}: built and verified in ${seconds.toFixed(0)} s`)
  const standIn = tripleBuilt(name) === targets[name].triple ? '' : ' (GNU’s form)'
  return [name, `${(statSync(addonFile(name)).size / 1e6).toFixed(2)} MB${standIn}`]
}

/** The tarball, under a version that can be no release's, with what its users' tools say of it. */
function packed(names) {
  const version = rehearsalVersion(releaseFiles().manifest.version)
  const addons = Object.fromEntries(names.map((name) => [name, addonFile(name)]))
  const folder = join(work, 'rehearsal')
  rmSync(folder, { recursive: true, force: true })
  const { tarball, stage, files } = pack(addons, folder, version)
  const { size } = statSync(tarball)
  if (size > LARGEST_TARBALL) throw new BuildError(`${tarball} has ${size} bytes; ${LARGEST_TARBALL} are the most`)
  const found = files.filter((file) => file.endsWith('.node')).sort()
  const wanted = names.map((name) => `prebuilds/${name}/warren.node`).sort()
  if (String(found) !== String(wanted)) throw new BuildError(`the tarball has ${found}, and not ${wanted}`)
  const tool = (path, ...args) => call(process.execPath, [join(root, 'node_modules', path), tarball, ...args])
  tool('publint/src/cli.js', '--strict')
  tool('@arethetypeswrong/cli/dist/index.js', '--no-emoji', '--no-color')
  console.log(`${tarball}: ${(size / 1e6).toFixed(2)} MB, ${files.length} files; publint and attw find nothing`)
  return { tarball, stage }
}

/** Runs the README's first program with every Node that can be had here; gives their versions by target. */
async function ran(names, project, quick) {
  runFirstProgram(project)
  await runCommandLine(project)
  const own = prebuildName()
  const nodes = { [own]: [`Node ${process.versions.node}`] }
  const tryNode = (name, { system, command, isIPv6 }) => {
    nodes[name] ??= []
    try {
      runFirstProgram(project, command, { isIPv6 })
      const version = call(command[0], [...command.slice(1), '-p', 'process.versions.node']).trim()
      nodes[name].push(`${version}${system === undefined ? '' : ` (${system})`}`)
    } catch (error) {
      if (!(error instanceof BuildError)) throw error
      nodes[name].unshift(`FAILED: ${system}: ${error.message.split('\n').filter(Boolean).slice(0, 4).join(' | ')}`)
    }
  }
  if (!quick && own === 'linux-x64') for (const node of nodesOfThisSystem()) tryNode(own, node)
  for (const name of names.filter(isRunnable)) tryNode(name, foreignNodes[name]())
  return Object.fromEntries(Object.entries(nodes).map(([name, versions]) => [name, versions.join(', ')]))
}

/** Runs the contract suites with a foreign Node. */
async function contracted(name, project, options) {
  const node = foreignNodes[name]()
  console.log(`\n${name}: contract suites on ${node.system}`)
  const { ok, text } = await runContract(project, name, node, options)
  if (!ok) process.exitCode = 1
  return text
}

/** Other C libraries and processors, on a machine that can have them. */
function isRunnable(name) {
  return prebuildName() === 'linux-x64' && Object.hasOwn(foreignNodes, name) && existsSync('/usr/bin/dpkg')
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
