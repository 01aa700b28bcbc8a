export type { CloseOptions, CloseReason, DestroyOptions } from './arguments/close.js'
export type { Endpoint } from './arguments/endpoint.js'
export type { EndpointLike } from './arguments/endpoint-like.js'
export type { Limits } from './arguments/limits.js'
export { type ParsedConfig, parseConfig } from './config.js'
export type { Connection, ConnectionEvents } from './connection/connection.js'
export type { Authorization, Authorize, Stranger } from './device/authorization.js'
export type { BroadcastOptions, BroadcastResults } from './device/broadcast.js'
export { Device, type DeviceEvents } from './device/device.js'
export type { DeviceOptions, ListenOptions } from './device/device-options.js'
export type { Diagnostics } from './device/diagnostics.js'
export type { Tried } from './dial/attempts.js'
export type { DialTrace } from './dial/dial-trace.js'
export { setAddonPath } from './drivers/addon-path.js'
export { WarrenError, type WarrenErrorCode } from './errors.js'
export type { Histogram, LaneStats } from './figures/lane-stats.js'
export type { ConnectionStats, DeviceStats, PeerStats } from './figures/stats.js'
export { addressOf, PrivateKey, type PublicKey, parsePublicKey } from './keys.js'
export type { LaneOptions, LaneTable } from './outbox/lanes.js'
export type {
  DeviceMessageFilter,
  Message,
  MessageFilter,
  Messages,
  Outcome,
  Outgoing,
  SendOptions,
} from './outbox/message.js'
export type { ConnectOptions, Peer, PeerEvents } from './peer/peer.js'
export type { PeerEvent } from './peer/peer-event.js'
export type { AuthorizedPeerOptions, PeerChanges, PeerOptions } from './peer/peer-options.js'
export type {
  ConnectionReadable,
  ConnectionStream,
  ConnectionWritable,
  IncomingStream,
} from './streams/stream.js'
export type { StreamOptions } from './streams/stream-options.js'
