import type { DeviceOptions } from 'warren'

/** Higher leaves first, strictly, to whatever neighbour. */
export const BULK_PRIORITY = 0
export const URGENT_PRIORITY = 100
/** What the nodes tell each other about objects goes before the objects themselves. It is some 40 bytes an object. */
export const CONTROL_PRIORITY = 255

/**
 * What a lane of bulk may hold is bounded by the origins (`gossip.ts` says how). So the lane takes it all: no forwarding waits for
 * room, and what a neighbour turns out to have is taken back from the queue at once.
 */
export function laneTable(bulkBytes: number): DeviceOptions['lanes'] {
  return { [BULK_PRIORITY]: { maxQueuedBytes: bulkBytes } }
}
