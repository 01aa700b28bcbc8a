import { Buffer } from 'node:buffer'
import { describe, expect, it } from '@jest/globals'
import { RecordReader } from '../../../lib/addon/records.js'
import { KINDS, type PeerLists, type Receiver, STRIDE } from '../../../lib/generated/records.js'

type Field = number | string | Buffer

/** Writes records as the addon does, from [kind, …fields]; text and bytes go into the slab. */
class FakeSource {
  readonly batches: Field[][][]
  readonly messages: Buffer[]

  constructor(batches: Field[][][], messages: Buffer[] = []) {
    this.batches = batches
    this.messages = messages
  }

  drain(bytes: Buffer, slab: Buffer, slabStart: number): number {
    const words = new Float64Array(bytes.buffer, bytes.byteOffset, bytes.length / 8)
    const batch = this.batches.shift() ?? []
    let end = slabStart
    for (const [record, [kind, ...fields]] of batch.entries()) {
      let word = (record + 1) * STRIDE
      words[word++] = (KINDS as readonly unknown[]).indexOf(kind)
      for (const field of fields) {
        if (typeof field === 'number') words[word++] = field
        else {
          words[word++] = end
          words[word++] = Buffer.byteLength(field)
          end += typeof field === 'string' ? slab.write(field, end) : field.copy(slab, end)
        }
      }
    }
    words[0] = end
    words[1] = this.batches.length > 0 ? 1 : 0
    return batch.length
  }

  takeMessage(into: Buffer): boolean {
    const message = this.messages.shift()
    if (message?.length !== into.length) return false
    message.copy(into)
    return true
  }

  takeOwnedMessage(): Buffer | null {
    return this.messages.shift() ?? null
  }
}

/** Everything that a receiver was told. */
function read(batches: Field[][][], messages?: Buffer[]): unknown[][] {
  const told: unknown[][] = []
  const methods = KINDS.map((kind) => [kind, (...args: unknown[]) => told.push([kind, ...args])])
  const reader = new RecordReader(new FakeSource(batches, messages), Object.fromEntries(methods) as Receiver)
  while (reader.read());
  return told
}

