import { type InspectOptions, inspect } from 'node:util'

/** Methods of the sets of newer versions of Node, none of which changes a set. */
const COMPARISONS = [
  'difference',
  'intersection',
  'isDisjointFrom',
  'isSubsetOf',
  'isSupersetOf',
  'symmetricDifference',
  'union',
]

/** A map that is read through it, as it is at each moment, and changed by its owner alone. */
export class MapView<K, V> implements ReadonlyMap<K, V> {
  readonly #map: ReadonlyMap<K, V>

  constructor(map: ReadonlyMap<K, V>) {
    this.#map = map
  }

  get size(): number {
    return this.#map.size
  }

  get [Symbol.toStringTag](): string {
    return 'Map'
  }

  get(key: K): V | undefined {
    return this.#map.get(key)
  }

  has(key: K): boolean {
    return this.#map.has(key)
  }

  forEach(callback: (value: V, key: K, map: ReadonlyMap<K, V>) => void, thisArgument?: unknown): void {
    for (const [key, value] of this.#map) callback.call(thisArgument, value, key, this)
  }

  entries(): ReturnType<ReadonlyMap<K, V>['entries']> {
    return this.#map.entries()
  }

  keys(): ReturnType<ReadonlyMap<K, V>['keys']> {
    return this.#map.keys()
  }

  values(): ReturnType<ReadonlyMap<K, V>['values']> {
    return this.#map.values()
  }

  [Symbol.iterator](): ReturnType<ReadonlyMap<K, V>['entries']> {
    return this.#map.entries()
  }

  [inspect.custom](_depth: number, options: InspectOptions): string {
    return inspect(this.#map, options)
  }
}

/** A set that is read through it, as it is at each moment, and changed by its owner alone. */
export class SetView<T> implements ReadonlySet<T> {
  readonly #set: ReadonlySet<T>

  constructor(set: ReadonlySet<T>) {
    this.#set = set
  }

  static {
    for (const name of COMPARISONS) {
      const compare = Reflect.get(Set.prototype, name)
      if (typeof compare !== 'function') continue
      const value = function (this: SetView<unknown>, other: unknown): unknown {
        return Reflect.apply(compare, this.#set, [other])
      }
      Object.defineProperty(SetView.prototype, name, { value, writable: true, configurable: true })
    }
  }

  get size(): number {
    return this.#set.size
  }

  get [Symbol.toStringTag](): string {
    return 'Set'
  }

  has(value: T): boolean {
    return this.#set.has(value)
  }

  forEach(callback: (value: T, again: T, set: ReadonlySet<T>) => void, thisArgument?: unknown): void {
    for (const value of this.#set) callback.call(thisArgument, value, value, this)
  }

  entries(): ReturnType<ReadonlySet<T>['entries']> {
    return this.#set.entries()
  }

  keys(): ReturnType<ReadonlySet<T>['keys']> {
    return this.#set.keys()
  }

  values(): ReturnType<ReadonlySet<T>['values']> {
    return this.#set.values()
  }

  [Symbol.iterator](): ReturnType<ReadonlySet<T>['values']> {
    return this.#set.values()
  }

  [inspect.custom](_depth: number, options: InspectOptions): string {
    return inspect(this.#set, options)
  }
}

/** Makes assignments to these properties throw: their values are facts. */
export function keepFacts<T extends object>(target: T, ...names: (keyof T)[]): void {
  for (const name of names) Object.defineProperty(target, name, { writable: false })
}
