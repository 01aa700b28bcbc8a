import { describe, expect, it } from '@jest/globals'
import { checkBytes, isGone } from '../../../lib/arguments/bytes.js'

describe('bytes', () => {
  it('are in memory that is there, however few they are', () => {
    for (const bytes of [new Uint8Array(), new Uint8Array(3), Buffer.alloc(0), new Uint8Array(new ArrayBuffer(4), 4)]) {
      expect(isGone(bytes)).toBe(false)
      expect(() => checkBytes(bytes, 'bytes')).not.toThrow()
    }
  })

  it('are gone with memory that was transferred, also where a class of theirs hides its iterator', () => {
    class Hidden extends Uint8Array {
      override keys(): never {
        throw new Error('not called')
      }
    }
    for (const bytes of [new Uint8Array(3), new Hidden(3), new Uint8Array()]) {
      structuredClone(bytes.buffer, { transfer: [bytes.buffer as ArrayBuffer] })
      expect(isGone(bytes)).toBe(true)
      expect(() => checkBytes(bytes, 'chunk')).toThrow(/^chunk must be in memory that is there; got a Uint8Array whose/)
    }
    expect(isGone(new Hidden(0))).toBe(false)
  })
})
