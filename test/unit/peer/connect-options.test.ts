import { describe, expect, it } from '@jest/globals'
import { parseConnect } from '../../../lib/peer/connect-options.js'

describe('options of connect', () => {
  it('have defaults', () => {
    expect(parseConnect({})).toEqual({ protocols: undefined, timeout: 10_000, signal: undefined, early: false })
  })

  it('are checked', () => {
    expect(() => parseConnect({ early: 'yes' as never })).toThrow(/options\.early/)
    expect(() => parseConnect({ timeout: 0 })).toThrow(/options\.timeout/)
    expect(() => parseConnect({ protocols: 'one' as never })).toThrow(/options\.protocols/)
    expect(() => parseConnect({ erly: true } as never)).toThrow(/erly/)
  })
})
