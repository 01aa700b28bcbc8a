/** Priorities from the least to the most, both included, in one protocol or in all. */
export interface Range {
  readonly minPriority: number
  readonly maxPriority: number
  readonly protocol: string | undefined
}

/** Whether messages of this priority and protocol are among them. */
export function isWithin(range: Range, priority: number, protocol: string): boolean {
  const { minPriority, maxPriority, protocol: only } = range
  return priority >= minPriority && priority <= maxPriority && (only === undefined || only === protocol)
}
