// Written by scripts/build/commands.mjs from native/binding/src, by every build.

import type * as addon from '../../native/binding.js'
import type { Commands } from './commands.js'
import type { ConnectionFigures, DeviceFigures, PeerFigures } from './figures.js'
import type { DriverPeer, DriverPeerChanges, DriverProtocols, LaneFigures } from './objects.js'

/** The classes of the addon, which have the same commands. */
type Device = addon.NativeDevice | addon.ScriptDevice

/** Hands each command to a device of the addon. */
export abstract class ForwardedCommands<To extends Device> implements Commands {
  /** The device in the addon. */
  protected abstract readonly device: To

  /** Before the engine is touched. */
  protected enter(): void {}

  /** After it was. */
  protected leave(): void {}

  /** Runs a command that may fail, between `enter` and `leave`; `publicKey` is that of the peer that it is about, if it names one. */
  protected abstract asked<T>(publicKey: string | undefined, command: () => T): T

  addPeer(peer: DriverPeer): number {
    return this.asked(peer.publicKey, () => this.device.addPeer(peer as addon.DriverPeer))
  }

  updatePeer(peer: number, changes: DriverPeerChanges): void {
    this.asked(undefined, () => this.device.updatePeer(peer, changes as addon.DriverPeerChanges))
  }

  removePeer(peer: number, code: number, reason: string): void {
    this.enter()
    this.device.removePeer(peer, code, reason)
    this.leave()
  }

  authorize(peer: DriverPeer): number {
    return this.asked(peer.publicKey, () => this.device.authorize(peer as addon.DriverPeer))
  }

  refuse(publicKey: string): void {
    this.asked(publicKey, () => this.device.refuse(publicKey))
  }

  setProtocols(peer: number | undefined, protocols: DriverProtocols | undefined): void {
    this.asked(undefined, () => this.device.setProtocols(peer, protocols as addon.DriverProtocols | undefined))
  }

  announce(connection: number, protocols: DriverProtocols): void {
    this.asked(undefined, () => this.device.announce(connection, protocols as addon.DriverProtocols))
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

  sendPacket(peer: number, packet: Uint8Array): boolean {
    this.enter()
    const answer = this.device.sendPacket(peer, packet)
    this.leave()
    return answer
  }

  connect(peer: number, protocols: readonly string[] | undefined, timeout: number, early: boolean): number {
    return this.asked(undefined, () => this.device.connect(peer, protocols as string[] | undefined, timeout, early))
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

  sendMessage(
    connection: number,
    message: number,
    priority: number,
    lifetime: number | undefined,
    bytes: Uint8Array,
  ): void {
    this.enter()
    this.device.sendMessage(connection, message, priority, lifetime, bytes)
    this.leave()
  }

  cancelMessage(connection: number, message: number, reason: 'cancelled' | 'replaced'): void {
    this.asked(undefined, () => this.device.cancelMessage(connection, message, reason))
  }

  share(bytes: Uint8Array): number {
    this.enter()
    const answer = this.device.share(bytes)
    this.leave()
    return answer
  }

  sendShared(connection: number, message: number, priority: number, lifetime: number | undefined, share: number): void {
    this.enter()
    this.device.sendShared(connection, message, priority, lifetime, share)
    this.leave()
  }

  unshare(share: number): void {
    this.enter()
    this.device.unshare(share)
    this.leave()
  }

  releaseMessages(connection: number, priority: number, bytes: number): void {
    this.enter()
    this.device.releaseMessages(connection, priority, bytes)
    this.leave()
  }

  heed(heeding: boolean): void {
    this.enter()
    this.device.heed(heeding)
    this.leave()
  }

  sendDatagram(connection: number, bytes: Uint8Array): boolean {
    this.enter()
    const answer = this.device.sendDatagram(connection, bytes)
    this.leave()
    return answer
  }

  maxDatagramSize(connection: number): number {
    this.enter()
    const answer = this.device.maxDatagramSize(connection)
    this.leave()
    return answer
  }

  openStream(
    connection: number,
    stream: number,
    bidirectional: boolean,
    priority: number,
    name: string | undefined,
  ): void {
    this.asked(undefined, () => this.device.openStream(connection, stream, bidirectional, priority, name))
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

  stats(): DeviceFigures {
    return this.asked(undefined, () => this.device.stats() as DeviceFigures)
  }

  peerStats(peer: number): PeerFigures | undefined {
    return this.asked(undefined, () => (this.device.peerStats(peer) ?? undefined) as PeerFigures | undefined)
  }

  connectionStats(connection: number): ConnectionFigures | undefined {
    return this.asked(
      undefined,
      () => (this.device.connectionStats(connection) ?? undefined) as ConnectionFigures | undefined,
    )
  }

  peerEndpoint(peer: number): string | undefined {
    this.enter()
    const answer = this.device.peerEndpoint(peer) ?? undefined
    this.leave()
    return answer
  }

  laneStats(connection: number): readonly LaneFigures[] | undefined {
    return this.asked(undefined, () => this.device.laneStats(connection) ?? undefined)
  }

  deviceLanes(): readonly LaneFigures[] {
    return this.asked(undefined, () => this.device.deviceLanes())
  }

  peerLanes(peer: number): readonly LaneFigures[] | undefined {
    return this.asked(undefined, () => this.device.peerLanes(peer) ?? undefined)
  }
}
