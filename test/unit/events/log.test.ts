import { describe, expect, it, jest } from '@jest/globals'
import type * as logModule from '../../../lib/events/log.js'

/** The module as a process loads it whose `NODE_DEBUG` names these sections, and the lines that it writes. */
function load(...named: string[]): { log: typeof logModule.log; lines: string[][] } {
  const lines: string[][] = []
  const debuglog = (section: string) =>
    Object.assign((...args: string[]) => lines.push([section, ...args]), { enabled: named.includes(section) })
  let loaded: typeof logModule | undefined
  jest.isolateModules(() => {
    jest.doMock('node:util', () => ({ ...jest.requireActual<object>('node:util'), debuglog }))
    loaded = jest.requireActual<typeof logModule>('../../../lib/events/log.js')
    jest.dontMock('node:util')
  })
  return { log: (loaded as typeof logModule).log, lines }
}

describe('log', () => {
  it('is nothing where no section is named', () => {
    expect(Object.values(load().log)).toEqual([undefined, undefined, undefined, undefined, undefined])
  })

  it('writes with the time to the section that is named, and to no other', () => {
    const { log, lines } = load('warren:dial')
    expect(log.peer).toBeUndefined()
    log.dial?.('begins, 100 % sure')
    expect(lines).toEqual([
      ['warren:dial', '%s', expect.stringMatching(/^\d{4}-\d\d-\d\dT[\d:.]+Z dial begins, 100 % sure$/)],
    ])
  })

  it('writes all sections where the package is named, each line once', () => {
    const { log, lines } = load('warren')
    log.io?.('open')
    expect(lines).toEqual([['warren', '%s', expect.stringMatching(/Z io open$/)]])
    const both = load('warren', 'warren:io')
    both.log.io?.('open')
    expect(both.lines.map(([section]) => section)).toEqual(['warren:io'])
  })
})
