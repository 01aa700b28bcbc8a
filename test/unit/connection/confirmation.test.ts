import { describe, expect, it } from '@jest/globals'
import { Confirmation } from '../../../lib/connection/confirmation.js'

describe('Confirmation', () => {
  it('is there from the start, unless it is waited for', async () => {
    const confirmation = new Confirmation(false)
    expect(confirmation.isPending).toBe(false)
    await confirmation.promise
    confirmation.failed(() => new Error('too late'))
    await confirmation.promise
  })

  it('comes once', async () => {
    const confirmation = new Confirmation(true)
    expect(confirmation.isPending).toBe(true)
    confirmation.came()
    confirmation.failed(() => new Error('too late'))
    expect(confirmation.isPending).toBe(false)
    await confirmation.promise
  })

  it('fails with an error that nobody has to handle', async () => {
    const unhandled: unknown[] = []
    const note = (error: unknown): void => void unhandled.push(error)
    process.on('unhandledRejection', note)
    const confirmation = new Confirmation(true)
    confirmation.failed(() => new Error('refused'))
    await new Promise((resolve) => setImmediate(resolve))
    process.off('unhandledRejection', note)
    expect([unhandled, confirmation.isPending]).toEqual([[], false])
    await expect(confirmation.promise).rejects.toThrow('refused')
  })
})
