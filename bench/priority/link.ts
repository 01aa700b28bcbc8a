/** A link of the scenarios: what its shaper is set to. */
export interface Link {
  readonly name: string
  /** Bits per second, counted over whole Ethernet frames without their checksum; undefined: no shaper. */
  readonly rate: number | undefined
  /** How many packets may wait; undefined: 50 ms of the rate. */
  readonly packets: number | undefined
}

export const links = {
  '100mbit': { name: '100mbit', rate: 100e6, packets: undefined },
  '20mbit': { name: '20mbit', rate: 20e6, packets: undefined },
  '50mbit-1000p': { name: '50mbit-1000p', rate: 50e6, packets: 1_000 },
  loopback: { name: 'loopback', rate: undefined, packets: undefined },
} as const satisfies Readonly<Record<string, Link>>
