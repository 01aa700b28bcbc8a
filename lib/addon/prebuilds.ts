import type * as Binding from '../../native/binding.js'
import { libcOf } from './libc.js'

/** The native addon, as it is built from `native/binding`. */
export type Addon = typeof Binding

/** An addon, or why it could not be loaded. */
export type Loaded = { readonly addon: Addon } | { readonly error: unknown }

/** The name of this system's folder in `prebuilds`. */
export function prebuildName(): string {
  return `${process.platform}-${process.arch}${libcOf() === 'musl' ? '-musl' : ''}`
}

/**
 * The addon of each system that the package is built for.
 *
 * Bundlers and tracers find a file that is named whole in a `require`, and take one for optional that is in a `try`: a
 * checkout has the addon of its own system alone.
 */
export const PREBUILDS: Readonly<Record<string, () => Loaded>> = {
  'linux-x64'() {
    try {
      return { addon: require('../../prebuilds/linux-x64/warren.node') as Addon }
    } catch (error) {
      return { error }
    }
  },
  'linux-x64-musl'() {
    try {
      return { addon: require('../../prebuilds/linux-x64-musl/warren.node') as Addon }
    } catch (error) {
      return { error }
    }
  },
  'linux-arm64'() {
    try {
      return { addon: require('../../prebuilds/linux-arm64/warren.node') as Addon }
    } catch (error) {
      return { error }
    }
  },
  'linux-arm64-musl'() {
    try {
      return { addon: require('../../prebuilds/linux-arm64-musl/warren.node') as Addon }
    } catch (error) {
      return { error }
    }
  },
  'darwin-x64'() {
    try {
      return { addon: require('../../prebuilds/darwin-x64/warren.node') as Addon }
    } catch (error) {
      return { error }
    }
  },
  'darwin-arm64'() {
    try {
      return { addon: require('../../prebuilds/darwin-arm64/warren.node') as Addon }
    } catch (error) {
      return { error }
    }
  },
  'win32-x64'() {
    try {
      return { addon: require('../../prebuilds/win32-x64/warren.node') as Addon }
    } catch (error) {
      return { error }
    }
  },
  'win32-arm64'() {
    try {
      return { addon: require('../../prebuilds/win32-arm64/warren.node') as Addon }
    } catch (error) {
      return { error }
    }
  },
}
