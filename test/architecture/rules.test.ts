// The rules themselves: an offender is named, with the reason, and what is right passes.

import { describe, expect, test } from '@jest/globals'
import { circles } from './circles'
import { houseViolations } from './house-rules'
import { orderViolations } from './lib-order'
import { manifestViolations } from './manifest-rules'
import { openings } from './plain-words'
import { importViolations } from './rust-imports'
import { moduleGraph } from './rust-modules'
import { rustViolations } from './rust-rules'
import { typescriptViolations } from './typescript-rules'

describe('manifests', () => {
  const manifest = (lines: string) => `[package]\nname = "warren-x"\n\n[dependencies]\n${lines}\n`

  test.each([
    ['quic', 'boringtun = { workspace = true }', /only native\/wireguard may name it/],
    ['quic', 'warren-wireguard.workspace = true', /only native\/engine joins them/],
    ['engine', 'libc = "0.2"', /only native\/io may name it/],
    ['engine', 'warren-testing = { workspace = true }', /never shipped/],
    ['io', 'tokio = "1"', /outlives the Node environment/],
    ['wireguard', 'left-pad = "1"', /add it to test\/architecture\/rooms\.ts/],
    ['attic', 'bytes = "1"', /an unknown room/],
  ])('native/%s may not have %s', (room, line, why) => {
    expect(manifestViolations(room, manifest(line))).toEqual([expect.stringMatching(why)])
  })

  test('a dependency of one platform counts as well', () => {
    const text = "[target.'cfg(unix)'.dependencies]\nlibc = { workspace = true }\n"
    expect(manifestViolations('quic', text)).toHaveLength(1)
    expect(manifestViolations('io', text)).toEqual([])
  })

  test('a dependency with a table of its own counts as well', () => {
    expect(manifestViolations('quic', '[dependencies.boringtun]\nversion = "1"\n')).toHaveLength(2)
  })

  test('the virtual network is free to tests', () => {
    expect(manifestViolations('quic', '[dev-dependencies]\nwarren-testing = { workspace = true }\n')).toEqual([])
  })
})

describe('Rust', () => {
  test.each([
    ['native/wireguard/src/device.rs', 'use boringtun::noise::Tunn;', /tunnel\.rs alone/],
    ['native/engine/src/engine.rs', 'let x = quinn_proto::VarInt::MAX;', /native\/quic/],
    ['native/engine/src/engine/write.rs', 'use warren_quic::Quic;', /its own trait/],
    ['native/engine/src/engine.rs', 'let now = Instant::now();', /`now` is an argument/],
    ['native/quic/src/quic.rs', 'std::thread::spawn(f);', /no threads/],
    ['native/quic/src/quic.rs', 'Instant::now();\n#[cfg(test)]\nmod tests {\n}', /`now` is an argument/],
    ['native/quic/src/quic.rs', 'use std::net::UdpSocket;', /comes in as an argument/],
    ['native/io/src/thread.rs', '#[napi]\nfn f() {}', /native\/binding alone/],
    ['native/binding/src/lib.rs', 'libc::close(fd);', /native\/io/],
    ['native/wireguard/src/keys.rs', 'rand::random::<u8>()', /a seed/],
    ['native/io/src/thread.rs', '#![allow(dead_code)]', /says why/],
  ])('%s may not have %s', (path, text, why) => {
    expect(rustViolations({ path, text })).toEqual([expect.stringMatching(why)])
  })

  test.each([
    ['native/wireguard/src/tunnel.rs', 'use boringtun::noise::Tunn;'],
    ['native/engine/src/engine.rs', '// boringtun would answer Instant::now() here\nuse std::time::Instant;'],
    ['native/engine/src/quic.rs', 'use warren_quic::Quic;'],
    ['native/engine/tests/day.rs', 'let start = Instant::now();'],
    ['native/engine/src/timers.rs', 'fn f() {}\n#[cfg(test)]\nmod tests {\n    Instant::now();\n}'],
    ['native/io/src/thread.rs', 'std::thread::Builder::new(); libc::close(fd);'],
    ['native/engine/src/engine.rs', '#[expect(clippy::x, reason = "why")] fn f() {}'],
  ])('%s may have %s', (path, text) => {
    expect(rustViolations({ path, text })).toEqual([])
  })
})

