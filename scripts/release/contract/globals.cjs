// The few functions of jest that the contract suites use, over Node's own runner: it needs nothing compiled for a system.
// `expect` is jest's own, from the path in `WARREN_EXPECT`.

const { createRequire } = require('node:module')
const { format } = require('node:util')
const runner = require('node:test')
const { expect } = require(process.env.WARREN_EXPECT)

// Under an emulator, or a loader that is named, the program of this process is that one, and not a Node.
if (process.env.WARREN_NODE) process.execPath = process.env.WARREN_NODE

/** Tests that have not ended. */
let pending = 0

const it = (name, body) => {
  pending++
  return runner.it(name, () => within(LIMIT, body).finally(finished))
}
it.each = each(it)

const describe = (name, body) => runner.describe(name, () => body())
describe.each = each(describe)

const hook = (name) => (body) => runner[name](() => within(LIMIT, body))
const hooks = Object.fromEntries(['beforeEach', 'afterEach'].map((name) => [name, hook(name)]))

const jest = { isolateModules, requireActual: createRequire(require.main.filename), spyOn }

module.exports = { ...runner, ...hooks, describe, expect, it, jest }

/** Modules that are loaded by `body` are others than those that were loaded before it. */
function isolateModules(body) {
  const before = { ...require.cache }
  const forget = () => {
    for (const file of Object.keys(require.cache)) if (!file.endsWith('.node')) delete require.cache[file]
  }
  forget()
  try {
    body()
  } finally {
    forget()
    Object.assign(require.cache, before)
  }
}

/** Records the calls of a method, which does nothing from then on; of jest's spies, what the suites use. */
function spyOn(object, name) {
  const original = object[name]
  const calls = []
  const spy = (...args) => {
    calls.push(args)
    return spy.returns
  }
  object[name] = spy
  return Object.assign(spy, {
    mock: { calls },
    mockReturnValue: (value) => Object.assign(spy, { returns: value }),
    mockRestore: () => Object.assign(object, { [name]: original }),
  })
}

/** A row that is a list is spread; `%s` and its like take the first values of a row in turn, `$name` its property. */
function each(declare) {
  return (rows) => (name, body) => {
    for (const row of rows) {
      const values = Array.isArray(row) ? row : [row]
      const named = name.replaceAll(/\$(\w+)/g, (place, key) => row?.[key] ?? place)
      const places = named.match(/%[sdifjo]/g) ?? []
      declare(format(named, ...values.slice(0, places.length)), () => body(...values))
    }
  }
}

/** A test, or its hook, that waits for what never comes ends all the same. */
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
