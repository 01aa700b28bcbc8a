import type { SourceFile } from './files'

/**
 * The suites that show how a file of `lib` behaves, where it has no test of its own at its place in `test/unit`. Files that hold types alone
 * are the compiler's, `index.ts` is compared with the package, and the command line has one suite.
 */
export const COVERED_BY: Readonly<Record<string, readonly string[]>> = {
  'addon/addon.ts': ['test/process/addon.test.mjs'],
  'addon/elf.ts': ['test/unit/addon/addon-failure.test.ts'],
  'addon/names.ts': ['test/unit/addon/records.test.ts'],
  'addon/prebuilds.ts': ['test/process/addon.test.mjs', 'test/process/release.test.mjs'],
  'addon/zones.ts': ['test/unit/arguments/endpoint.test.ts', 'test/unit/peer/endpoint-rotation.test.ts'],
  'arguments/argument-error.ts': ['test/unit/device/device-options.test.ts'],
  'arguments/close.ts': ['test/unit/errors.test.ts', 'test/contract/closing.test.ts'],
  'arguments/endpoint-like.ts': ['test/unit/peer/peer-options.test.ts'],
  'arguments/options.ts': ['test/unit/device/device-options.test.ts'],
  'arguments/prefix.ts': ['test/unit/peer/peer-options.test.ts'],
  'arguments/priority.ts': ['test/unit/inbox/inbox.test.ts', 'test/contract/messages.test.ts'],
  'connection/connection-outbox.ts': ['test/unit/connection/connection.test.ts'],
  'connection/connection-routes.ts': ['test/unit/device/broadcast.test.ts'],
  'connection/connection-streams.ts': ['test/unit/connection/connection.test.ts', 'test/contract/streams.test.ts'],
  'connection/connection-event.ts': ['test/contract/diagnostics.test.ts'],
  'connection/held-datagrams.ts': ['test/unit/connection/connection.test.ts'],
  'connection/message-event.ts': ['test/contract/diagnostics.test.ts'],
  'device/device.ts': ['test/contract/devices.test.ts'],
  'device/host-of-peers.ts': ['test/contract/devices.test.ts', 'test/contract/connect.test.ts'],
  'device/printable.ts': ['test/unit/device/routes.test.ts'],
  'dial/attempts.ts': ['test/unit/dial/dial.test.ts', 'test/unit/dial/dial-error.test.ts'],
  'dial/dial-pace.ts': ['test/unit/dial/dial.test.ts'],
  'dial/peer-dials.ts': ['test/contract/connect.test.ts', 'test/contract/keep-connected.test.ts'],
  'dial/unconfirmed.ts': ['test/unit/network/confirmed.test.ts'],
  'dial/dial-trace.ts': ['test/contract/diagnostics.test.ts'],
  'driver.ts': ['test/process/driver.test.mjs'],
  'drivers/addon-path.ts': ['test/process/addon.test.mjs'],
  'drivers/bind-udp.ts': ['test/unit/drivers/udp-socket.test.ts'],
  'drivers/command-driver.ts': ['test/process/driver.test.mjs'],
  'drivers/engine-options.ts': ['test/process/driver.test.mjs'],
  'drivers/exit.ts': ['test/process/lifetime.test.mjs'],
  'drivers/native.ts': ['test/process/driver.test.mjs'],
  'drivers/open.ts': ['test/contract/devices.test.ts'],
  'drivers/script.ts': ['test/process/driver.test.mjs'],
  'events/drop.ts': ['test/contract/diagnostics.test.ts'],
  'events/warning.ts': ['test/unit/device/authorization.test.ts'],
  'figures/lane-totals.ts': ['test/unit/figures/lane-stats.test.ts'],
  'figures/stats.ts': ['test/contract/lanes.test.ts'],
  'generated/figures.ts': ['test/architecture/generated.test.ts', 'test/contract/devices.test.ts'],
  'generated/forwarded-commands.ts': [
    'test/architecture/generated.test.ts',
    'test/contract',
    'test/process/driver.test.mjs',
  ],
  'generated/commands.ts': ['test/architecture/generated.test.ts', 'test/contract', 'test/process/driver.test.mjs'],
  'generated/limits.ts': ['test/architecture/generated.test.ts', 'test/unit/arguments/limits.test.ts'],
  'generated/objects.ts': ['test/architecture/generated.test.ts', 'test/contract'],
  'generated/records.ts': ['test/architecture/generated.test.ts', 'test/unit/addon/records.test.ts'],
  'inbox/left-behind.ts': ['test/unit/inbox/device-inbox.test.ts'],
  'inbox/message-filter.ts': ['test/unit/inbox/inbox.test.ts'],
  'inbox/message-reader.ts': ['test/unit/inbox/inbox.test.ts'],
  'inbox/peer-inbox.ts': ['test/unit/inbox/device-inbox.test.ts'],
  'inbox/range.ts': ['test/unit/inbox/device-inbox.test.ts'],
  'inbox/share.ts': ['test/unit/inbox/device-inbox.test.ts'],
  'outbox/outbox-lane.ts': ['test/unit/outbox/outbox.test.ts'],
  'outbox/outcomes.ts': ['test/unit/figures/lane-stats.test.ts'],
  'outbox/send-options.ts': ['test/unit/outbox/outbox.test.ts', 'test/contract/messages.test.ts'],
  'outbox/sent.ts': ['test/unit/outbox/outbox.test.ts'],
  'peer/handshake-event.ts': ['test/contract/diagnostics.test.ts'],
  'peer/oversized.ts': ['test/contract/oversized.test.ts'],
  'peer/peer-core.ts': ['test/contract/connect.test.ts', 'test/contract/closing.test.ts'],
  'peer/peer-event.ts': ['test/contract/devices.test.ts'],
  'peer/peer.ts': ['test/contract/connect.test.ts', 'test/contract/closing.test.ts'],
  'versions/floors.ts': ['test/unit/versions/settings.test.ts'],
  'read-only.ts': ['test/contract/devices.test.ts'],
  'runtime.ts': ['test/unit/connection/connection.test.ts'],
  'streams/read-budget.ts': ['test/unit/streams/stream.test.ts'],
  'streams/read-side.ts': ['test/unit/streams/stream.test.ts'],
  'streams/socket-like.ts': ['test/process/net-parity.test.mjs', 'test/process/net-users.test.mjs'],
  'streams/stream-event.ts': ['test/contract/diagnostics.test.ts'],
  'streams/stream-options.ts': ['test/contract/streams.test.ts'],
  'streams/write-side.ts': ['test/unit/streams/stream.test.ts'],
  'waiting/clock.ts': ['test/process/clock.test.mjs'],
  'waiting/deferred.ts': ['test/unit/peer/names.test.ts'],
  'arguments/close-codes.ts': ['test/contract/moves.test.ts'],
  'device/device-protocols.ts': ['test/contract/protocols.test.ts'],
  'device/driver-options.ts': ['test/process/driver.test.mjs'],
  'drivers/world.ts': ['test/unit/drivers/wakeup.test.ts', 'test/unit/network/roll.test.ts'],
  'peer/peer-protocols.ts': ['test/contract/moves.test.ts', 'test/contract/protocols.test.ts'],
  'device/can-close-options.ts': ['test/contract/protocols.test.ts'],
  'versions/floor-options.ts': ['test/contract/protocols.test.ts'],
  'versions/transports.ts': ['test/contract/protocols.test.ts'],
}

