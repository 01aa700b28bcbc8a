import { cpSync, existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { prebuildName } from '../build/addon.mjs'
import { root } from '../build/root.mjs'
import { codeBlocks } from '../lint/markdown.mjs'
import { nodesOfThisSystem } from './foreign-nodes.mjs'
import { emptyProject } from './install.mjs'
import { packageManagers } from './managers.mjs'
import { targets } from './targets.mjs'
import { call, npm, withPackages } from './tools.mjs'

/** Pinned, as `docs/bundling.md` names their versions. */
const TOOLS = {
  '@rspack/cli': '2.2.8',
  '@rspack/core': '2.3.4',
  '@vercel/ncc': '0.45.0',
  '@vercel/nft': '1.11.5',
  esbuild: '0.28.2',
  'node-loader': '2.1.0',
  parcel: '2.16.4',
  postject: '1.0.0-alpha.6',
  rollup: '4.68.8',
  tsup: '8.5.1',
  // Of tsup.
  typescript: '5.9.3',
  vite: '8.4.0',
  webpack: '5.113.0',
  'webpack-cli': '7.3.1',
}

/** What is bundled: opens a device, which needs the addon, and says so. */
const PROGRAM = `import { Device, PrivateKey } from 'warren'
Device.open({ privateKey: PrivateKey.generate(), listen: { host: '127.0.0.1' } })
  .then((device) => device.close())
  .then(() => console.log('opened'))
`

const MANIFEST = { name: 'user', version: '1.0.0', private: true, dependencies: { warren: '*' } }

const TRACE = `import { cpSync } from 'node:fs'
import { nodeFileTrace } from '@vercel/nft'
const { fileList } = await nodeFileTrace(['app.mjs'])
for (const file of fileList) cpSync(file, \`build/\${file}\`, { dereference: true })
`

/** Bundles a program with each of them as `docs/bundling.md` says, moves the result elsewhere, and runs it there. */
export function bundlers(registry, projects) {
  const tools = withPackages('bundlers', TOOLS)
  const project = emptyProject(registry.url)
  projects.push(project)
  npm(['install', '--no-audit', '--no-fund', 'warren@rehearsal'], { cwd: project })
  cpSync(join(tools, 'node_modules'), join(project, 'node_modules'), { recursive: true, verbatimSymlinks: true })
  const ways = { ...ofTheDocs(), ...singleExecutables() }
  return Object.fromEntries(Object.entries(ways).map(([name, way]) => [name, tried(way, project, registry, projects)]))
}

const sh = (command) => ['sh', '-euc', command]
const docs = () => readFileSync(join(root, 'docs/bundling.md'), 'utf8')

function ofTheDocs() {
  const [rollup, vite, webpack, tsup] = codeBlocks(docs(), 'js')
  const [esbuild, esbuildModules] = codeBlocks(docs(), 'sh')
  const [parcel] = codeBlocks(docs(), 'json')
  const bun = packageManagers().bun[0]
  const configured = (name, config, command, main) => ({ files: { [name]: config }, command: sh(command), main })
  return {
    ncc: { command: sh('ncc build app.mjs --out build'), main: 'build/index.mjs' },
    '@vercel/nft': { files: { 'trace.mjs': TRACE }, command: [process.execPath, 'trace.mjs'], main: 'build/app.mjs' },
    'esbuild, CommonJS': { command: sh(esbuild), main: 'build/app.js' },
    'esbuild, ES modules': { command: sh(esbuildModules), main: 'build/app.mjs' },
    webpack: configured('webpack.config.mjs', webpack, 'webpack --mode production', 'build/app.cjs'),
    rspack: configured('rspack.config.mjs', webpack, 'rspack build --mode production', 'build/app.cjs'),
    rollup: { ...configured('rollup.config.mjs', rollup, 'rollup -c', 'build/app.mjs'), external: true },
    vite: { ...configured('vite.config.mjs', vite, 'vite build', 'build/app.mjs'), external: true },
    parcel: { manifest: JSON.parse(parcel), command: sh('parcel build --no-cache'), main: 'build/app.js' },
    'bun build': { command: [bun, 'build', 'app.mjs', '--target=node', '--outdir=build'], main: 'build/app.js' },
    'bun build --compile': {
      command: [bun, 'build', '--compile', 'app.mjs', '--outfile=build/app'],
      program: 'build/app',
    },
    tsup: { command: sh('tsup app.mjs --format cjs --out-dir build'), main: 'build/app.js', external: true },
    'tsup, warren in the bundle': { ...configured('tsup.config.mjs', tsup, 'tsup', 'build/app.js'), whole: true },
  }
}

/** With each Node that there is: the executable is a copy of it. */
function singleExecutables() {
  const program = codeBlocks(docs(), 'js').find((block) => block.includes('getRawAsset'))
  const settings = codeBlocks(docs(), 'json').find((block) => block.includes('assets'))
  const steps = codeBlocks(docs(), 'sh').find((block) => block.includes('postject'))
  const files = { 'app.mjs': program, 'sea.json': settings.replace('linux-x64', prebuildName()) }
  const nodes = prebuildName() === 'linux-x64' ? nodesOfThisSystem() : [{ command: [process.execPath] }]
  const ways = nodes.map(({ command: [node] }) => {
    const version = call(node, ['-p', 'process.versions.node']).trim()
    return [`single executable of Node ${version}`, { files, command: sh(steps), program: 'build/app', node }]
  })
  return Object.fromEntries(ways)
}

/**
 * A way has `command`, with `files` and what `manifest` adds to package.json; and what it makes: `main` for Node, or a `program`.
 * With `external` warren is not in it; with `whole` all systems have their file, as in a release.
 */
function tried(way, project, registry, projects) {
  const { command, manifest = {}, files = {}, main, program, external = false, whole = false } = way
  const node = way.node ?? process.execPath
  try {
    rmSync(join(project, 'build'), { recursive: true, force: true })
    writeFileSync(join(project, 'package.json'), JSON.stringify({ ...MANIFEST, ...manifest }))
    for (const [name, text] of Object.entries({ 'app.mjs': PROGRAM, ...files }))
      writeFileSync(join(project, name), text)
    if (whole) for (const name of Object.keys(targets)) standIn(join(project, 'node_modules/warren/prebuilds', name))
    const path = [join(project, 'node_modules/.bin'), dirname(node), process.env.PATH].join(':')
    call(command[0], command.slice(1), { cwd: project, env: { PATH: path } })
    const elsewhere = external ? project : emptyProject(registry.url)
    if (!external) {
      projects.push(elsewhere)
      cpSync(join(project, 'build'), join(elsewhere, 'build'), { recursive: true })
    }
    const printed = program === undefined ? call(node, [main], { cwd: elsewhere }) : call(join(elsewhere, program), [])
    if (printed === 'opened\n') return 'bundles, runs'
    throw new Error(`prints ${printed}`)
  } catch (error) {
    process.exitCode = 1
    return `FAILED: ${error.message.split('\n').filter(Boolean).slice(0, 6).join(' | ')}`
  } finally {
    for (const name of Object.keys(files)) rmSync(join(project, name), { force: true })
  }
}

/** A file for a system that nothing was built for here. */
function standIn(folder) {
  mkdirSync(folder, { recursive: true })
  const file = join(folder, 'warren.node')
  if (!existsSync(file)) writeFileSync(file, 'a stand-in')
}
