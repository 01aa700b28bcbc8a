/** A promise and the ways to settle it. */
export interface Deferred<T> {
  readonly promise: Promise<T>
  resolve(value: T): void
  reject(reason: unknown): void
}

/** `Promise.withResolvers` of ES2024, which Node 20 lacks. */
export function defer<T>(): Deferred<T> {
  let settle: Omit<Deferred<T>, 'promise'> | undefined
  const promise = new Promise<T>((resolve, reject) => {
    settle = { resolve, reject }
  })
  return { promise, ...(settle as Omit<Deferred<T>, 'promise'>) }
}

/**
 * The same promise, whose rejection is never 'unhandled': for what a peer can make fail. Who awaits it gets the error all the same.
 */
export function tolerated<T>(promise: Promise<T>): Promise<T> {
  promise.catch(ignore)
  return promise
}

const ignore = (): void => {}
