import type { Buffer } from 'node:buffer'
import type { CloseReason } from '../arguments/close.js'
import type { DriverClose, Outcome, PeerLists } from '../driver.js'
import type { WarrenError } from '../errors.js'
import type { OutboxFigures } from '../figures/lane-stats.js'
import type { ParsedSend } from '../outbox/send-options.js'
import type { Payload, Posted, Waiter } from '../outbox/sent.js'

/** A connection, of type `C`, as its driver's events see it: handed out once, when it is made. */
export interface ReceiverOf<C> {
  readonly connection: C
  /** Its number in the driver. */
  readonly id: number
  /** Figures of its outbox's lanes, also after its end. */
  outboxLanes(): Iterable<OutboxFigures>
  /** Sends one of many: no error, and no promise unless it waits. */
  post(payload: Payload, options: ParsedSend, patience: number, waiter: Waiter): Posted
  /** The peer took it, which its dialler had before; `isAnswered` as in the facts. */
  confirmed(isAnswered: boolean): void
  message(priority: number, bytes: Buffer): void
  laneDrained(priority: number, bytes: number): void
  messageSettled(message: number, outcome: Outcome): void
  datagram(bytes: Buffer): void
  streamOpened(stream: number, bidirectional: boolean, priority: number, name: string): void
  /** Another connection takes its place from now on. */
  superseded(by: C): void
  /** It gives way, and its grace ends now; with a limit it ends in so many milliseconds, whatever it still has. */
  hasten(limit?: number): void
  /** It ends at once, though it gives way. */
  cut(): void
  /** That one is gone: this one is used again. `false`: an end of it sends nothing more. */
  takeBack(): boolean
  /** The other end told its lists on it. */
  announced(lists: PeerLists): void
  /** The other end sends nothing more on it. */
  finished(): void
  /** Takes no new work, delivers what was sent, and closes with this code, which may be above those of an application. */
  close(code: number, reason: string): void
  /** The last event; `failure` is the device's own, if that ended it. Why it ended is told here at once. */
  closed(close: DriverClose, failure?: WarrenError): CloseReason
}
