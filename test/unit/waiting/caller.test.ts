import { describe, expect, it } from '@jest/globals'
import { awaited, calledFrom, callerOf, Failure, frameless } from '../../../lib/waiting/caller.js'
import { defer } from '../../../lib/waiting/deferred.js'
import { settle } from '../virtual-clock.js'

/** The names of the functions in a stack, innermost first. */
function namesIn(stack = ''): string[] {
  return [...stack.matchAll(/^ +at (?:async )?(\S+) \(/gm)].map(([, name]) => name ?? '')
}

describe('the frames of a caller', () => {
  function api() {
    return callerOf(api)
  }
  function userFunction() {
    return api()
  }

  it('begin with who called, and take the place of those of an error', () => {
    const caller = userFunction()
    const error = calledFrom(new RangeError('too late\n    at night'), caller)
    expect(error.stack).toMatch(/^RangeError: too late\n {4}at night\n/)
    const [frame] = error.stack?.split('\n').slice(2) ?? []
    // The test runner names a frame by what is called there.
    expect(frame).toMatch(/^ +at (userFunction|api) \(.*caller\.test/)
    expect(Object.keys(error)).toEqual([])
  })

  it('leave the frames of an error where there are none', () => {
    const error = new Error('as it is')
    const { stack } = error
    expect(calledFrom(error, {}).stack).toBe(stack)
  })
})

describe('an error that no call led to', () => {
  const limit = Error.stackTraceLimit

  it('has its name and message as its stack, and those after it have their frames', () => {
    const error = frameless(() => new RangeError('too late'))
    expect(error.stack).toBe('RangeError: too late')
    expect(Error.stackTraceLimit).toBe(limit)
    expect(new Error('as ever').stack).toMatch(/^ +at /m)
  })

  it('leaves the limit of frames as it was when it cannot be made', () => {
    const fail = () => {
      throw new Error('not made')
    }
    expect(() => frameless(fail)).toThrow('not made')
    expect(Error.stackTraceLimit).toBe(limit)
  })
})

describe('a call that waits', () => {
  const made = () => new Error('made late')

  it('gives what came', async () => {
    expect(await awaited(Promise.resolve(7))).toBe(7)
  })

  it('fails with the frames of who awaits it, also through other functions', async () => {
    const outcome = defer<number | Failure>()
    async function library() {
      await awaited(outcome.promise)
    }
    async function userFunction() {
      await library()
    }
    const failed = userFunction().catch((error: Error) => error)
    await settle()
    outcome.resolve(new Failure(made))
    const error = (await failed) as Error
    expect(error.message).toBe('made late')
    expect(namesIn(error.stack)).toEqual(expect.arrayContaining(['library', 'userFunction']))
  })

  it('is no unhandled rejection where nobody awaits it', async () => {
    const seen: unknown[] = []
    const note = (error: unknown) => void seen.push(error)
    process.on('unhandledRejection', note)
    void awaited(Promise.resolve(new Failure(made)))
    await new Promise((resolve) => setImmediate(resolve))
    process.off('unhandledRejection', note)
    expect(seen).toEqual([])
  })
})
