import { describe, expect, it } from '@jest/globals'
import { findService, servicePort } from '../../../lib/arguments/services.js'

const TABLE = `
# Network services
discard		9/tcp		sink null
discard		9/udp		sink null	# thrown away
www		80/tcp		http
wireguard	51820/udp	wg
`

describe('a service', () => {
  it.each([
    ['discard', 9],
    ['null', 9],
    ['wg', 51_820],
    ['www', undefined],
    ['http', undefined],
    ['Discard', undefined],
    ['thrown', undefined],
    ['', undefined],
  ])('%s has the UDP port %s', (name, port) => {
    expect(findService(TABLE, name)).toBe(port)
  })

  it('is looked up in the table of the system', () => {
    expect(servicePort('no-such-service')).toBeUndefined()
  })
})
