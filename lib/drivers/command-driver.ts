import type { AddonDevice } from '../addon/addon.js'
import type { Driver, SocketErrors } from '../driver.js'
import { fromNative } from '../errors.js'
import type { DeviceFigures } from '../generated/figures.js'
import { ForwardedCommands } from '../generated/forwarded-commands.js'

/** The commands of a driver, which are the addon's; `enter` and `leave` surround each. */
export abstract class CommandDriver<Device extends AddonDevice> extends ForwardedCommands<Device> implements Driver {
  abstract readonly address: { readonly host: string; readonly port: number }

  abstract close(code: number, reason: string): Promise<void>
  abstract ref(): void
  abstract unref(): void

  override stats(): DeviceFigures & SocketErrors {
    return super.stats() as DeviceFigures & SocketErrors
  }

  /** A failure carries a name of the table in `errors.ts`. */
  protected override asked<T>(publicKey: string | undefined, command: () => T): T {
    this.enter()
    try {
      return command()
    } catch (error) {
      throw fromNative(error, publicKey)
    } finally {
      this.leave()
    }
  }
}
