import { execFile } from 'node:child_process'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { expect, it } from '@jest/globals'
import { eachDriver } from './network.js'

const PACKAGE = join(__dirname, '../..')

/** After so many milliseconds a program hangs, on an emulated processor beside other work too; the limit of its test is longer. */
const ENDED = 150_000

eachDriver('in a process of its own', ({ driver }) => {
  async function run(program: string): Promise<string> {
    const source = `
      const { Device, PrivateKey } = require(${JSON.stringify(PACKAGE)})
      const open = (options) => Device.open({ privateKey: PrivateKey.generate(), listen: { host: '127.0.0.1' }, driver: '${driver}', ...options })
      async function main() { ${program} }
      main()`
    const { stdout } = await promisify(execFile)(
      process.execPath,
      ['--expose-gc', '--unhandled-rejections=strict', '-e', source],
      { timeout: ENDED },
    )
    return stdout.trim()
  }

  const pair = `
    const far = await open({ authorize: () => true })
    const near = await open()
    const peer = near.addPeer({ publicKey: far.publicKey, endpoint: '127.0.0.1:' + far.address.port })`

  it('a listener that throws is an uncaught exception, and takes no other event with it', async () => {
    const output = await run(`${pair}
      process.on('uncaughtException', (error) => console.log('uncaught', error.message))
      far.on('peer', (event) => { throw new Error('bug at ' + event.type) })
      const received = new Promise((resolve) => far.on('connection', async (connection) => {
        for await (const { bytes } of connection.messages()) resolve(String(bytes))
      }))
      const connection = await peer.connect()
      await connection.send(Buffer.from('still there'))
      console.log(await received)
      await near.close()
      await far.close()`)
    expect(output.split('\n')).toEqual(
      expect.arrayContaining(['uncaught bug at added', 'uncaught bug at up', 'still there']),
    )
  }, 160_000)

  it('so is one of a packet, a datagram or the data of a stream', async () => {
    const output = await run(`${pair}
      const bugs = new Set()
      const seen = (bug) => { bugs.add(bug); throw new Error(bug) }
      process.on('uncaughtException', (error) => console.log('uncaught', error.message))
      const received = new Promise((resolve) => far.on('connection', async (connection) => {
        connection.peer.on('packet', () => seen('packet'))
        connection.on('datagram', () => seen('datagram'))
        connection.on('stream', (stream) => stream.on('data', () => seen('data')))
        for await (const { bytes } of connection.messages()) if (bugs.size === 3) return resolve(String(bytes))
      }))
      const connection = await peer.connect()
      const packet = Buffer.alloc(40)
      packet[0] = 0x60
      for (const [node, at] of [[near, 8], [far, 24]]) addressBytes(node.addresses[0]).copy(packet, at)
      const stream = connection.openStream()
      let arrived = false
      void received.then(() => { arrived = true })
      while (!arrived) {
        peer.sendPacket(packet)
        connection.sendDatagram(Buffer.from('datagram'))
        stream.write('data')
        await connection.send(Buffer.from('still there'))
        await new Promise((resolve) => setTimeout(resolve, 5))
      }
      console.log(await received)
      await near.close()
      await far.close()
      function addressBytes(text) {
        const [head, tail = ''] = text.split('::').map((part) => part.split(':').filter(Boolean))
        const zeros = Array(8 - head.length - tail.length).fill('0')
        return Buffer.from([...head, ...zeros, ...tail].map((group) => group.padStart(4, '0')).join(''), 'hex')
      }`)
    const lines = new Set(output.split('\n'))
    expect([...lines].sort()).toEqual(['still there', 'uncaught data', 'uncaught datagram', 'uncaught packet'])
  }, 160_000)

  it('what a peer does is no unhandled rejection, though nobody listens or awaits', async () => {
    const output = await run(`${pair}
      const connection = await peer.connect()
      const stream = connection.openStream()
      stream.write('half')
      for (let n = 0; n < 20; n++) connection.send(Buffer.alloc(2 ** 20))
      near.addPeer({ publicKey: PrivateKey.generate().publicKey, endpoint: '127.0.0.1:9' }).connect({ timeout: 100 })
      while (far.connections.size === 0) await new Promise((resolve) => setTimeout(resolve, 5))
      for (const accepted of far.connections) accepted.destroy({ code: 1, reason: 'no' })
      await connection.closed
      connection.send(Buffer.alloc(1))
      connection.openStream().end('x')
      // Began later, with the same time: those before have failed when it does.
      const last = near.addPeer({ publicKey: PrivateKey.generate().publicKey, endpoint: '127.0.0.1:9' })
      await last.connect({ timeout: 100 }).catch(() => undefined)
      await new Promise((resolve) => setImmediate(resolve))
      await near.close()
      await far.close()
      console.log('done')`)
    expect(output).toBe('done')
  }, 160_000)

  it('what a program that takes over removes are its own listeners: events still come, and errors still raise nothing', async () => {
    const output = await run(`${pair}
      far.removeAllListeners()
      const connection = await peer.connect()
      while (far.connections.size === 0) await new Promise((resolve) => setTimeout(resolve, 5))
      const accepted = await new Promise((resolve) => far.once('connection', resolve))
      console.log(accepted.eventNames().length, 'listeners')
      accepted.removeAllListeners()
      const streams = [connection.openStream(), connection.openStream({ direction: 'out' })]
      for (const stream of streams) stream.write('x')
      for (const _ of streams) {
        const stream = await new Promise((resolve) => accepted.once('stream', resolve))
        console.log(stream.eventNames().join())
        stream.removeAllListeners()
        const closed = new Promise((resolve) => stream.once('close', resolve))
        stream.on('data', () => streams.find((one) => !one.destroyed)?.removeAllListeners().destroy(new Error('no more')))
        await closed
        console.log(stream.errored.code)
      }
      await near.close()
      await far.close()`)
    const lines = output.split('\n')
    expect(lines[0]).toBe('0 listeners')
    expect(lines.filter((line) => line.startsWith('ERR'))).toEqual([
      'ERR_WARREN_STREAM_RESET',
      'ERR_WARREN_STREAM_RESET',
    ])
    expect(lines.filter((line) => line.includes('error'))).toEqual([])
  }, 160_000)

  it('an open device keeps the process alive, and an unreferenced one does not', async () => {
    const output = await run(`
      const device = await open()
      process.on('exit', () => console.log('exit after', Math.round(performance.now() - start) >= 200 ? 'ref' : 'nothing'))
      const start = performance.now()
      setTimeout(() => device.unref(), 200)`)
    expect(output).toBe('exit after ref')
  }, 160_000)

  it('20,000 kept messages of 200 bytes hold less than 20 MB', async () => {
    const output = await run(`${pair}
      const kept = []
      let count = 0
      let keeps = false
      far.on('connection', async (connection) => {
        for await (const { bytes } of connection.messages()) {
          count += 1
          if (keeps) kept.push(bytes)
        }
      })
      const connection = await peer.connect()
      const send = async (messages) => {
        const goal = count + messages
        for (let n = 0; n < messages; n++) await connection.send(Buffer.alloc(200, n))
        while (count < goal) await new Promise((resolve) => setTimeout(resolve, 5))
        gc()
      }
      const held = () => process.memoryUsage().heapUsed + process.memoryUsage().arrayBuffers
      await send(5000)
      const before = held()
      keeps = true
      await send(20000)
      console.log(kept.length, Math.round((held() - before) / 1e5) / 10)
      await near.close()
      await far.close()`)
    const [kept, megabytes] = output.split(' ').map(Number)
    expect(kept).toBe(20_000)
    expect(megabytes).toBeLessThan(20)
  }, 60_000)
})
