// What devices leave behind, however a process or a worker ends: nothing.

import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { text } from 'node:stream/consumers'
import { test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import v8 from 'node:v8'
import vm from 'node:vm'
import { Worker } from 'node:worker_threads'
import { Device, PrivateKey } from '../../dist/index.mjs'
import { deviceThreads, eventually, linux } from './threads.mjs'

v8.setFlagsFromString('--expose-gc')
const collect = vm.runInNewContext('gc')

for (const driver of ['native', 'script']) {
  const open = (options) =>
    Device.open({ privateKey: PrivateKey.generate(), listen: { host: '127.0.0.1' }, driver, ...options })

  test(`devices that open and close leave no thread, descriptor or memory behind (${driver})`, linux, async () => {
    const child = run('open-close', driver, ['--expose-gc'])
    const { growth, descriptors, threads } = JSON.parse(await text(child.stdout))
    assert.deepEqual({ descriptors, threads }, { descriptors: 0, threads: 0 })
    // A device that stayed would hold its 256 KiB of receive buffers, or an engine of some 100 KiB.
    assert.ok(growth < 400 * 40_000, `400 devices grew memory by ${growth} bytes`)
  })

  for (const end of ['terminate', 'exit', 'throw', 'unref']) {
    test(`a worker that ends by ${end} takes its open devices with it (${driver})`, linux, async () => {
      const ends = { terminate: (worker) => worker.terminate(), unref: () => undefined }
      for (let round = 0; round < 5; round++) {
        const url = new URL('./programs/worker.mjs', import.meta.url)
        const worker = new Worker(url, { workerData: { driver, end } })
        const ended = new Promise((resolve) => worker.on('exit', resolve))
        worker.on('error', () => undefined)
        const [ports] = await once(worker, 'message')
        await ends[end]?.(worker)
        await ended
        assert.equal(await eventually(deviceThreads, 0), 0)
        for (const port of ports) await (await open({ listen: { host: '127.0.0.1', port } })).close()
      }
    })
  }

  test(`process.exit() tells the peers (${driver})`, async () => {
    const { closed, code } = await endOf('exit')
    assert.equal(code, 3)
    assert.deepEqual([closed.by, closed.reason], ['remote', 'the process exits'])
  })

  test(`an uncaught exception ends the process as ever, and tells the peers (${driver})`, async () => {
    const { closed, code } = await endOf('throw')
    assert.equal(code, 1)
    assert.equal(closed.by, 'remote')
  })

  test(`an open device keeps the process alive, an unreferenced one does not (${driver})`, async () => {
    const held = runDevice({ driver })
    await once(held.stdout, 'data')
    const first = await Promise.race([once(held, 'exit').then(() => 'ended'), sleep(300, 'runs')])
    assert.equal(first, 'runs')
    held.kill()
    await once(held, 'exit')
    const [code] = await once(runDevice({ driver, end: 'unref' }), 'exit')
    assert.equal(code, 0)
  })

  /** A process that dials this one and then ends like this. */
  async function endOf(end) {
    const device = await open({ authorize: () => true })
    try {
      const connected = once(device, 'connection')
      const peer = { publicKey: device.publicKey, endpoint: `127.0.0.1:${device.address.port}` }
      const child = runDevice({ driver, end, peer })
      const exited = once(child, 'exit')
      const [connection] = await connected
      const [[code], closed] = await Promise.all([exited, connection.closed])
      return { code, closed }
    } finally {
      await device.close()
    }
  }
}

test('an unreferenced device that nobody knows any more is collected with its thread', linux, async () => {
  await (async () => {
    const device = await Device.open({ privateKey: PrivateKey.generate(), listen: { host: '127.0.0.1' } })
    device.unref()
  })()
  assert.equal(deviceThreads(), 1)
  const threads = () => {
    collect()
    return deviceThreads()
  }
  assert.equal(await eventually(threads, 0), 0)
})

test('a referenced device that nobody knows any more goes on, as a server does', linux, async () => {
  let port
  await (async () => {
    const device = await Device.open({
      privateKey: PrivateKey.generate(),
      listen: { host: '127.0.0.1' },
      authorize: () => true,
    })
    device.on('connection', (connection) => connection.send(Buffer.from('still here')).finally(() => device.close()))
    port = { publicKey: device.publicKey, endpoint: `127.0.0.1:${device.address.port}` }
  })()
  for (let times = 0; times < 10; times++) {
    collect()
    await sleep(5)
  }
  const near = await Device.open({ privateKey: PrivateKey.generate(), listen: { host: '127.0.0.1' } })
  const connection = await near.addPeer(port).connect()
  for await (const { bytes } of connection.messages()) assert.equal(bytes.toString(), 'still here')
  await near.close()
})

function run(name, argument, flags = []) {
  const program = fileURLToPath(new URL(`./programs/${name}.mjs`, import.meta.url))
  return spawn(process.execPath, [...flags, program, argument], { stdio: ['ignore', 'pipe', 'ignore'] })
}

function runDevice(options) {
  return run('device', JSON.stringify(options))
}
