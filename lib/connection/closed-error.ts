import type { CloseReason } from '../arguments/close.js'
import { SUPERSEDED } from '../arguments/close-codes.js'
import { WarrenError, type WarrenErrorFacts } from '../errors.js'

/** The error of a call on a connection that is over, or closes. Made anew for each: it has the frames of who is told. */
export function closedError(
  peer: string,
  ended: CloseReason | undefined,
  replacedBy: WarrenErrorFacts['replacedBy'],
): WarrenError {
  const { by, reason, error } = ended ?? { by: 'local', reason: '', error: undefined }
  const why = reason === '' ? '' : `: ${reason}`
  if (replacedBy !== undefined && (ended === undefined || reason === SUPERSEDED)) {
    return new WarrenError(
      'ERR_WARREN_SUPERSEDED',
      `The connection gave way to another one, in ${JSON.stringify(replacedBy.protocol)}; send on error.replacedBy`,
      { peer, replacedBy, cause: error },
    )
  }
  if (error?.code === 'ERR_WARREN_PEER_REMOVED') return new WarrenError(error.code, error.message, error)
  return new WarrenError(
    'ERR_WARREN_CONNECTION_CLOSED',
    `The connection was closed (${by}${why}); connect again to go on`,
    { peer, cause: error },
  )
}
