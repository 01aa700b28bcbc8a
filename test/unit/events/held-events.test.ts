import { describe, expect, it } from '@jest/globals'
import type { Connection } from '../../../lib/connection/connection.js'
import { PendingConnections } from '../../../lib/device/pending-connections.js'
import { HeldEvents } from '../../../lib/events/held-events.js'
import { settle } from '../virtual-clock.js'

describe('HeldEvents', () => {
  it('wait for a listener, and then come in order with those that follow', async () => {
    const seen: number[] = []
    let listeners = 0
    const held = new HeldEvents<number>({ hasListener: () => listeners > 0, emit: (value) => seen.push(value) })
    held.emit(1)
    held.emit(2)
    held.listenerAdded()
    listeners = 1
    held.emit(3)
    await settle()
    expect(seen).toEqual([1, 2, 3])
  })

  it('go one by one to listeners that take one', async () => {
    const seen: number[] = []
    let listeners = 0
    const held = new HeldEvents<number>({
      hasListener: () => listeners > 0,
      emit: (value) => {
        listeners -= 1
        seen.push(value)
      },
    })
    for (const value of [1, 2, 3]) held.emit(value)
    for (const expected of [[1], [1, 2]]) {
      held.listenerAdded()
      listeners = 1
      await settle()
      expect(seen).toEqual(expected)
    }
    expect(held.length).toBe(1)
  })
})

describe('PendingConnections', () => {
  function rig(most: number) {
    const claimed: number[] = []
    const emitted: unknown[] = []
    let isListening = false
    const pending = new PendingConnections(most, {
      hasListener: () => isListening,
      emit: (connection) => emitted.push(connection),
      claim: (id) => claimed.push(id),
    })
    const listen = async (): Promise<void> => {
      pending.listenerAdded()
      isListening = true
      await settle()
    }
    return { pending, claimed, emitted, listen }
  }

  function connection(initiator: 'local' | 'remote', isOpen = true): Connection {
    return { initiator, isOpen } as Connection
  }

  it('are claimed when they are handed out, if the peer dialled', async () => {
    const { pending, claimed, emitted, listen } = rig(10)
    pending.arrived(1, connection('remote'))
    pending.arrived(2, connection('local'))
    expect(claimed).toEqual([])
    await listen()
    expect(claimed).toEqual([1])
    expect(emitted).toHaveLength(2)
  })

  it('that ended are dropped if this end dialled, and kept for their messages if not', async () => {
    const { pending, emitted, listen } = rig(10)
    const [local, remote] = [connection('local', false), connection('remote', false)]
    pending.arrived(1, local)
    pending.arrived(2, remote)
    pending.ended(local)
    pending.ended(remote)
    await listen()
    expect(emitted).toEqual([remote])
  })

  it('that ended never pile up', async () => {
    const { pending, emitted, listen } = rig(3)
    const live = connection('remote')
    pending.arrived(0, live)
    const ended = Array.from({ length: 10 }, () => connection('remote', false))
    for (const [index, each] of ended.entries()) pending.arrived(index + 1, each)
    await listen()
    expect(emitted).toEqual([live, ...ended.slice(-2)])
  })
})
