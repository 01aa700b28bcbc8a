// What a process holds for a peer whose data it does not read, beside what the limits say: ten minutes of each with WARREN_SLOW=1.

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { start } from './children.mjs'

const program = new URL('./programs/holds.mjs', import.meta.url)
const MIB = 2 ** 20

const seconds = process.env.WARREN_SLOW === '1' ? 600 : 6
const limits = { receiveBytesPerConnection: 32 * MIB, messageBytes: MIB }

/** What `docs/api.md` says that each may hold, and where that is: bulk that goes by leaves pages of an allocator. */
const stated = {
  messages: { bytes: limits.receiveBytesPerConnection, of: 'rss' },
  pieces: { bytes: (32 + 32) * MIB, of: 'rss' },
  datagrams: { bytes: MIB, of: 'arrayBuffers' },
}

/** What a process grows by in any case: compiled code, a heap that was collected, pages of an allocator; and slabs of its own. */
const beside = { rss: 24 * MIB, arrayBuffers: 8 * MIB }

for (const [kind, { bytes, of }] of Object.entries(stated)) {
  test(`a process holds no more than 1.5 times what is stated of ${kind} that it does not read`, async () => {
    const receiver = start(program, { role: 'receiver', kind, limits }, ['--expose-gc'])
    const sender = { child: undefined }
    try {
      const target = await receiver.told('open')
      Object.assign(sender, start(program, { role: 'sender', kind, seconds, target }))
      const before = await receiver.told('before')
      await sender.told('done')
      receiver.child.send('measure')
      const grown = (await receiver.told('after'))[of] - before[of]
      const say = `grew by ${(grown / MIB).toFixed(1)} MiB; stated are ${bytes / MIB}`
      assert.ok(grown <= 1.5 * bytes + beside[of], say)
    } finally {
      for (const { child } of [receiver, sender]) child?.kill('SIGKILL')
    }
  })
}
