import { describe, expect, it } from '@jest/globals'
import { Families } from '../../../lib/versions/families.js'
import { Moves, type MovesLink } from '../../../lib/versions/moves.js'
import { Turns } from '../../../lib/versions/turns.js'
import { VirtualClock } from '../virtual-clock.js'

interface Fake {
  readonly name: string
  readonly protocol: string
  readonly initiator: 'local' | 'remote'
}

const fake = (protocol: string, name = protocol, initiator: Fake['initiator'] = 'local'): Fake => ({
  name,
  protocol,
  initiator,
})

function rig(changes: Partial<MovesLink<Fake>> = {}) {
  const clock = new VirtualClock()
  const state = {
    best: 'p/1' as string | undefined,
    dialler: 'we' as ReturnType<MovesLink<Fake>['dialler']>,
    answers: true,
    dialled: [] as { at: number; protocol: string; isAborted: () => boolean }[],
    superseded: [] as string[],
    cut: [] as string[],
    hastened: [] as string[],
    grace: undefined as number | undefined,
    canBeTakenBack: [] as string[],
    changes: [] as (string | undefined)[],
  }
  const moves: Moves<Fake> = new Moves<Fake>(
    {
      families: new Families(),
      turns: new Turns(4),
      choose: () => state.best,
      dialler: () => state.dialler,
      isFirst: true,
      isAutomatic: true,
      dial: (protocol, _timeout, signal) => {
        state.dialled.push({ at: clock.now(), protocol, isAborted: () => signal.aborted })
        if (!state.answers) return Promise.reject(new Error('no'))
        return new Promise<void>((resolve) => {
          clock.after(10, () => {
            if (signal.aborted) return
            moves.arrived(fake(protocol, `${protocol} at ${clock.now()}`))
            resolve()
          })
        })
      },
      replace: () => false,
      hasten: ({ name }) => state.hastened.push(name),
      cut: ({ name }) => state.cut.push(name),
      graceOf: ({ protocol }) => (protocol === state.best ? undefined : state.grace),
      takeBack: ({ name }) => state.canBeTakenBack.includes(name),
      superseded: (old, by) => state.superseded.push(`${old.name} by ${by.name}`),
      changed: (_family, current) => state.changes.push(current?.name),
      ...changes,
    },
    clock,
  )
  const change = (best: string | undefined): void => {
    state.best = best
    moves.listsChanged()
  }
  return { clock, state, moves, change }
}

