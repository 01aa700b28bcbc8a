import type { Driver } from '../../lib/driver.js'
import { NO_DEVICE_FIGURES } from '../../lib/generated/figures.js'

/** One command that was given. */
export type Command = readonly [name: string, ...args: unknown[]]

/** A driver that does nothing but write down what it is told. */
export class FakeDriver implements Driver {
  readonly address = { host: '127.0.0.1', port: 1 }
  readonly commands: Command[] = []
  nextConnection = 1
  failure: unknown

  /** The commands of one name, without it. */
  given(name: string): readonly unknown[][] {
    return this.commands.filter(([command]) => command === name).map(([, ...args]) => args)
  }

  addPeer(...args: unknown[]): number {
    return this.#note('addPeer', args, 1)
  }
  updatePeer(...args: unknown[]): void {
    this.#note('updatePeer', args, undefined)
  }
  removePeer(...args: unknown[]): void {
    this.#note('removePeer', args, undefined)
  }
  authorize(...args: unknown[]): number {
    return this.#note('authorize', args, 1)
  }
  refuse(...args: unknown[]): void {
    this.#note('refuse', args, undefined)
  }
  sendPacket(...args: unknown[]): boolean {
    return this.#note('sendPacket', args, true)
  }
  setProtocols(...args: unknown[]): void {
    this.#note('setProtocols', args, undefined)
  }
  announce(...args: unknown[]): void {
    this.#note('announce', args, undefined)
  }
  supersede(...args: unknown[]): void {
    this.#note('supersede', args, undefined)
  }
  takeBack(...args: unknown[]): void {
    this.#note('takeBack', args, undefined)
  }
  abandonDial(...args: unknown[]): void {
    this.#note('abandonDial', args, undefined)
  }
  finish(...args: unknown[]): void {
    this.#note('finish', args, undefined)
  }
  connect(...args: unknown[]): { connection: number; live: boolean } {
    return this.#note('connect', args, { connection: this.nextConnection++, live: false })
  }
  claim(...args: unknown[]): void {
    this.#note('claim', args, undefined)
  }
  closeConnection(...args: unknown[]): void {
    this.#note('closeConnection', args, undefined)
  }
  sendMessage(...args: unknown[]): void {
    this.#note('sendMessage', args, undefined)
  }
  cancelMessage(...args: unknown[]): void {
    this.#note('cancelMessage', args, undefined)
  }
  share(...args: unknown[]): number {
    return this.#note('share', args, 1)
  }
  sendShared(...args: unknown[]): void {
    this.#note('sendShared', args, undefined)
  }
  unshare(...args: unknown[]): void {
    this.#note('unshare', args, undefined)
  }
  releaseMessages(...args: unknown[]): void {
    this.#note('releaseMessages', args, undefined)
  }
  sendDatagram(...args: unknown[]): boolean {
    return this.#note('sendDatagram', args, true)
  }
  maxDatagramSize(): number {
    return 1_200
  }
  openStream(...args: unknown[]): void {
    this.#note('openStream', args, undefined)
  }
  writeStream(...args: unknown[]): void {
    this.#note('writeStream', args, undefined)
  }
  finishStream(...args: unknown[]): void {
    this.#note('finishStream', args, undefined)
  }
  resetStream(...args: unknown[]): void {
    this.#note('resetStream', args, undefined)
  }
  leaveStream(...args: unknown[]): void {
    this.#note('leaveStream', args, undefined)
  }
  stopStream(...args: unknown[]): void {
    this.#note('stopStream', args, undefined)
  }
  setStreamPriority(...args: unknown[]): void {
    this.#note('setStreamPriority', args, undefined)
  }
  grantStream(...args: unknown[]): void {
    this.#note('grantStream', args, undefined)
  }
  stats(): ReturnType<Driver['stats']> {
    return { ...NO_DEVICE_FIGURES }
  }
  peerEndpoint(): string | undefined {
    return undefined
  }
  peerStats(): undefined {
    return undefined
  }
  connectionStats(): undefined {
    return undefined
  }
  laneStats(): undefined {
    return undefined
  }
  deviceLanes(): [] {
    return []
  }
  peerLanes(): undefined {
    return undefined
  }
  async close(...args: unknown[]): Promise<void> {
    this.#note('close', args, undefined)
  }
  ref(): void {
    this.#note('ref', [], undefined)
  }
  unref(): void {
    this.#note('unref', [], undefined)
  }

  #note<T>(name: string, args: readonly unknown[], result: T): T {
    this.commands.push([name, ...args])
    if (this.failure !== undefined) throw this.failure
    return result
  }
}
