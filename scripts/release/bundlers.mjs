import { cpSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { root } from '../build/root.mjs'
import { codeBlocks } from '../lint/markdown.mjs'
import { emptyProject } from './install.mjs'
import { call, npm, withPackages } from './tools.mjs'

/** Pinned, as `docs/bundling.md` names their versions. */
const TOOLS = {
  '@vercel/ncc': '0.45.0',
  '@vercel/nft': '1.11.5',
  esbuild: '0.28.2',
  'node-loader': '2.1.0',
  rollup: '4.68.8',
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

const TRACE = `import { cpSync } from 'node:fs'
import { nodeFileTrace } from '@vercel/nft'
const { fileList } = await nodeFileTrace(['app.mjs'])
for (const file of fileList) cpSync(file, \`build/\${file}\`, { dereference: true })
`

/** Bundles a program with each of them as `docs/bundling.md` says, moves the result elsewhere, and runs it there. */
export function bundlers(registry, projects) {
  const tools = withPackages('bundlers', TOOLS)
  const text = readFileSync(join(root, 'docs/bundling.md'), 'utf8')
  const [rollup, vite, webpack] = codeBlocks(text, 'js')
  const [esbuild, esbuildModules] = codeBlocks(text, 'sh')
  const npx = (command) => ['sh', '-c', command]
  const configured = (name, config, command, main) => ({ files: { [name]: config }, command: npx(command), main })
  const ways = {
    ncc: { command: npx('ncc build app.mjs --out build'), main: 'build/index.mjs' },
    '@vercel/nft': { files: { 'trace.mjs': TRACE }, command: [process.execPath, 'trace.mjs'], main: 'build/app.mjs' },
    'esbuild, CommonJS': { command: npx(esbuild), main: 'build/app.js' },
    'esbuild, ES modules': { command: npx(esbuildModules), main: 'build/app.mjs' },
    webpack: configured('webpack.config.mjs', webpack, 'webpack --mode production', 'build/app.cjs'),
    rollup: { ...configured('rollup.config.mjs', rollup, 'rollup -c', 'build/app.mjs'), external: true },
    vite: { ...configured('vite.config.mjs', vite, 'vite build', 'build/app.mjs'), external: true },
  }
  const project = emptyProject(registry.url)
  projects.push(project)
  npm(['install', '--no-audit', '--no-fund', 'warren@rehearsal'], { cwd: project })
  cpSync(join(tools, 'node_modules'), join(project, 'node_modules'), { recursive: true, verbatimSymlinks: true })
  writeFileSync(join(project, 'app.mjs'), PROGRAM)
  return Object.fromEntries(Object.entries(ways).map(([name, way]) => [name, tried(way, project, registry, projects)]))
}

function tried({ command: [command, ...args], files = {}, main, external = false }, project, registry, projects) {
  try {
    rmSync(join(project, 'build'), { recursive: true, force: true })
    for (const [name, text] of Object.entries(files)) writeFileSync(join(project, name), text)
    const path = [join(project, 'node_modules/.bin'), process.env.PATH].join(':')
    call(command, args, { cwd: project, env: { PATH: path } })
    const elsewhere = external ? project : emptyProject(registry.url)
    if (!external) {
      projects.push(elsewhere)
      cpSync(join(project, 'build'), join(elsewhere, 'build'), { recursive: true })
    }
    const printed = call(process.execPath, [main], { cwd: elsewhere })
    if (printed === 'opened\n') return 'bundles, runs'
    throw new Error(`prints ${printed}`)
  } catch (error) {
    process.exitCode = 1
    return `FAILED: ${error.message.split('\n').filter(Boolean).slice(0, 6).join(' | ')}`
  }
}
