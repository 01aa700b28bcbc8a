import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { rmSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:net'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { BuildError } from '../build/error.mjs'
import { withPackages } from './tools.mjs'

/** Pinned; with `node-fetch` as it was, since verdaccio asks for a range that its own lockfile does not have. */
const VERDACCIO = [{ verdaccio: '6.8.0' }, { 'node-fetch': '2.7.0' }]

/**
 * A registry on loopback that holds what is published to it, asks no other one, and is empty at the start. `npmrc` is the file
 * with which npm publishes to it.
 */
export async function openRegistry() {
  const folder = withPackages('registry', ...VERDACCIO)
  const port = await freePort()
  rmSync(join(folder, 'storage'), { recursive: true, force: true })
  writeFileSync(join(folder, 'config.yaml'), CONFIGURATION)
  writeFileSync(join(folder, 'npmrc'), `//127.0.0.1:${port}/:_authToken=nobody\n`)
  const server = spawn(
    process.execPath,
    ['node_modules/verdaccio/bin/verdaccio', '--listen', `127.0.0.1:${port}`, '--config', 'config.yaml'],
    { cwd: folder, stdio: 'ignore' },
  )
  const url = `http://127.0.0.1:${port}/`
  await answers(url, server)
  return { url, npmrc: join(folder, 'npmrc'), close: () => closed(server) }
}

const CONFIGURATION = `storage: ./storage
packages:
  '**':
    access: $all
    publish: $anonymous
max_body_size: 50mb
log: { type: file, path: verdaccio.log, format: pretty, level: warn }
`

async function answers(url, server) {
  for (let tries = 0; tries < 600 && server.exitCode === null; tries++) {
    const is = await fetch(`${url}-/ping`).then(
      ({ ok }) => ok,
      () => false,
    )
    if (is) return
    await sleep(100)
  }
  server.kill()
  throw new BuildError(`the registry on ${url} does not answer: see target/release-package/registry/verdaccio.log`)
}

async function closed(server) {
  if (server.exitCode !== null || server.signalCode !== null) return
  server.kill()
  await once(server, 'exit')
}

async function freePort() {
  const server = createServer().listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address()
  server.close()
  return port
}
