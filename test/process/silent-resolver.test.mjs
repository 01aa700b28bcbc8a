// A machine whose name server never answers, as in a container whose DNS is cut off.

import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { fileURLToPath } from 'node:url'

const program = fileURLToPath(new URL('programs/connected-open.mjs', import.meta.url))

// Looking up the names of three connections' ends takes the resolver 130 s there, and opening a device 0.1 s.
test('a device opens beside TCP connections where no name server answers', { skip: reasonToSkip() }, () => {
  const folder = mkdtempSync(join(tmpdir(), 'warren-resolver-'))
  try {
    const configuration = join(folder, 'resolv.conf')
    writeFileSync(configuration, 'nameserver 192.0.2.53\n')
    // The neighbour has an address on the link and is nobody, so that questions leave and no error comes back.
    const script = `set -e
      mount --bind ${configuration} /etc/resolv.conf
      ip link set lo up
      ip link add silent0 type veth peer name silent1
      ip address add 192.0.2.1/24 dev silent0
      ip link set silent0 up
      ip link set silent1 up
      ip neighbour add 192.0.2.53 lladdr 02:00:00:00:00:01 dev silent0
      exec ${process.execPath} ${program} 192.0.2.1 3`
    const run = spawnSync('unshare', ['-mn', 'sh', '-c', script], { encoding: 'utf8', timeout: 100_000 })
    assert.equal(run.stdout, '3 connections, a device is open\n', run.stderr)
  } finally {
    rmSync(folder, { recursive: true })
  }
})

function reasonToSkip() {
  const probe = spawnSync('unshare', ['-mn', 'ip', 'link', 'add', 'probe0', 'type', 'veth', 'peer', 'name', 'probe1'])
  if (probe.status === 0 || process.env.WARREN_REQUIRE_NETNS === '1') return false
  return 'needs root and network namespaces'
}
