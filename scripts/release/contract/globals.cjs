// The few functions of jest that the contract suites use, over Node's own runner: it needs nothing compiled for a system.
// `expect` is jest's own, from the path in `WARREN_EXPECT`.

const { format } = require('node:util')
const runner = require('node:test')
const { expect } = require(process.env.WARREN_EXPECT)

/** Tests that have not ended. */
let pending = 0

const it = (name, body) => {
  pending++
  return runner.it(name, () => within(LIMIT, body).finally(finished))
}
it.each = each(it)

const describe = (name, body) => runner.describe(name, () => body())
describe.each = each(describe)

module.exports = { ...runner, describe, expect, it }

/** A row that is a list is spread; `%s` and its like take the first values of a row in turn. */
function each(declare) {
  return (rows) => (name, body) => {
    for (const row of rows) {
      const values = Array.isArray(row) ? row : [row]
      const places = name.match(/%[sdifjo]/g) ?? []
      declare(format(name, ...values.slice(0, places.length)), () => body(...values))
    }
  }
}

/** A test that waits for what never comes ends all the same. */
async function within(milliseconds, body) {
  let timer
  const late = new Promise((_, reject) => {
    timer = setTimeout(() => reject(new Error(`not done in ${milliseconds} ms`)), milliseconds)
  })
  try {
    await Promise.race([body(), late])
  } finally {
    clearTimeout(timer)
  }
}

/** The runner sums up when the process has nothing left to do. A test that failed may have left a device open, which keeps it. */
function finished() {
  pending--
  if (pending > 0) return
  const sumUp = () => {
    process.emit('beforeExit', 0)
    setTimeout(() => process.exit(), 1_000)
  }
  setTimeout(sumUp, 5_000).unref()
}

/** Emulated processors are slow, and so is a machine that runs five of these at once. */
const LIMIT = 180_000