describe('Moves', () => {
  it('make before they break: the new connection comes beside the old one, and takes its place', async () => {
    const { clock, state, moves, change } = rig()
    const old = fake('p/1')
    expect(moves.predecessorOf(old)).toBeUndefined()
    moves.arrived(old)
    change('p/2')
    expect(moves.current('p')).toBe(old)
    await clock.advance(10)
    expect(moves.current('p')?.protocol).toBe('p/2')
    expect(state.superseded).toEqual(['p/1 by p/2 at 10'])
    expect([moves.isSuperseded(old), moves.isSuperseded(moves.current('p') as Fake)]).toEqual([true, false])
    moves.ended(old, false)
    expect(moves.isSuperseded(old)).toBe(false)
    expect(state.changes).toEqual(['p/1', 'p/2 at 10'])
    expect(clock.pending).toBe(0)
  })

  it('hold per family', async () => {
    const { clock, state, moves } = rig()
    moves.arrived(fake('p/1'))
    expect(moves.predecessorOf(fake('q/7'))).toBeUndefined()
    moves.arrived(fake('q/7'))
    await clock.advance(60_000)
    expect(state.dialled).toEqual([])
    expect([moves.current('p')?.protocol, moves.current('q')?.protocol]).toEqual(['p/1', 'q/7'])
  })

  it('begin when lists change, not because somebody asked for another version', async () => {
    const { clock, state, moves } = rig()
    state.best = 'p/2'
    moves.arrived(fake('p/1'))
    await clock.advance(60_000)
    expect(state.dialled).toEqual([])
  })

  it('are left to the end that offers the version, and to the first of two', async () => {
    const they = rig()
    they.moves.arrived(fake('p/1'))
    they.state.dialler = 'they'
    they.change('p/2')
    await they.clock.advance(60_000)
    expect(they.state.dialled).toEqual([])

    const second = rig({ isFirst: false })
    second.moves.arrived(fake('p/1'))
    second.state.dialler = 'both'
    second.change('p/2')
    await second.clock.advance(1_999)
    expect(second.state.dialled).toEqual([])
    await second.clock.advance(1)
    expect(second.state.dialled).toHaveLength(1)
  })

  it('go at once where the other end says that this one is to dial', async () => {
    const { state, moves, change } = rig({ isFirst: false })
    moves.arrived(fake('p/1'))
    state.dialler = 'both'
    change('p/2')
    moves.hurry('p/2')
    expect(state.dialled.map(({ at }) => at)).toEqual([0])
  })

  it('are called off when lists change back, and changed when they change again', async () => {
    const { clock, state, moves, change } = rig()
    moves.arrived(fake('p/1'))
    change('p/2')
    change('p/1')
    expect(state.dialled[0]?.isAborted()).toBe(true)
    change('p/3')
    await clock.advance(1_000)
    expect(state.dialled.map(({ protocol }) => protocol)).toEqual(['p/2', 'p/3'])
    expect(moves.current('p')?.protocol).toBe('p/3')
  })

  it('are tried again after growing pauses, while the connection before goes on', async () => {
    const { clock, state, moves, change } = rig()
    moves.arrived(fake('p/1'))
    state.answers = false
    change('p/2')
    await clock.advance(600_000)
    expect(moves.current('p')?.protocol).toBe('p/1')
    const pauses = state.dialled.slice(1).map(({ at }, index) => at - (state.dialled[index]?.at ?? 0))
    expect(pauses.slice(0, 9)).toEqual([250, 500, 1_000, 2_000, 4_000, 8_000, 16_000, 30_000, 30_000])
    state.answers = true
    await clock.advance(30_010)
    expect(moves.current('p')?.protocol).toBe('p/2')
    expect(clock.pending).toBe(0)
  })

  it('are not begun by a device that leaves them to its application', async () => {
    const { clock, state, moves, change } = rig({ isAutomatic: false })
    moves.arrived(fake('p/1'))
    change('p/2')
    await clock.advance(60_000)
    expect(state.dialled).toEqual([])
    expect(moves.predecessorOf(fake('p/2'))?.protocol).toBe('p/1')
  })

  it('follow a peer whose lists change all the time now and then, beside three connections that give way at most', async () => {
    const { clock, state, moves, change } = rig()
    moves.arrived(fake('p/1'))
    for (let step = 0; step < 10_000; step++) {
      change(step % 2 === 0 ? 'p/2' : 'p/1')
      await clock.advance(1)
    }
    const giving = state.superseded.length
    expect(giving).toBeLessThanOrEqual(3)
    expect(state.dialled.length).toBeLessThan(20)
  }, 30_000)

  it('begin a fresh connection of the same version where the other end leaves this one', async () => {
    const { clock, state, moves } = rig()
    const old = fake('p/1')
    moves.arrived(old)
    moves.left(old)
    expect(moves.current('p')).toBe(old)
    await clock.advance(10)
    expect(state.superseded).toEqual(['p/1 by p/1 at 10'])
    moves.left(old)
    await clock.advance(60_000)
    expect(state.dialled).toHaveLength(1)
  })

  it('are a drain, a close and a dial with a peer that knows no moves', async () => {
    const replaced: string[] = []
    const { clock, moves, change } = rig({
      replace: ({ name }, protocol) => replaced.push(`${name} → ${protocol}`) > 0,
    })
    moves.arrived(fake('p/1'))
    change('p/2')
    await clock.advance(1)
    expect(replaced).toEqual(['p/1 → p/2'])
  })

  it('are over with their connection, and when they are stopped', async () => {
    for (const end of ['ended', 'stop'] as const) {
      const { clock, state, moves, change } = rig()
      const old = fake('p/1')
      moves.arrived(old)
      change('p/2')
      if (end === 'ended') moves.ended(old, false)
      else moves.stop()
      await clock.advance(60_000)
      expect(state.dialled.every(({ isAborted }) => isAborted())).toBe(true)
      expect(state.superseded).toEqual([])
    }
  })

  it('of both ends that crossed leave one connection, the same at both ends whichever came first there', () => {
    for (const isFirst of [true, false]) {
      for (const order of [['local', 'remote'] as const, ['remote', 'local'] as const]) {
        const { state, moves } = rig({ isFirst })
        moves.arrived(fake('p/1', 'old'))
        const replaced = order.map((initiator) => {
          const next = fake('p/2', initiator, initiator)
          const place = moves.predecessorOf(next)?.name
          moves.arrived(next)
          return place
        })
        const survivor = isFirst ? 'local' : 'remote'
        expect(moves.current('p')?.name).toBe(survivor)
        expect(replaced).toEqual(['old', order[0] === survivor ? undefined : order[0]])
        expect(state.superseded.at(-1)).toBe(isFirst ? 'remote by local' : 'local by remote')
      }
    }
  })

  it('of one end after the other do not cross: the later connection is used', () => {
    const { moves } = rig({ isFirst: true })
    const [first, second] = [fake('p/1', 'first', 'local'), fake('p/1', 'second', 'remote')]
    moves.arrived(first)
    moves.left(first)
    moves.arrived(second)
    expect(moves.current('p')).toBe(second)
  })

  it('follow at once eight times in a row, and then one a second', async () => {
    const { clock, state, moves, change } = rig({ superseded: (old) => setImmediate(() => moves.ended(old, false)) })
    moves.arrived(fake('p/0'))
    const began: number[] = []
    for (let n = 1; n <= 12; n++) {
      const before = clock.now()
      change(`p/${n}`)
      for (let step = 0; step < 200 && state.dialled.length < n; step++) await clock.advance(10)
      began.push(clock.now() - before)
      await clock.advance(20)
      await new Promise((resolve) => setImmediate(resolve))
    }
    expect(began.slice(0, 8)).toEqual([0, 0, 0, 0, 0, 0, 0, 0])
    expect(began.slice(8).every((pause) => pause > 500 && pause <= 1_000)).toBe(true)
  })

  it('wait for none before them: of four that give way the oldest ends its grace early', async () => {
    const { clock, state, moves, change } = rig()
    moves.arrived(fake('p/0', '0'))
    for (let n = 1; n <= 5; n++) {
      change(`p/${n}`)
      await clock.advance(10)
      expect(moves.current('p')?.protocol).toBe(`p/${n}`)
    }
    expect([...new Set(state.hastened)]).toEqual(['0', 'p/1 at 10'])
    change('p/6')
    await clock.advance(10)
    change('p/7')
    await clock.advance(60_000)
    expect(moves.current('p')?.protocol).toBe('p/6')
  })

  it('that a floor demands are neither rationed nor held by those that give way', async () => {
    const { clock, state, moves, change } = rig()
    moves.arrived(fake('p/0', '0'))
    for (let n = 1; n <= 6; n++) {
      change(`p/${n}`)
      await clock.advance(10)
    }
    change('p/7')
    await clock.advance(10_000)
    expect(moves.current('p')?.protocol).toBe('p/6')
    state.grace = 1_000
    for (let n = 8; n <= 40; n++) {
      change(`p/${n}`)
      await clock.advance(10)
      expect(moves.current('p')?.protocol).toBe(`p/${n}`)
    }
    expect(state.cut.length).toBeGreaterThan(0)
  })

  it('that a floor demands wait for the other end no longer than a part of its grace, however often lists change meanwhile', async () => {
    const { clock, state, moves, change } = rig({ isFirst: false })
    moves.arrived(fake('p/1'))
    state.dialler = 'both'
    change('p/2')
    await clock.advance(100)
    state.grace = 1_000
    for (let step = 0; step < 10; step++) {
      change('p/2')
      await clock.advance(50)
    }
    expect(state.dialled.map(({ at }) => at)).toEqual([350])
  })

  it('of a peer that makes one after the other cut off the oldest that give way', () => {
    const { state, moves } = rig()
    for (let n = 0; n < 20; n++) moves.arrived(fake(`p/${n % 2}`, `${n}`, 'remote'))
    expect(state.cut).toEqual(Array.from({ length: 11 }, (_, n) => `${n}`))
  })

  it('are taken back where the network takes the new connection while the old one can still be used', () => {
    const { state, moves } = rig()
    const [first, second, third] = [fake('p/1', 'first'), fake('p/1', 'second'), fake('p/2', 'third')]
    for (const each of [first, second, third]) moves.arrived(each)
    state.canBeTakenBack.push('first', 'second')
    moves.ended(third, true)
    expect([moves.current('p'), moves.isSuperseded(second), moves.isSuperseded(first)]).toEqual([second, false, true])
    state.canBeTakenBack = []
    moves.ended(second, true)
    expect(moves.current('p')).toBeUndefined()
    expect(state.changes).toEqual(['first', 'second', 'third', 'second', undefined])
  })

  it('are not taken back where an application closed the new connection', () => {
    const { state, moves } = rig()
    moves.arrived(fake('p/1', 'old'))
    const closed = fake('p/2', 'new')
    moves.arrived(closed)
    state.canBeTakenBack.push('old')
    moves.ended(closed, false)
    expect(moves.current('p')).toBeUndefined()
  })

  it('of peers that do not answer hold up no others', async () => {
    const turns = new Turns(1)
    const silent = Array.from({ length: 3 }, () => rig({ turns, dial: () => new Promise(() => undefined) }))
    const honest = rig({ turns })
    for (const one of [...silent, honest]) {
      one.moves.arrived(fake('p/1'))
      one.change('p/2')
    }
    expect(honest.state.dialled).toEqual([])
    for (const { clock } of silent) await clock.advance(500)
    expect(honest.state.dialled).toHaveLength(1)
    for (const { moves } of silent) moves.stop()
    await honest.clock.advance(500)
    expect([honest.moves.current('p')?.protocol, honest.clock.pending]).toEqual(['p/2', 0])
  })

  it('take turns with those of other peers', async () => {
    const turns = new Turns(1)
    const one = rig({ turns })
    const other = rig({ turns })
    for (const { moves, change } of [one, other]) {
      moves.arrived(fake('p/1'))
      change('p/2')
    }
    expect([one.state.dialled.length, other.state.dialled.length]).toEqual([1, 0])
    await one.clock.advance(10)
    expect(other.state.dialled).toHaveLength(1)
  })
})
