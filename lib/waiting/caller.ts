/** Frames of a caller, for an error that arises after the call has returned. */
export interface Caller {
  readonly stack?: string
}

/** The frames of whoever called `callee`: some 3 us and 800 bytes, so for what is called rarely. */
export function callerOf(callee: (...args: never) => unknown): Caller {
  const caller: Caller = {}
  Error.captureStackTrace(caller, callee)
  return caller
}

/**
 * An error that no call of the program's led to, without frames: all of them would be of whoever reads the events, and Node's streams
 * have them written out when they are destroyed, which took 30 us.
 */
export function frameless<E extends Error>(make: () => E): E {
  const { stackTraceLimit } = Error
  // It cannot be set under --frozen-intrinsics.
  if (!Reflect.set(Error, 'stackTraceLimit', 0)) return make()
  try {
    return make()
  } finally {
    Error.stackTraceLimit = stackTraceLimit
  }
}

/** Puts the frames of a call in the place of those that an error has. */
export function calledFrom<E extends Error>(error: E, { stack = '' }: Caller): E {
  const frames = /^\s+at [\s\S]*/m.exec(stack)?.[0]
  if (frames === undefined) return error
  const value = `${error.name}: ${error.message}\n${frames}`
  return Object.defineProperty(error, 'stack', { value, writable: true, configurable: true, enumerable: false })
}

/**
 * The promise of a call that waits for `outcome`, whose rejection is never 'unhandled'. The error of a `Failure` is made where V8
 * finds the frames of whoever awaits the promise, so that they cost nothing until something fails. V8 follows a promise that one
 * alone awaits: it is tolerated after that.
 */
export function awaited<T>(outcome: Promise<T | Failure>): Promise<T> {
  const promise = settle()
  return promise

  async function settle(): Promise<T> {
    const value = await outcome
    if (!(value instanceof Failure)) return value
    const error = value.make()
    promise.catch(ignore)
    throw error
  }
}

/** An outcome that is an error yet to be made. */
export class Failure {
  readonly make: () => unknown

  constructor(make: () => unknown) {
    this.make = make
  }
}

const ignore = (): void => {}
