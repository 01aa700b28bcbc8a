import { describe, expect, it } from '@jest/globals'
import { sourceOf } from '../../../lib/device/source.js'

describe('sourceOf', () => {
  it.each([
    ['192.0.2.7:51820', '192.0.2.7'],
    ['[::ffff:192.0.2.7]:51820', '192.0.2.7'],
    ['[2001:db8:1:2:3:4:5:6]:1', '2001:db8:1:2::/64'],
    ['[2001:db8:1:2::9]:1', '2001:db8:1:2::/64'],
    ['[2001:DB8::1]:1', '2001:db8:0:0::/64'],
    ['[::1]:1', '0:0:0:0::/64'],
    ['[fe80::1%eth0]:1', 'fe80:0:0:0::/64'],
    ['[1::2:3:4:5:6:7]:1', '1:0:2:3::/64'],
  ])('of %s is %s', (endpoint, source) => {
    expect(sourceOf(endpoint)).toBe(source)
  })
})
