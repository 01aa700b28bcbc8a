// Runs the functions that its parent sends, with what they keep in `state`: for tests whose devices are in other network namespaces.

import dns from 'node:dns'
import * as warren from '../../../dist/index.mjs'

const state = {}

process.on('message', async ({ id, code, args }) => {
  const answer = { id }
  try {
    const { default: run } = await import(`data:text/javascript,export default ${encodeURIComponent(code)}`)
    answer.value = await run({ ...warren, dns, state }, ...args)
  } catch (error) {
    answer.error = String(error?.stack ?? error)
  }
  if (process.connected) process.send(answer)
})

process.once('disconnect', () => process.exit())