describe('TypeScript', () => {
  test.each([
    ['lib/device/device.ts', "import { x } from '../../native/binding.js'", /lib\/addon alone/],
    ['lib/device/device.ts', "const x = require('../../prebuilds/linux-x64/warren.node')", /lib\/addon alone/],
    ['lib/device/device.ts', "import ws from 'ws'", /no dependencies/],
    ['lib/device/device.ts', "import { x } from 'warren'", /loaded twice/],
    ['lib/drivers/native.ts', "import {\n  NativeDevice,\n} from '../../native/binding.js'", /only its types/],
    ['lib/generated/forwarded-commands.ts', "import { NativeDevice } from '../../native/binding.js'", /only its types/],
    ['lib/cli/ping.ts', "import { Device } from '../device/device.js'", /public package name/],
    ['examples/broadcast/node.ts', "import { Device } from '../../lib/index.js'", /public package name/],
    ['bench/main.ts', "export * from '../lib/index.js'", /public package name/],
  ])('%s may not have %s', (path, text, why) => {
    expect(typescriptViolations({ path, text })).toEqual([expect.stringMatching(why)])
  })

  test.each([
    ['lib/device/device.ts', "import { open } from '../drivers/native.js'\nimport { once } from 'node:events'"],
    ['lib/addon/addon.ts', "import type { Native } from '../../native/binding.js'"],
    ['lib/drivers/native.ts', "import type {\n  NativeDevice,\n} from '../../native/binding.js'"],
    ['lib/generated/forwarded-commands.ts', "import type * as addon from '../../native/binding.js'"],
    ['lib/cli/main.ts', "import { Device } from 'warren'\nimport { ping } from './ping.js'"],
    ['lib/device/device.ts', "// import x from 'elsewhere'"],
  ])('%s may have %s', (path, text) => {
    expect(typescriptViolations({ path, text })).toEqual([])
  })
})

describe('the order of lib', () => {
  test.each([
    ['lib/addon/addon.ts', "import { Device } from '../device/device.js'", /addon knows nothing of device/],
    ['lib/drivers/native.ts', "import type { Runtime } from '../runtime.js'", /drivers knows nothing of runtime/],
    ['lib/dial/dial.ts', "export type { Peer } from '../peer/peer.js'", /dial knows nothing of peer/],
    ['lib/streams/stream.ts', "import { Inbox } from '../inbox/inbox.js'", /streams knows nothing of inbox/],
    ['lib/attic/old.ts', '', /in no room of lib/],
  ])('%s may not have %s', (path, text, why) => {
    expect(orderViolations({ path, text })).toEqual([expect.stringMatching(why)])
  })

  test.each([
    ['lib/dial/dial.ts', "import { onAbort } from '../waiting/abort.js'\nimport { Attempts } from './attempts.js'"],
    ['lib/streams/stream.ts', "import type { Connection } from '../connection/connection.js'"],
    ['lib/device/device.ts', "import { once } from 'node:events'"],
  ])('%s may have %s', (path, text) => {
    expect(orderViolations({ path, text })).toEqual([])
  })
})

describe('circles', () => {
  const graph = (arrows: Record<string, string[]>) =>
    new Map(Object.entries(arrows).map(([file, to]) => [file, new Set(to)]))

  test('a circle is told by its shortest path, once for all who are in it', () => {
    expect(circles(graph({ a: ['b'], b: ['c', 'd'], c: ['a', 'b'], d: ['a'] }))).toEqual(['a → b → c → a'])
  })

  test('two circles are told apart, and what only leads to one is in none', () => {
    expect(circles(graph({ a: ['b'], b: ['a'], c: ['d', 'a'], d: ['c'], e: ['c'] }))).toEqual([
      'a → b → a',
      'c → d → c',
    ])
  })

  test('a graph without one has none', () => {
    expect(circles(graph({ a: ['b', 'c'], b: ['c'], c: [] }))).toEqual([])
  })
})