describe('RecordReader', () => {
  it('turns each kind of record into its call', () => {
    const bytes = Buffer.from('bytes')
    const records: [Field[], unknown[]][] = [
      [
        ['peerUp', 1, 2.5],
        [1, 2.5],
      ],
      [['peerRekeyed', 1], [1]],
      [
        ['peerMoved', 1, '10.0.0.1:5', '[::1]:6'],
        [1, '10.0.0.1:5', '[::1]:6'],
      ],
      [
        ['peerMoved', 1, '', '[::1]:6'],
        [1, undefined, '[::1]:6'],
      ],
      [
        ['peerUnanswered', 1, '10.0.0.1:5'],
        [1, '10.0.0.1:5'],
      ],
      [
        ['peerUnreachable', 1, '10.0.0.1:5', 101],
        [1, '10.0.0.1:5', 101],
      ],
      [
        ['peerOversized', 1, 1_500],
        [1, 1_500],
      ],
      [
        ['peerDown', 1, 1],
        [1, 'handshake-timeout'],
      ],
      [
        ['stranger', 'key', '10.0.0.1:5'],
        ['key', '10.0.0.1:5'],
      ],
      [['strangerGone', 'key'], ['key']],
      [
        ['packet', 1, bytes],
        [1, bytes],
      ],
      [
        ['early', 7, 1, 'ledger/2'],
        [7, 1, 'ledger/2'],
      ],
      [
        ['connected', 7, 1, 1, 'ledger/2', encodedLists(undefined)],
        [7, 1, 'remote', 'ledger/2', lists(undefined)],
      ],
      [
        ['announced', 7, encodedLists(2 ** 40)],
        [7, lists(2 ** 40)],
      ],
      [['confirmed', 7], [7]],
      [['finished', 7], [7]],
      [
        ['dialRefused', 1, 2, encodedNames('ledger/1', 'grüße'), 'ledger/2'],
        [1, 'peer-dials', ['ledger/1', 'grüße'], 'ledger/2'],
      ],
      [
        ['connectionClosed', 7, 2, 1, 2 ** 40, 'grüße', encodedNames()],
        [7, 'network', 'peer-dead', 2 ** 40, 'grüße', []],
      ],
      [
        ['datagram', 7, bytes],
        [7, bytes],
      ],
      [
        ['message', 7, 200, 5],
        [7, 200, bytes],
      ],
      [
        ['laneDrained', 7, 200, 2 ** 40],
        [7, 200, 2 ** 40],
      ],
      [
        ['messageSettled', 7, 2 ** 50, 5],
        [7, 2 ** 50, 'lost'],
      ],
      [
        ['streamOpened', 7, 9, 1, 5, 'ein Name'],
        [7, 9, true, 5, 'ein Name'],
      ],
      [
        ['streamData', 9, bytes, 3],
        [9, bytes, 3],
      ],
      [['streamEnd', 9], [9]],
      [
        ['streamReset', 9, 4],
        [9, 4],
      ],
      [
        ['streamStopped', 9, 4, 1],
        [9, 4, true],
      ],
      [
        ['streamDrained', 9, 2 ** 33],
        [9, 2 ** 33],
      ],
      [['streamFinished', 9], [9]],
      [['failed', 'a bug'], ['a bug']],
    ]
    expect(new Set(records.map(([[kind]]) => kind))).toEqual(new Set(KINDS))
    const told = read([records.map(([fields]) => fields)], [bytes])
    expect(told).toEqual(records.map(([[kind], args]) => [kind, ...args]))
  })

  it('never writes again where a slice still is, whatever comes after', () => {
    const chunk = (fill: number) => Buffer.alloc(60_000, fill)
    const batches = Array.from({ length: 100 }, (_, fill) => [['streamData', 9, chunk(fill), 1] as Field[]])
    const told = read(batches)
    expect(told).toHaveLength(100)
    for (const [fill, [, , slice]] of told.entries()) expect(chunk(fill).equals(slice as Buffer)).toBe(true)
  })

  it('gives each message memory of its own', () => {
    const messages = [Buffer.from('one'), Buffer.alloc(0), Buffer.alloc(100_000, 7)]
    const records = messages.map(({ length }) => ['message', 7, 0, length] as Field[])
    const told = read([records], [...messages])
    for (const [index, [, , , bytes]] of told.entries()) {
      expect((bytes as Buffer).equals(messages[index] ?? Buffer.alloc(1))).toBe(true)
      expect((bytes as Buffer).buffer.byteLength).toBe(messages[index]?.length)
    }
  })

  it('gives datagrams and packets memory of their own', () => {
    const lengths = [0, 10, 700, 1_400]
    const records = lengths.flatMap((length): Field[][] => [
      ['datagram', 1, Buffer.alloc(length, 1)],
      ['packet', 1, Buffer.alloc(length, 2)],
    ])
    const buffers = read([records]).map(([, , bytes]) => bytes as Buffer)
    expect(buffers.map(({ buffer }) => buffer.byteLength)).toEqual(buffers.map(({ length }) => length))
    expect(buffers.map(({ length }) => length)).toEqual(lengths.flatMap((length) => [length, length]))
  })
})

/** As `native/binding/src/encoded.rs` writes them. */
function encodedNames(...names: string[]): Buffer {
  const encoded = names.map((name) => Buffer.from(name))
  return Buffer.concat([Buffer.of(names.length), ...encoded.flatMap((name) => [Buffer.of(name.length), name])])
}

function encodedLists(generation: number | undefined): Buffer {
  const number = Buffer.alloc(8)
  number.writeDoubleLE(generation ?? Number.NaN)
  const { offer, accept, transports } = lists(generation)
  return Buffer.concat([number, ...[offer, accept, transports].map((list) => encodedNames(...list))])
}

function lists(generation: number | undefined): PeerLists {
  return { generation, offer: ['ledger/2', 'ledger/1'], accept: [], transports: ['quic/1'] }
}
