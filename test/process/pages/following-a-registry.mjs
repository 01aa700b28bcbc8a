import assert from 'node:assert/strict'
import { mkdtemp, rename, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { PrivateKey } from '../../../dist/index.mjs'
import { startWhole } from './page.mjs'

export default async function (page, context) {
  const program = page.next()
  const folder = await mkdtemp(join(tmpdir(), 'warren-pages-'))
  context.after(() => rm(folder, { recursive: true }))
  const list = async (members) => {
    const text = typeof members === 'string' ? members : JSON.stringify(Object.fromEntries(members))
    // Replaced, as tools do it.
    await writeFile(join(folder, 'next.json'), text)
    await rename(join(folder, 'next.json'), join(folder, 'registry.json'))
  }
  const start = async (name) => {
    await writeFile(join(folder, `${name}.key`), `${PrivateKey.generate().export()}\n`)
    const member = startWhole(context, page, program, [`${name}.key`, 'registry.json'], folder)
    const [, key, port] = await member.line(/^(\S+) listens on port (\d+)$/)
    return Object.assign(member, { key, entry: [key, `127.0.0.1:${port}`] })
  }
  const are = (verb, ...pairs) =>
    Promise.all(pairs.map(([one, other]) => one.line(new RegExp(`^${escaped(other.key)} is ${verb}$`))))

  await list([])
  const [alice, bob, carol] = await Promise.all(['alice', 'bob', 'carol'].map(start))
  await list([alice.entry, bob.entry])
  await are('connected', [alice, bob], [bob, alice])

  await list([alice.entry, bob.entry, carol.entry])
  await are('connected', [alice, carol], [carol, alice], [bob, carol], [carol, bob])
  // Until all have it: nothing is sent again by itself after a connection ended.
  const saying = setInterval(() => carol.child.stdin.write('hello from carol\n'), 500)
  await Promise.all([alice, bob].map((member) => member.line(new RegExp(`^${escaped(carol.key)}: hello from carol$`))))
  clearInterval(saying)

  await list('{ half of a list')
  await alice.line(/^the members stay as they were: /)

  await list([alice.entry, carol.entry])
  await are('removed', [alice, bob], [carol, bob])
  await list([alice.entry, bob.entry, carol.entry])
  await are('connected', [alice, bob], [carol, bob])

  for (const { child } of [alice, bob, carol]) child.kill('SIGTERM')
  for (const { ended } of [alice, bob, carol]) assert.deepEqual(await ended, [0, null])
}

function escaped(text) {
  return text.replace(/[+/]/g, '\\$&')
}
