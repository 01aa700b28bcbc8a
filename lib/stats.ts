/** Figures of a device, by name. */
export type DeviceStats = Readonly<Record<string, number>>
/** Figures of a peer, by name. */
export type PeerStats = Readonly<Record<string, number>>
/** Figures of a connection, by name. */
export type ConnectionStats = Readonly<Record<string, number>>
