import { EventEmitter, errorMonitor, once } from 'node:events'
import { describe, expect, it } from '@jest/globals'
import { Emitter, isUnheard, onNewListener } from '../../../lib/events/emit.js'

describe('Emitter', () => {
  it('tells of each listener that is about to be added, however it is, and has none of its own', () => {
    const emitter = new Emitter<{ event: [] }>()
    const told: [string | symbol, number][] = []
    onNewListener(emitter, (name) => told.push([name, emitter.listenerCount('event')]))
    expect(emitter.eventNames()).toEqual([])
    const listener = (): void => {}
    emitter.on('event', listener).addListener('event', listener).prependListener('event', listener)
    emitter.once('event', listener).prependOnceListener('event', listener)
    void once(emitter, 'event')
    expect(told.filter(([name]) => name === 'event').map(([, count]) => count)).toEqual([0, 1, 2, 3, 4, 5])
    emitter.removeAllListeners()
    emitter.on('event', listener)
    expect(told.at(-1)).toEqual(['event', 0])
  })
})

describe('an error that nobody listens to', () => {
  it('goes to the monitor alone', () => {
    const emitter = new EventEmitter()
    const seen: unknown[] = []
    emitter.on(errorMonitor, (error) => seen.push(error))
    expect(isUnheard(emitter, 'error', ['x'])).toBe(true)
    expect(isUnheard(emitter, 'end', [])).toBe(false)
    emitter.on('error', () => undefined)
    expect(isUnheard(emitter, 'error', ['y'])).toBe(false)
    expect(seen).toEqual(['x'])
  })
})
