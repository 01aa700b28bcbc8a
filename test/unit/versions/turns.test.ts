import { expect, it } from '@jest/globals'
import { Turns } from '../../../lib/versions/turns.js'

it('so many run at once, the others in the order in which they asked', () => {
  const turns = new Turns(2)
  const begun: string[] = []
  const [a, b, c, d] = ['a', 'b', 'c', 'd'].map((name) => turns.take(() => begun.push(name))) as (() => void)[]
  expect(begun).toEqual(['a', 'b'])
  c?.()
  a?.()
  a?.()
  expect(begun).toEqual(['a', 'b', 'd'])
  b?.()
  d?.()
  turns.take(() => begun.push('e'))
  turns.take(() => begun.push('f'))
  turns.take(() => begun.push('g'))
  expect(begun).toEqual(['a', 'b', 'd', 'e', 'f'])
})
