import type { AddonDevice } from '../addon/addon.js'
import type {
  Driver,
  DriverLaneStats,
  DriverPeer,
  DriverPeerChanges,
  DriverProtocols,
  SocketErrors,
} from '../driver.js'
import { fromNative } from '../errors.js'
import type { ConnectionFigures, DeviceFigures, PeerFigures } from '../generated/figures.js'
import { protocolLists } from './device-options.js'

/** The commands of a driver, which are the addon's; `enter` and `leave` surround each. */
export abstract class CommandDriver<Device extends AddonDevice> implements Driver {
  abstract readonly address: { readonly host: string; readonly port: number }

  /** The device in the addon. */
  protected abstract readonly device: Device

  abstract close(code: number, reason: string): Promise<void>
  abstract ref(): void
  abstract unref(): void

  /** Before the engine is touched. */
  protected enter(): void {}

  /** After it was. */
  protected leave(): void {}

  addPeer(peer: DriverPeer): number {
    return this.#asked(peer.publicKey, () => this.device.addPeer(spell(peer)))
  }

  updatePeer(peer: number, changes: DriverPeerChanges): void {
    this.#asked(undefined, () => this.device.updatePeer(peer, spell(changes)))
  }

  removePeer(peer: number, code: number, reason: string): void {
    this.enter()
    this.device.removePeer(peer, code, reason)
    this.leave()
  }

  authorize(peer: DriverPeer): number {
    return this.#asked(peer.publicKey, () => this.device.authorize(spell(peer)))
  }

  refuse(publicKey: string): void {
    this.#asked(publicKey, () => this.device.refuse(publicKey))
  }

  sendPacket(peer: number, packet: Uint8Array): boolean {
    this.enter()
    const taken = this.device.sendPacket(peer, packet)
    this.leave()
    return taken
  }

  setProtocols(peer: number | undefined, protocols: DriverProtocols | undefined): void {
    this.#asked(undefined, () => this.device.setProtocols(peer, protocols && protocolLists(protocols)))
  }

  announce(connection: number, protocols: DriverProtocols): void {
    this.#asked(undefined, () => this.device.announce(connection, protocolLists(protocols)))
  }

  supersede(connection: number): void {
    this.enter()
    this.device.supersede(connection)
    this.leave()
  }

  takeBack(connection: number): void {
    this.enter()
    this.device.takeBack(connection)
    this.leave()
  }

  abandonDial(connection: number): void {
    this.enter()
    this.device.abandonDial(connection)
    this.leave()
  }

  finish(connection: number): void {
    this.enter()
    this.device.finish(connection)
    this.leave()
  }

  connect(
    peer: number,
    protocols: readonly string[] | undefined,
    timeout: number,
    early = false,
  ): { connection: number; live: boolean } {
    const answer = this.#asked(undefined, () => this.device.connect(peer, protocols?.slice(), timeout, early))
    return { connection: Math.floor(answer / 2), live: answer % 2 === 1 }
  }

  claim(connection: number): void {
    this.enter()
    this.device.claim(connection)
    this.leave()
  }

  closeConnection(connection: number, code: number, reason: string, grace: number): void {
    this.enter()
    this.device.closeConnection(connection, code, reason, grace)
    this.leave()
  }

  sendMessage(connection: number, id: number, priority: number, lifetime: number | undefined, bytes: Uint8Array): void {
    this.enter()
    this.device.sendMessage(connection, id, priority, lifetime, bytes)
    this.leave()
  }

  cancelMessage(connection: number, message: number, reason: 'cancelled' | 'replaced'): void {
    this.enter()
    this.device.cancelMessage(connection, message, reason)
    this.leave()
  }

  share(bytes: Uint8Array): number {
    return this.device.share(bytes)
  }

  sendShared(connection: number, id: number, priority: number, lifetime: number | undefined, share: number): void {
    this.enter()
    this.device.sendShared(connection, id, priority, lifetime, share)
    this.leave()
  }

