import type { AddonDevice } from '../../lib/addon/addon.js'
import type { Driver } from '../../lib/driver.js'
import { NO_DEVICE_FIGURES } from '../../lib/generated/figures.js'
import { ForwardedCommands } from '../../lib/generated/forwarded-commands.js'

/** One command that was given. */
export type Command = readonly [name: string, ...args: unknown[]]

/** A driver that does nothing but write down what it is told. */
export class FakeDriver extends ForwardedCommands<AddonDevice> implements Driver {
  readonly address = { host: '127.0.0.1', port: 1 }
  readonly commands: Command[] = []
  nextConnection = 1
  failure: unknown

  protected readonly device = new Proxy({} as AddonDevice, {
    get: (_, name) => (name in FIGURES ? FIGURES[name as keyof typeof FIGURES] : this.#noting(String(name))),
  })

  /** The commands of one name, without it. */
  given(name: string): readonly unknown[][] {
    return this.commands.filter(([command]) => command === name).map(([, ...args]) => args)
  }

  async close(...args: unknown[]): Promise<void> {
    this.#note('close', args)
  }

  ref(): void {
    this.#note('ref', [])
  }

  unref(): void {
    this.#note('unref', [])
  }

  override stats(): ReturnType<Driver['stats']> {
    return { ...NO_DEVICE_FIGURES }
  }

  protected override asked<T>(_publicKey: string | undefined, command: () => T): T {
    return command()
  }

  #noting(name: string): (...args: unknown[]) => unknown {
    return (...args) => {
      this.#note(name, args)
      return name === 'connect' ? this.nextConnection++ : ANSWERS[name]
    }
  }

  #note(name: string, args: readonly unknown[]): void {
    this.commands.push([name, ...args])
    if (this.failure !== undefined) throw this.failure
  }
}

/** Answers of commands that give something. */
const ANSWERS: Readonly<Record<string, unknown>> = {
  addPeer: 1,
  authorize: 1,
  sendPacket: true,
  share: 1,
  sendDatagram: true,
}

/** Commands that ask, and are not written down. */
const FIGURES = {
  maxDatagramSize: () => 1_200,
  peerEndpoint: () => null,
  peerStats: () => null,
  connectionStats: () => null,
  laneStats: () => null,
  deviceLanes: () => [],
  peerLanes: () => null,
}
