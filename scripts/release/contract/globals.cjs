// The few functions of jest that the contract suites use, over Node's own runner: it needs nothing compiled for a system.
// `expect` is jest's own, from the path in `WARREN_EXPECT`.

const { format } = require('node:util')
const runner = require('node:test')
const { expect } = require(process.env.WARREN_EXPECT)

/** Emulated processors and a Windows that is none are slow; a test that waits for what never comes still ends. */
const LIMIT = 180_000

const it = (name, body) => runner.it(name, { timeout: LIMIT }, () => body())
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