describe('Rust modules', () => {
  const graph = (files: Record<string, string>) => {
    const sources = Object.entries(files).map(([path, text]) => ({ path: `native/x/src/${path}`, text }))
    return Object.fromEntries(
      Array.from(moduleGraph('x', sources), ([path, to]) => [path.slice(13), Array.from(to, (file) => file.slice(13))]),
    )
  }

  test.each([
    ['a list in a list', 'use crate::{b::{self, Bee}, c as sea};'],
    ['paths in the code', 'fn f(x: crate::b::Bee) { crate::c::g() }'],
    ['what a parent gives on', 'use crate::{Bee, Sea};'],
    ['a parent of both', 'use super::{b::Bee, c};'],
  ])('%s', (_, text) => {
    const root = 'mod a; mod b; mod c; pub use b::Bee; pub(crate) use crate::c::*; pub use c::Sea;'
    expect(graph({ 'lib.rs': root, 'a.rs': text, 'b.rs': '', 'c.rs': '' })['a.rs']).toEqual(['b.rs', 'c.rs'])
  })

  test('a part may name its whole, and a whole its parts', () => {
    const files = { 'a.rs': 'mod b;\nuse b::Bee;', 'a/b.rs': 'use super::A; use crate::a::A;' }
    expect(graph(files)).toEqual({ 'a.rs': ['a/b.rs'], 'a/b.rs': [] })
  })

  test('comments, strings and tests name nothing', () => {
    const text = '// crate::b\nconst X: &str = "crate::b";\n#[cfg(test)]\nmod tests {\n    use crate::b;\n}'
    expect(graph({ 'a.rs': text, 'b.rs': '', 'b/tests.rs': 'use crate::a;' })).toEqual({ 'a.rs': [], 'b.rs': [] })
  })
})

describe('Rust imports', () => {
  const path = 'native/x/src/a.rs'
  const own = 'use crate::b::{self, Bee};\nuse super::c;\nuse d::Dee;\n\npub(crate) use crate::e::E;\n'
  const sound = `mod d;\n\nuse std::mem;\n\nuse bytes::{Buf, Bytes};\nuse rand::Rng;\n\n${own}`

  test('three blocks of plain lists are right', () => {
    expect(importViolations({ path, text: sound })).toEqual([])
    const chosen = '#[cfg(unix)]\nuse std::os::fd;\n#[cfg(unix)]\nuse d as system;\n'
    expect(importViolations({ path, text: `${sound}\n${chosen}` })).toEqual([])
  })

  test.each([
    ['use crate::{b::Bee, c};\n', /a\.rs:1: .* no paths/],
    ['fn f() {\n    use std::{\n        sync::Arc,\n    };\n}\n', /a\.rs:2: .* no paths/],
    ['use crate::{\n    {b, c},\n};\n', /a\.rs:1: .* no paths/],
    ['use bytes::Buf;\n\nuse std::mem;\n', /a\.rs:3: .* three blocks/],
    ['use std::mem;\nuse bytes::Buf;\n', /a\.rs:2: .* three blocks/],
    ['use bytes::Buf;\n\nuse rand::Rng;\n', /a\.rs:3: .* three blocks/],
    ['mod d;\n\nuse d::Dee;\nuse rand::Rng;\n', /a\.rs:4: .* three blocks/],
  ])('%j is refused', (text, why) => {
    expect(importViolations({ path, text })).toEqual([expect.stringMatching(why)])
  })
})

describe('plain words', () => {
  test('the first line of a doc counts, and no other', () => {
    const text =
      '/** What it is. */\nconst a = 1\n/**\n * How it\n * Of all.\n */\n/** A part of it. */\n// What a line is.\n'
    expect(openings([{ path: 'lib/x.ts', text }])).toEqual({
      all: 3,
      clauses: ['lib/x.ts:1: What it is.', 'lib/x.ts:3: How it'],
    })
    const rust = '//! Whatever.\n\n/// Those there.\n/// Of what.\nfn f() {}\n/// Sorts.\n// Who?\n/// Whether so.\n'
    expect(openings([{ path: 'native/x/src/x.rs', text: rust }])).toEqual({
      all: 4,
      clauses: ['native/x/src/x.rs:1: Whatever.', 'native/x/src/x.rs:3: Those there.'],
    })
  })
})

