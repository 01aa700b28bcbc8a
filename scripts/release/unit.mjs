import { spawnSync } from 'node:child_process'
import { copyFileSync, cpSync, existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { unpackDebian } from './debian.mjs'
import { call, kept } from './tools.mjs'

/** systemd 252 with what its programs are linked with. */
const SYSTEMD = [
  ...['systemd', 'libsystemd-shared', 'libsystemd0', 'libudev1', 'libc6', 'libgcc-s1', 'libstdc++6', 'libacl1'],
  ...['libapparmor1', 'libaudit1', 'libblkid1', 'libcap-ng0', 'libcap2', 'libcrypt1', 'libcryptsetup12', 'libfdisk1'],
  ...['libdevmapper1.02.1', 'libgcrypt20', 'libgpg-error0', 'libip4tc2', 'libjson-c5', 'libkmod2', 'liblz4-1'],
  ...[
    'liblzma5',
    'libmount1',
    'libpam0g',
    'libpcre2-8-0',
    'libseccomp2',
    'libselinux1',
    'libssl3',
    'libuuid1',
    'libzstd1',
  ],
]

/** The most that `systemd-analyze security` may give the unit, of 100. */
const EXPOSURE = 15

/**
 * Runs the unit of `examples/deploy` under a systemd of its own, which is the first process of its own namespaces, in a root folder
 * that holds it, Node and the service as the README says where. Gives what was done.
 */
export function runUnit({ unit, app, peers, environment }) {
  const root = kept('systemd', (folder) =>
    unpackDebian(folder, { release: 'bookworm', arch: 'amd64', packages: SYSTEMD }),
  )
  layRoot(root, { unit, app, peers })
  const inside = (...command) => call('chroot', [root, ...command])
  inside('/usr/bin/systemd-analyze', 'verify', UNIT)
  inside('/usr/bin/systemd-analyze', 'security', '--offline=yes', `--threshold=${EXPOSURE}`, UNIT)
  const { status, stdout, stderr } = spawnSync('unshare', ['--net', 'sh', '-euc', OUTSIDE], {
    env: {
      PATH: process.env.PATH,
      NODE: process.execPath,
      ROOT: root,
      BOOT,
      CLIENT_KEY_FILE: 'client.key',
      ...environment,
    },
    cwd: app,
    encoding: 'utf8',
    timeout: 300_000,
  })
  if (status === 0 && stdout.endsWith(EXPECTED))
    return `runs, healthy, answers, ends; exposure at most ${EXPOSURE / 10} of 10`
  const said = existsSync(join(root, 'service.log')) ? readFileSync(join(root, 'service.log'), 'utf8') : ''
  return `FAILED (${status}): ${stdout}${stderr}${said}`.replaceAll('\n', ' | ')
}

const UNIT = '/etc/systemd/system/warren-service.service'

/** As the README of the example has it, and beside it what tells how the service went. */
function layRoot(root, { unit, app, peers }) {
  const [service, settings] = [join(root, 'opt/warren-service'), join(root, 'etc/warren-service')]
  for (const folder of [service, settings]) rmSync(folder, { recursive: true, force: true })
  const folders = ['dev', 'old', 'proc', 'run', 'sys', 'tmp', 'var/lib', 'var/tmp', `${UNIT}.d`]
  for (const folder of folders) mkdirSync(join(root, folder), { recursive: true })
  // Units that a container has no use for: devices, file systems, modules of the kernel.
  for (const folder of ['sysinit', 'local-fs', 'multi-user', 'sockets', 'timers'])
    rmSync(join(root, `lib/systemd/system/${folder}.target.wants`), { recursive: true, force: true })
  rmSync(join(root, 'lib/systemd/system-generators'), { recursive: true, force: true })
  writeFileSync(join(root, 'etc/passwd'), 'root:x:0:0::/root:/bin/sh\nnobody:x:65534:65534::/:/bin/false\n')
  writeFileSync(join(root, 'etc/group'), 'root:x:0:\nnogroup:x:65534:\n')
  writeFileSync(join(root, 'etc/machine-id'), '')
  writeFileSync(join(root, 'result'), '')
  writeFileSync(join(root, 'service.log'), '')
  copyFileSync(process.execPath, join(root, 'usr/bin/node'))
  for (const name of ['node_modules', 'package.json', 'service.mjs', 'health.mjs'])
    cpSync(join(app, name), join(service, name), { recursive: true })
  mkdirSync(settings)
  copyFileSync(join(app, 'private.key'), join(settings, 'private.key'))
  writeFileSync(join(settings, 'environment'), `WARREN_PEERS=${peers}\n`)
  mkdirSync(dirname(join(root, UNIT)), { recursive: true })
  copyFileSync(unit, join(root, UNIT))
  writeFileSync(join(root, 'result.mjs'), RESULT)
  writeFileSync(join(root, `${UNIT}.d/watched.conf`), WATCHED)
}

/** With all rights, after the service ended. */
const RESULT = `import { writeFileSync } from 'node:fs'
const { SERVICE_RESULT, EXIT_STATUS } = process.env
writeFileSync('/result', SERVICE_RESULT + ' ' + EXIT_STATUS)
`
const WATCHED = `[Service]
StandardOutput=file:/service.log
StandardError=file:/service.log
ExecStopPost=+/usr/bin/node /result.mjs
`

/** From a root folder of this shell's own to systemd as the first process of what follows; it needs a shared root to mount keys. */
const BOOT = `
mount --bind "$ROOT" "$ROOT"
cd "$ROOT"
mount -t proc proc proc
mount -t sysfs -o ro sysfs sys
mount -t cgroup2 cgroup2 sys/fs/cgroup
for name in run tmp dev; do mount -t tmpfs tmpfs $name; done
mkdir dev/pts dev/shm
mount -t devpts -o newinstance,ptmxmode=0666 devpts dev/pts
ln -s pts/ptmx dev/ptmx
for name in null zero full random urandom tty; do touch dev/$name; mount --bind /dev/$name dev/$name; done
pivot_root . old
/old/usr/bin/mount --make-rshared /
exec /old/usr/bin/env -i container=other /old/bin/sh -euc '/old/bin/umount -l /old; exec /lib/systemd/systemd --log-target=null --unit=warren-service.service'
`

/** Beside it, in the same network: what a user of the service does, and the one who stops it. */
const OUTSIDE = `
ip link set lo up
unshare --mount --pid --cgroup --ipc --uts --fork --kill-child sh -euc "$BOOT" &
container=$!
tries=0
until $NODE health.mjs; do tries=$((tries + 1)); [ $tries -lt 300 ]; sleep 0.1; done
echo healthy
systemd=$(cat /proc/$container/task/$container/children)
service=$(cat /proc/\${systemd% }/task/\${systemd% }/children)
grep -E '^(CapEff|NoNewPrivs|Seccomp):' /proc/\${service% }/status
$NODE client.mjs
nsenter --target \${systemd% } --mount --pid /bin/systemctl stop warren-service
echo "$(cat "$ROOT/result")"
kill -KILL $container
`

const EXPECTED = `healthy
CapEff:	0000000000000000
NoNewPrivs:	1
Seccomp:	2
answered: are you there?
success 0
`
