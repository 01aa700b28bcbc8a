/** Versions of one family, between this device and a peer. */
export interface FamilyState {
  /** Versions that the peer dials with, best first, as it told last. */
  readonly offered: readonly string[]
  /** Versions that the peer takes when it is dialled, best first, as it told last. */
  readonly accepted: readonly string[]
  /** The version that is spoken now; `undefined`: there is no connection in this family. */
  readonly current: string | undefined
  /** Time since when it is; `undefined`: there is no connection. */
  readonly since: Date | undefined
}
