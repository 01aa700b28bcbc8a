import type { ConnectionFacts } from '../../lib/connection/connection.js'
import { Slots } from '../../lib/outbox/slots.js'
import type { Runtime } from '../../lib/runtime.js'

/** Protocols of a device that speaks 'a' alone. */
export const SPEAKS_A = {
  protocols: { offer: ['a'], accept: ['a'] },
  transports: ['quic/1'],
  families: {},
  moves: { auto: true, grace: 5_000 },
} as const

/** Facts of a connection in a protocol that no other one gave way to. */
export function alone(protocol: string, runtime: Runtime) {
  return {
    protocol,
    initiator: 'local',
    replaces: undefined,
    isAnswered: true,
    slots: new Slots(),
    spoken: runtime.spoken.of(protocol),
    isPeerRemoved: () => false,
    move: (connection) => Promise.resolve(connection),
    announced: () => undefined,
    left: () => undefined,
  } as const satisfies Partial<ConnectionFacts>
}
