import { describe, expect, it } from '@jest/globals'
import { Families, families, versionsBefore } from '../../../lib/versions/families.js'

describe('Families', () => {
  it('takes names that are equal up to the last slash for versions, by number', () => {
    const all = new Families()
    expect(all.of('ledger/10')).toEqual({ family: 'ledger', order: [10] })
    expect(all.nameOf('net/ledger/2.1')).toBe('net/ledger')
    expect(all.isOlder('ledger/9', 'ledger/10')).toBe(true)
    expect(all.isOlder('ledger/10', 'ledger/9')).toBe(false)
    expect(all.isOlder('ledger/2', 'ledger/2.1')).toBe(true)
    expect(all.isOlder('ledger/2', 'ledger/2.0')).toBe(false)
    expect(all.isOlder('chat/1', 'ledger/2')).toBe(false)
  })

  it('lets other names stand alone', () => {
    const all = new Families()
    for (const name of ['ledger', 'ledger/', 'ledger/two', '/2', 'ledger/2-beta', `ledger/${'9'.repeat(40)}`])
      expect(all.of(name)).toEqual({ family: name, order: [] })
  })

  it('does as it is told where names differ', () => {
    const all = new Families({ ledger: ['old-ledger', 'ledger/2', 'ledger-next'], chat: ['ledger/1'] })
    expect(all.isOlder('old-ledger', 'ledger/2')).toBe(true)
    expect(all.isOlder('ledger-next', 'old-ledger')).toBe(false)
    expect(all.nameOf('ledger/1')).toBe('chat')
    expect(all.nameOf('ledger/3')).toBe('ledger')
  })

  it('names the whole versions before one, the newest first', () => {
    const all = new Families({ chat: ['ledger/1'] })
    expect(versionsBefore('ledger/3', all, 16)).toEqual(['ledger/2', 'ledger/0'])
    expect(versionsBefore('p/2.1', all, 16)).toEqual(['p/2', 'p/1', 'p/0'])
    expect(versionsBefore('p/100', all, 4)).toEqual(['p/99', 'p/98', 'p/97'])
    expect(versionsBefore('alone', all, 4)).toEqual([])
  })

  it('refuses a protocol in two families', () => {
    expect(() => families({ one: ['a'], other: ['a'] }, 'options.families')).toThrow(/each protocol once; got "a"/)
    expect(() => families({ one: 'a' }, 'options.families')).toThrow(/options\.families\.one must be an array/)
    expect(() => families([], 'options.families')).toThrow(TypeError)
  })
})
