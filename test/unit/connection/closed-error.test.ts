import { describe, expect, it } from '@jest/globals'
import type { Connection } from 'warren'
import { closedError } from '../../../lib/connection/closed-error.js'
import { nativeError } from '../../../lib/errors.js'

const PEER = 'a key'
const SUCCESSOR = { protocol: 'ledger/2' } as Connection

describe('the error of a call on a connection that is over', () => {
  it('says by whom it was closed and why, with the failure as its cause', () => {
    const failure = nativeError('peer-dead', '', { peer: PEER })
    const error = closedError(PEER, { by: 'network', code: 0, reason: 'silent', error: failure }, undefined)
    expect(error).toMatchObject({ code: 'ERR_WARREN_CONNECTION_CLOSED', peer: PEER, cause: failure })
    expect(error.message).toContain('(network: silent)')
  })

  it('names the connection that took its place', () => {
    const giving = closedError(PEER, undefined, SUCCESSOR)
    expect(giving).toMatchObject({ code: 'ERR_WARREN_SUPERSEDED', replacedBy: SUCCESSOR })
    const lost = closedError(PEER, { by: 'network', code: 0, reason: 'silent', error: undefined }, SUCCESSOR)
    expect(lost.code).toBe('ERR_WARREN_CONNECTION_CLOSED')
  })

  it('is that of the removal where the peer was removed', () => {
    const removal = nativeError('peer-removed', '', { peer: PEER })
    const error = closedError(PEER, { by: 'local', code: 0, reason: '', error: removal }, undefined)
    expect(error.code).toBe('ERR_WARREN_PEER_REMOVED')
  })
})
