import { spawnSync } from 'node:child_process'
import { copyFileSync, cpSync, mkdirSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { root } from '../build/root.mjs'
import { emptyProject } from './install.mjs'
import { call, npm } from './tools.mjs'

const EXAMPLE = join(root, 'examples/deploy')

/** The most that `systemd-analyze security` may give the unit, of 100. */
const EXPOSURE = 15

/** Of nobody on this machine; that of distroless images. */
const USER = 65_532

/**
 * Runs `examples/deploy` with the rehearsed package as its container would: in a root folder of its own that holds Node with
 * its libraries and nothing else, mounted read-only, as a user without rights. Gives what was done.
 */
export function deployed(registry, projects) {
  return { 'like the container': asContainer(registry, projects), 'systemd unit': unit() }
}

function asContainer(registry, projects) {
  if (process.platform !== 'linux' || process.getuid() !== 0) return 'not here: it takes root on Linux'
  const app = emptyProject(registry.url)
  projects.push(app)
  npm(['install', '--no-audit', '--no-fund', 'warren@rehearsal'], { cwd: app })
  for (const name of ['service.mjs', 'health.mjs']) copyFileSync(join(EXAMPLE, name), join(app, name))
  writeFileSync(join(app, 'client.mjs'), CLIENT)
  const keys = ['service', 'client'].map((name) => {
    const key = call(process.execPath, ['node_modules/warren/dist/cli/main.js', 'genkey'], { cwd: app })
    writeFileSync(join(app, `${name}.key`), key)
    return call(process.execPath, ['node_modules/warren/dist/cli/main.js', 'pubkey'], { cwd: app, input: key }).trim()
  })
  const image = imageOf(app)
  const env = { WARREN_KEY_FILE: '/app/service.key', WARREN_PEERS: keys[1], SERVICE: keys[0], ROOT: image }
  const namespaces = ['--mount', '--net', '--pid', '--fork', '--kill-child']
  const { status, stdout, stderr } = spawnSync('unshare', [...namespaces, 'sh', '-euc', CONTAINER], {
    env: { PATH: process.env.PATH, USER: String(USER), ...env },
    encoding: 'utf8',
    timeout: 300_000,
  })
  if (status === 0 && stdout.endsWith(EXPECTED)) return 'runs, healthy, answers, cannot write, ends'
  process.exitCode = 1
  return `FAILED (${status}): ${stdout}${stderr}`.replaceAll('\n', ' | ')
}

/** Starts the service, and does beside it what its users do. A failing line ends it: the shell has `-e`. */
const CONTAINER = `
ip link set lo up
mount --bind "$ROOT" "$ROOT"
mount -t proc proc "$ROOT/proc"
for name in null urandom; do mount --bind /dev/$name "$ROOT/dev/$name"; done
mount -o remount,bind,ro "$ROOT"
node="setpriv --no-new-privs chroot --userspec=$USER:$USER $ROOT /nodejs/bin/node"
cd /
$node /app/service.mjs &
service=$!
tries=0
until $node /app/health.mjs; do tries=$((tries + 1)); [ $tries -lt 300 ]; sleep 0.1; done
echo healthy
$node /app/client.mjs
kill -TERM $service
wait $service
echo ended
if $node /app/health.mjs; then exit 1; fi
echo gone
`

/** Asks the service, then looks at what it is itself: it has the same rights. */
const CLIENT = `import { readFileSync, writeFileSync } from 'node:fs'
import { Device } from 'warren'
const device = await Device.open({ privateKey: readFileSync('/app/client.key', 'utf8').trim(), listen: { host: '127.0.0.1' } })
const connection = await device.addPeer({ publicKey: process.env.SERVICE, endpoint: '127.0.0.1:51820' }).connect({ timeout: 60_000 })
await connection.send(Buffer.from('are you there?'))
const { value } = await connection.messages().next()
console.log('answered:', value.bytes.toString())
await device.close()
for (const path of ['/app/x', '/tmp/x', '/x']) {
  try {
    writeFileSync(path, '')
    console.log('wrote', path)
  } catch (error) {
    console.log(error.code)
  }
}
const status = readFileSync('/proc/self/status', 'utf8')
console.log('user', process.getuid(), /CapEff:\\t(\\w+)/.exec(status)[1], /NoNewPrivs:\\t(\\d)/.exec(status)[1])
`

const EXPECTED = `healthy
answered: are you there?
EROFS
EROFS
EROFS
user ${USER} 0000000000000000 1
ended
gone
`

/** The root folder: Node, the libraries that it names, the service. */
function imageOf(app) {
  const image = join(app, 'image')
  for (const path of ['nodejs/bin', 'proc', 'dev', 'tmp']) mkdirSync(join(image, path), { recursive: true })
  for (const name of ['null', 'urandom']) writeFileSync(join(image, 'dev', name), '')
  copyFileSync(process.execPath, join(image, 'nodejs/bin/node'))
  const libraries = call('ldd', [process.execPath]).match(/\/\S+/g) ?? []
  for (const path of libraries.filter((path) => path !== process.execPath)) {
    mkdirSync(join(image, dirname(path)), { recursive: true })
    copyFileSync(path, join(image, path))
  }
  mkdirSync(join(image, 'app'))
  for (const name of ['node_modules', 'service.mjs', 'health.mjs', 'client.mjs', 'service.key', 'client.key'])
    cpSync(join(app, name), join(image, 'app', name), { recursive: true })
  return image
}

function unit() {
  const file = join(EXAMPLE, 'warren-service.service')
  if (spawnSync('systemd-analyze', ['--version']).status !== 0) return 'not here: there is no systemd-analyze'
  call('systemd-analyze', ['verify', file])
  call('systemd-analyze', ['security', '--offline=yes', `--threshold=${EXPOSURE}`, file])
  return `right, exposure at most ${EXPOSURE / 10} of 10`
}
