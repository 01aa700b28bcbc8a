import { spawnSync } from 'node:child_process'
import { chmodSync, copyFileSync, existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { root } from '../build/root.mjs'
import { buildRecipe } from './containerfile.mjs'
import { emptyProject } from './install.mjs'
import { call, npm } from './tools.mjs'
import { runUnit } from './unit.mjs'

const EXAMPLE = join(root, 'examples/deploy')

/**
 * Runs `examples/deploy` with the rehearsed package as its README says: made into an image by the container recipe, layer by layer
 * and without a daemon, and run as a container would be; and under systemd. Gives what was done.
 */
export function deployed(registry, projects) {
  const isHere = process.platform === 'linux' && process.arch === 'x64' && process.getuid() === 0
  if (!isHere || !existsSync('/usr/bin/dpkg'))
    return { 'container, systemd': 'not here: it takes root on Debian on x64' }
  const app = emptyProject(registry.url)
  projects.push(app)
  const { peers, environment } = layApp(app)
  const tried = (act) => {
    try {
      return act()
    } catch (error) {
      return `FAILED: ${error.message.replaceAll('\n', ' | ')}`
    }
  }
  const unit = join(EXAMPLE, 'warren-service.service')
  return {
    'container recipe': tried(() => asContainer(app, registry, { peers, environment })),
    'systemd unit': tried(() => runUnit({ unit, app, peers, environment })),
  }
}

/** The folder that the README has its users copy, with a lockfile, keys, and somebody who asks. */
function layApp(app) {
  for (const name of ['Containerfile', 'service.mjs', 'health.mjs']) copyFileSync(join(EXAMPLE, name), join(app, name))
  const manifest = JSON.parse(readFileSync(join(EXAMPLE, 'package.json'), 'utf8'))
  writeFileSync(join(app, 'package.json'), JSON.stringify({ ...manifest, dependencies: { warren: 'rehearsal' } }))
  npm(['install', '--no-audit', '--no-fund'], { cwd: app })
  writeFileSync(join(app, 'client.mjs'), CLIENT)
  writeFileSync(join(app, 'rights.mjs'), RIGHTS)
  const [service, client] = ['private', 'client'].map((name) => {
    const key = call(process.execPath, ['node_modules/warren/dist/cli/main.js', 'genkey'], { cwd: app })
    writeFileSync(join(app, `${name}.key`), key, { mode: 0o600 })
    return call(process.execPath, ['node_modules/warren/dist/cli/main.js', 'pubkey'], { cwd: app, input: key }).trim()
  })
  return { peers: client, environment: { SERVICE: service } }
}

function asContainer(app, registry, { peers, environment }) {
  const recipe = readFileSync(join(app, 'Containerfile'), 'utf8')
  const env = { npm_config_registry: registry.url }
  const image = buildRecipe(recipe, { context: app, folder: join(app, 'images'), env })
  // What `docker run` is told to mount, and who asks.
  const secrets = join(image.root, 'run/secrets')
  mkdirSync(secrets, { recursive: true })
  for (const name of ['warren-key', 'client.key'])
    copyFileSync(join(app, name.replace('warren-key', 'private.key')), join(secrets, name))
  for (const name of ['warren-key', 'client.key']) chmodSync(join(secrets, name), 0o444)
  for (const name of ['client.mjs', 'rights.mjs']) copyFileSync(join(app, name), join(image.root, image.workdir, name))
  const namespaces = ['--mount', '--net', '--pid', '--fork', '--kill-child']
  const { status, stdout, stderr } = spawnSync('unshare', [...namespaces, 'sh', '-euc', CONTAINER], {
    env: {
      PATH: process.env.PATH,
      ...image.env,
      ...environment,
      WARREN_PEERS: peers,
      CLIENT_KEY_FILE: '/run/secrets/client.key',
      ROOT: image.root,
      USER: String(image.user),
      INSIDE: image.workdir,
      ENTRY: image.entrypoint.join(' '),
      SERVICE_COMMAND: image.command.join(' '),
      HEALTH: image.health.join(' '),
    },
    encoding: 'utf8',
    timeout: 300_000,
  })
  if (status === 0 && stdout === EXPECTED) return 'builds, runs, healthy, answers, cannot write, ends'
  return `FAILED (${status}): ${stdout}${stderr}`.replaceAll('\n', ' | ')
}

/** Starts the service, and does beside it what its users do. A failing line ends it: the shell has `-e`. */
const CONTAINER = `
ip link set lo up
mount --bind "$ROOT" "$ROOT"
mount -t proc proc "$ROOT/proc"
for name in null urandom; do touch "$ROOT/dev/$name"; mount --bind /dev/$name "$ROOT/dev/$name"; done
mount -o remount,bind,ro "$ROOT"
run="setpriv --no-new-privs unshare --root=$ROOT --wd=$INSIDE --setgid=$USER --setuid=$USER"
cd /
$run $ENTRY $SERVICE_COMMAND >&2 &
service=$!
tries=0
until $run $HEALTH; do tries=$((tries + 1)); [ $tries -lt 300 ]; sleep 0.1; done
echo healthy
$run $ENTRY client.mjs
$run $ENTRY rights.mjs
kill -TERM $service
wait $service
echo ended
if $run $HEALTH; then exit 1; fi
echo gone
`

/** Asks the service. */
const CLIENT = `import { readFileSync } from 'node:fs'
import { Device } from 'warren'
const device = await Device.open({ privateKey: readFileSync(process.env.CLIENT_KEY_FILE, 'utf8').trim(), listen: { host: '127.0.0.1' } })
const connection = await device.addPeer({ publicKey: process.env.SERVICE, endpoint: '127.0.0.1:51820' }).connect({ timeout: 60_000 })
await connection.send(Buffer.from('are you there?'))
const { value } = await connection.messages().next()
console.log('answered:', value.bytes.toString())
await device.close()
`

/** Looks at what it is itself: it has the same rights as the service. */
const RIGHTS = `import { readFileSync, writeFileSync } from 'node:fs'
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
user 65532 0000000000000000 1
ended
gone
`