describe('any source', () => {
  test('a file past 500 lines is named', () => {
    expect(houseViolations({ path: 'lib/device/device.ts', text: '\n'.repeat(500) })).toEqual([
      expect.stringMatching(/501 lines: past 500/),
    ])
  })

  test('a comment in Rust has 120 columns at most', () => {
    const text = (columns: number) => `//! One lane.\n\n    /// ${'x'.repeat(columns - 8)}\n`
    expect(houseViolations({ path: 'native/engine/src/lane.rs', text: text(120) })).toEqual([])
    expect(houseViolations({ path: 'native/engine/src/lane.rs', text: text(121) })).toEqual([
      expect.stringMatching(/lane\.rs:3 is a comment of more than 120 columns/),
    ])
  })

  test('the comment of a constant is a doc', () => {
    const text = (mark: string) => `//! One lane.\n\n${mark} Measured.\npub(crate) const LONGEST: usize = 7;\n`
    expect(houseViolations({ path: 'native/engine/src/lane.rs', text: text('///') })).toEqual([])
    expect(houseViolations({ path: 'native/engine/src/lane.rs', text: text('//') })).toEqual([
      expect.stringMatching(/what LONGEST is/),
    ])
  })

  test('the constants of a module stand below its items, and above the tests within it', () => {
    const path = 'native/engine/src/lane.rs'
    const items = [
      'pub(crate) struct Lane;',
      'const fn lanes() {}',
      'unsafe impl Send for Lane {}',
      'pub async fn f() {',
    ]
    for (const item of items) {
      const above = `//! One lane.\n\npub(crate) const LONGEST: usize = 7;\n\n${item}\n`
      expect(houseViolations({ path, text: above })).toEqual([expect.stringMatching(/lane\.rs:3: .* LONGEST above/)])
    }
    const own = '    const OWN: usize = 8;\n'
    const tests = '#[cfg(test)]\nmod tests {\n    use super::*;\n}\n'
    const below = `//! One lane.\n\nimpl Lane {\n${own}}\n\nconst LONGEST: usize = 7;\n\n${tests}\nfn f() {}\n`
    expect(houseViolations({ path, text: below })).toEqual([])
  })

  test('a method returns `Self`, and not its type by name', () => {
    const path = 'native/engine/src/lane.rs'
    const method = (head: string, returned: string) => `//! One.\n\n${head} {\n    fn f(&self) -> ${returned} {}\n}\n`
    for (const head of ['impl Lane', 'impl<T: A<B>> From<T> for Lane', 'impl fmt::Debug for Lane']) {
      expect(houseViolations({ path, text: method(head, 'Result<Lane, E>') })).toEqual([
        expect.stringMatching(/lane\.rs:4: a method returns `Self`, and names Lane/),
      ])
      expect(houseViolations({ path, text: method(head, 'Result<Self, Lane::E>') })).toEqual([])
    }
    expect(houseViolations({ path, text: method('impl<T> Lane<T>', 'Lane<u8>') })).toEqual([])
  })

  test.each(['lib/utils.ts', 'native/quic/src/mod.rs', 'lib/helpers/x.ts', 'lib/types.ts', 'test/utils/a.ts'])(
    '%s is refused',
    (path) => {
      expect(houseViolations({ path, text: '//! Named.' })).toEqual([expect.stringMatching(/name the concept/)])
    },
  )

  test('a Rust source begins with what it holds, and a test need not', () => {
    const text = 'pub(crate) struct Lane;\n'
    expect(houseViolations({ path: 'native/engine/src/lane.rs', text })).toEqual([
      expect.stringMatching(/does not begin/),
    ])
    expect(houseViolations({ path: 'native/engine/src/lane.rs', text: `//! One lane.\n\n${text}` })).toEqual([])
    expect(houseViolations({ path: 'native/engine/src/lane/tests.rs', text })).toEqual([])
  })
})
