// What leads to a release; RELEASING.md says when each is due. Nothing here publishes anywhere but to a registry on this machine.
//   npm run release -- build <target> …             builds and verifies addons
//   npm run release -- verify <target> <file> …     verifies addons that were built elsewhere
//   npm run release -- pack <target> <file> …       packs the tarball with these
//   npm run release -- library                      compiles what is packed beside the addons
//   npm run release -- try <tarball>                installs it into an empty project, and runs the README's first program
//   npm run release -- ready <tag>                  says what keeps this checkout from being released under that tag
//   npm run release -- notes <version>              prints the CHANGELOG's section
//   npm run release -- rehearse [--quick] [--minutes <n>]
//                                                  everything but the publishing; contract suites for so long on each system

import { buildLibrary } from './build/dist.mjs'
import { BuildError } from './build/error.mjs'
import { addonFile, buildTarget } from './release/build.mjs'
import { tryTarball } from './release/install.mjs'
import { pack } from './release/pack.mjs'
import { notesOf, releaseFiles, unready } from './release/ready.mjs'
import { targets } from './release/targets.mjs'
import { verify } from './release/verify.mjs'

/** Of contract suites on one system: emulated arm64 takes the better part of it on two idle cores. */
const MINUTES = 60

const verbs = {
  build(names) {
    for (const name of known(names)) buildTarget(name)
    for (const name of names) insist(name, addonFile(name))
  },
  verify(args) {
    for (const [name, file] of Object.entries(filesOf(args))) insist(name, file)
  },
  pack(args) {
    const addons = filesOf(args)
    for (const [name, file] of Object.entries(addons)) insist(name, file)
    console.log(pack(addons).tarball)
  },
  library: () => buildLibrary(),
  try([tarball]) {
    tryTarball(tarball)
    console.log(`${tarball} runs: ${process.platform}, ${process.arch}, Node ${process.version}`)
  },
  ready([tag]) {
    const wrong = unready(releaseFiles(), tag)
    if (wrong.length > 0) throw new BuildError(['not ready', ...wrong].join('\n  '))
  },
  notes: ([version]) => console.log(notesOf(releaseFiles().changelog, version)),
  async rehearse(args) {
    // It alone needs the development's packages, which a workflow that looks whether a tag is ready has not installed.
    const { rehearse } = await import('./release/rehearse.mjs')
    const given = args.indexOf('--minutes')
    const minutes = given < 0 ? MINUTES : Number(args[given + 1])
    if (!(minutes >= 0)) throw new BuildError('--minutes wants a number')
    await rehearse({ quick: args.includes('--quick'), minutes })
  },
}

const [name, ...args] = process.argv.slice(2)
try {
  if (!Object.hasOwn(verbs, name ?? ''))
    throw new BuildError(`no verb "${name}": there are ${Object.keys(verbs).join(', ')}`)
  await verbs[name](args)
} catch (error) {
  if (!(error instanceof BuildError)) throw error
  console.error(`warren: ${error.message}`)
  process.exitCode = 1
}

function known(names) {
  const strange = names.find((name) => !Object.hasOwn(targets, name))
  if (strange !== undefined)
    throw new BuildError(`no target "${strange}": there are ${Object.keys(targets).join(', ')}`)
  return names
}

/** Targets and files in turns, as paths by name. */
function filesOf(args) {
  const names = known(args.filter((_, index) => index % 2 === 0))
  if (args.length % 2 === 1) throw new BuildError(`no file for ${names.at(-1)}`)
  return Object.fromEntries(names.map((name, index) => [name, args[index * 2 + 1]]))
}

function insist(name, file) {
  const wrong = verify(name, file)
  if (wrong.length > 0) throw new BuildError([file, ...wrong].join('\n  '))
}