  unshare(share: number): void {
    this.device.unshare(share)
  }

  releaseMessages(connection: number, priority: number, bytes: number): void {
    this.enter()
    this.device.releaseMessages(connection, priority, bytes)
    this.leave()
  }

  sendDatagram(connection: number, bytes: Uint8Array): boolean {
    this.enter()
    const taken = this.device.sendDatagram(connection, bytes)
    this.leave()
    return taken
  }

  maxDatagramSize(connection: number): number {
    return this.device.maxDatagramSize(connection)
  }

  openStream(connection: number, id: number, bidirectional: boolean, priority: number, name: string | undefined): void {
    this.enter()
    this.device.openStream(connection, id, bidirectional, priority, name)
    this.leave()
  }

  writeStream(stream: number, chunk: Uint8Array): void {
    this.enter()
    this.device.writeStream(stream, chunk)
    this.leave()
  }

  finishStream(stream: number): void {
    this.enter()
    this.device.finishStream(stream)
    this.leave()
  }

  resetStream(stream: number, code: number): void {
    this.enter()
    this.device.resetStream(stream, code)
    this.leave()
  }

  leaveStream(stream: number, code: number): void {
    this.enter()
    this.device.leaveStream(stream, code)
    this.leave()
  }

  stopStream(stream: number, code: number): void {
    this.enter()
    this.device.stopStream(stream, code)
    this.leave()
  }

  setStreamPriority(stream: number, priority: number): void {
    this.enter()
    this.device.setStreamPriority(stream, priority)
    this.leave()
  }

  grantStream(stream: number, bytes: number): void {
    this.enter()
    this.device.grantStream(stream, bytes)
    this.leave()
  }

  stats(): DeviceFigures & SocketErrors {
    return this.#asked(undefined, () => this.device.stats()) as DeviceFigures & SocketErrors
  }

  peerEndpoint(peer: number): string | undefined {
    return this.device.peerEndpoint(peer) ?? undefined
  }

  peerStats(peer: number): PeerFigures | undefined {
    const stats = this.#asked(undefined, () => this.device.peerStats(peer))
    return (stats ?? undefined) as PeerFigures | undefined
  }

  connectionStats(connection: number): ConnectionFigures | undefined {
    const stats = this.#asked(undefined, () => this.device.connectionStats(connection))
    return (stats ?? undefined) as ConnectionFigures | undefined
  }

  laneStats(connection: number): readonly DriverLaneStats[] | undefined {
    return this.#asked(undefined, () => this.device.laneStats(connection)) ?? undefined
  }

  deviceLanes(): readonly DriverLaneStats[] {
    return this.#asked(undefined, () => this.device.deviceLanes())
  }

  peerLanes(peer: number): readonly DriverLaneStats[] | undefined {
    return this.#asked(undefined, () => this.device.peerLanes(peer)) ?? undefined
  }

  /** Runs a command whose failure carries a name of the table in `errors.ts`. */
  #asked<T>(peer: string | undefined, command: () => T): T {
    this.enter()
    try {
      return command()
    } catch (error) {
      throw fromNative(error, peer)
    } finally {
      this.leave()
    }
  }
}

/** As the addon takes it: what is undefined is left out, and arrays are its own. */
function spell<T extends DriverPeer | DriverPeerChanges>(fields: T): Spelled<T> {
  const { allowedIPs, ...rest } = fields
  const entries = Object.entries({ ...rest, allowedIPs: allowedIPs?.slice() }).filter(
    ([, value]) => value !== undefined,
  )
  return Object.fromEntries(entries) as Spelled<T>
}

type Spelled<T> = {
  [K in keyof T as undefined extends T[K] ? never : K]: Mutable<T[K]>
} & {
  [K in keyof T as undefined extends T[K] ? K : never]?: Mutable<Exclude<T[K], undefined>>
}

type Mutable<T> = T extends readonly (infer Item)[] ? Item[] : T
