export { setAddonPath } from './addon-path.js'
export type { Tried } from './attempts.js'
export type { Authorization, Authorize, Stranger } from './authorization.js'
export type { BroadcastOptions, BroadcastResults } from './broadcast.js'
export type { CloseOptions, CloseReason, DestroyOptions } from './close.js'
export { type ParsedConfig, parseConfig } from './config.js'
export type { Connection, ConnectionEvents } from './connection.js'
export { Device, type DeviceEvents } from './device.js'
export type { DeviceOptions, ListenOptions } from './device-options.js'
export type { Endpoint } from './endpoint.js'
export type { EndpointLike } from './endpoint-like.js'
export { WarrenError, type WarrenErrorCode } from './errors.js'
export { addressOf, PrivateKey, type PublicKey, parsePublicKey } from './keys.js'
export type { Histogram, LaneStats } from './lane-stats.js'
export type { LaneOptions, LaneTable } from './lanes.js'
export type { Limits } from './limits.js'
export type { Message, MessageFilter, Messages, Outcome, Outgoing, SendOptions } from './message.js'
export type { ConnectOptions, Peer, PeerEvents } from './peer.js'
export type { PeerEvent } from './peer-event.js'
export type { AuthorizedPeerOptions, PeerChanges, PeerOptions } from './peer-options.js'
export type { ConnectionStats, DeviceStats, PeerStats } from './stats.js'
export type {
  ConnectionReadable,
  ConnectionStream,
  ConnectionWritable,
  IncomingStream,
} from './stream.js'
export type { StreamOptions } from './stream-options.js'
