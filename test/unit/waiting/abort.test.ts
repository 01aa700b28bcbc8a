import { getEventListeners } from 'node:events'
import { describe, expect, it } from '@jest/globals'
import { onAbort } from '../../../lib/waiting/abort.js'

describe('onAbort', () => {
  it('has one listener on a signal however many wait, and none when nobody does', () => {
    const { signal } = new AbortController()
    const stops = Array.from({ length: 100 }, () => onAbort(signal, () => undefined))
    expect(getEventListeners(signal, 'abort')).toHaveLength(1)
    for (const stop of stops) stop()
    for (const stop of stops) stop()
    expect(getEventListeners(signal, 'abort')).toHaveLength(0)
    onAbort(signal, () => undefined)
    expect(getEventListeners(signal, 'abort')).toHaveLength(1)
  })

  it('calls back once each who still waits', () => {
    const controller = new AbortController()
    const called: number[] = []
    const stops = [1, 2, 3].map((each) => onAbort(controller.signal, () => called.push(each)))
    stops[1]?.()
    controller.abort()
    controller.abort()
    expect(called).toEqual([1, 3])
    stops[0]?.()
    expect(getEventListeners(controller.signal, 'abort')).toHaveLength(0)
  })
})
