import { describe, expect, it } from '@jest/globals'
import type { CloseReason } from '../../../lib/arguments/close.js'
import type { Connection } from '../../../lib/connection/connection.js'
import { PendingConnections } from '../../../lib/device/pending-connections.js'
import { settle } from '../virtual-clock.js'

const REASON: CloseReason = { by: 'remote', code: 1, reason: '', error: undefined }

function rig() {
  const told: string[] = []
  let isHeard = false
  const names = new Map<Connection, string>()
  const nameOf = (connection: Connection) => names.get(connection) ?? '?'
  const pending = new PendingConnections(2, {
    hasListener: () => isHeard,
    tell: (callback) => callback(),
    emit: (connection) => void told.push(`connection ${nameOf(connection)}`),
    claim: (id) => void told.push(`claim ${id}`),
    ended: (connection, { code }) => void told.push(`end ${nameOf(connection)} ${code}`),
  })
  const connection = (name: string, initiator: 'local' | 'remote'): Connection => {
    const made = { initiator, isOpen: true } as Connection
    names.set(made, name)
    return made
  }
  const listen = async () => {
    isHeard = true
    pending.listenerAdded()
    await settle()
  }
  return { told, pending, connection, listen }
}

describe('PendingConnections', () => {
  it('tells of the end of each connection once, after it told of the connection', async () => {
    const { told, pending, connection, listen } = rig()
    await listen()
    const [dialled, accepted] = [connection('dialled', 'local'), connection('accepted', 'remote')]
    pending.arrived(1, dialled)
    pending.arrived(2, accepted)
    pending.ended(accepted, REASON)
    pending.ended(dialled, REASON)
    expect(told).toEqual(['connection dialled', 'claim 2', 'connection accepted', 'end accepted 1', 'end dialled 1'])
  })

  it('tells of one that ended before somebody listened when it tells of the connection', async () => {
    const { told, pending, connection, listen } = rig()
    const accepted = connection('accepted', 'remote')
    pending.arrived(2, accepted)
    pending.ended(accepted, REASON)
    expect(told).toEqual([])
    await listen()
    expect(told).toEqual(['claim 2', 'connection accepted', 'end accepted 1'])
  })

  it('claims each that was accepted once the messages of all are read, and tells a later listener of them', async () => {
    const { told, pending, connection, listen } = rig()
    const [early, late] = [connection('early', 'remote'), connection('late', 'remote')]
    pending.arrived(1, early)
    pending.arrived(2, connection('dialled', 'local'))
    pending.read()
    pending.read()
    pending.arrived(3, late)
    expect(told).toEqual(['claim 1', 'claim 3'])
    await listen()
    expect(told).toEqual(['claim 1', 'claim 3', 'connection early', 'connection dialled', 'connection late'])
  })

  it('tells of the end of one that was dialled here though nobody was told of it, and of nothing after that', async () => {
    const { told, pending, connection, listen } = rig()
    const dialled = connection('dialled', 'local')
    pending.arrived(1, dialled)
    pending.ended(dialled, REASON)
    await listen()
    expect(told).toEqual(['end dialled 1'])
  })
})

describe('PendingConnections that nobody takes', () => {
  function rig(most: number) {
    const claimed: number[] = []
    const emitted: unknown[] = []
    let isListening = false
    const pending = new PendingConnections(most, {
      hasListener: () => isListening,
      tell: (callback) => callback(),
      emit: (connection) => emitted.push(connection),
      claim: (id) => claimed.push(id),
      ended: () => undefined,
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
    pending.ended(local, REASON)
    pending.ended(remote, REASON)
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
