import type { LaneStats } from './lane-stats.js'

/** Counters and levels by name, and the lanes that were sent with, lowest priority first. */
export type Stats = Readonly<Record<string, number>> & { readonly lanes: readonly LaneStats[] }

/** Figures of a device. */
export type DeviceStats = Stats
/** Figures of a peer. */
export type PeerStats = Stats
/** Figures of a connection. */
export type ConnectionStats = Stats

/** Puts figures together. TypeScript cannot say "every key but `lanes` is a number", hence the cast. */
export function statsOf(counters: Readonly<Record<string, number>> | undefined, lanes: readonly LaneStats[]): Stats {
  return { ...counters, lanes } as unknown as Stats
}