/** The files of `lib` that no test is named for, and the names that lead nowhere. `exists` takes a path from the root. */
export function uncovered(files: readonly SourceFile[], exists: (path: string) => boolean): string[] {
  const names = files.map(({ path }) => path.slice('lib/'.length))
  const bare = files.filter(({ path, text }) => !exists(mirrorOf(path)) && !isTypesAlone(text))
  return [
    ...bare
      .filter(({ path }) => COVERED_BY[path.slice('lib/'.length)] === undefined)
      .map(
        ({ path }) =>
          `${path} has no ${mirrorOf(path)}: write one, or say in test/architecture/covered.ts which suite shows it`,
      ),
    ...Object.entries(COVERED_BY).flatMap(([name, suites]) => [
      ...(names.includes(name) ? [] : [`lib/${name} is in test/architecture/covered.ts and is no more`]),
      ...(exists(mirrorOf(`lib/${name}`))
        ? [`lib/${name} has a test of its own: take it out of test/architecture/covered.ts`]
        : []),
      ...suites.filter((suite) => !exists(suite)).map((suite) => `${suite} is to show lib/${name} and is not there`),
    ]),
  ]
}

/** The place of a file's own test. */
function mirrorOf(path: string): string {
  return path.replace(/^lib\//, 'test/unit/').replace(/\.ts$/, '.test.ts')
}

/** Nothing of it runs. */
function isTypesAlone(text: string): boolean {
  return !/^(export )?(default |abstract |async )*(class|function|const|let|var)\b|^[a-z]\w*\(/m.test(text)
}
