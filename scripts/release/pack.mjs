import { cpSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { root } from '../build/root.mjs'
import { billOfMaterials, notices } from './notices.mjs'
import { npm, work } from './tools.mjs'

/** What only a checkout needs; `scripts` would run `prepare` when the unpacked folder is installed, `files` leave out what is made here. */
const OF_A_CHECKOUT = ['files', 'scripts', 'devDependencies', 'overrides', 'allowScripts', 'napi']

/**
 * Packs the library into `folder`, with these addons (paths by the target's name) and the licences of what is linked into
 * them; beside it lies the bill of materials, `sbom.cdx.json`. The version is that of package.json, or another one. Gives the
 * tarball's path, the unpacked folder, and its files.
 */
export function pack(addons, folder = work, version = undefined) {
  const stage = join(folder, 'package')
  rmSync(stage, { recursive: true, force: true })
  mkdirSync(stage, { recursive: true })
  const manifest = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8'))
  for (const key of OF_A_CHECKOUT) delete manifest[key]
  if (version !== undefined) manifest.version = version
  const isRemade = (path) => path.startsWith('prebuilds/') || path === 'package.json'
  for (const path of packedFiles().filter((path) => !isRemade(path))) copy(join(root, path), join(stage, path))
  for (const [name, path] of Object.entries(addons)) copy(path, join(stage, 'prebuilds', name, 'warren.node'))
  writeFileSync(join(stage, 'package.json'), `${JSON.stringify(manifest, undefined, 2)}\n`)
  writeFileSync(join(stage, 'THIRD-PARTY-NOTICES'), notices())
  writeFileSync(join(folder, 'sbom.cdx.json'), billOfMaterials(manifest))
  const destination = ['--ignore-scripts', `--pack-destination=${folder}`]
  const [{ filename, files }] = JSON.parse(npm(['pack', '--json', ...destination], { cwd: stage }))
  return { tarball: join(folder, filename), stage, files: files.map(({ path }) => path) }
}

/** The files that npm would take from the checkout. */
function packedFiles() {
  const [{ files }] = JSON.parse(npm(['pack', '--json', '--dry-run', '--ignore-scripts']))
  return files.map(({ path }) => path)
}

function copy(from, to) {
  mkdirSync(dirname(to), { recursive: true })
  cpSync(from, to)
}
