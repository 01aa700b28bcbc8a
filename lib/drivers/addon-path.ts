import { isAbsolute } from 'node:path'
import { chooseAddon } from '../addon/addon.js'
import { wrongType } from '../arguments/argument-error.js'
import { fromNative } from '../errors.js'

/**
 * Takes the native addon from the file at this absolute path, for programs that are packed in a way that `require` does
 * not see through. It has to be of the package's own version. Wins over the environment variable `WARREN_ADDON`; each
 * worker thread is told by itself.
 *
 * Throws `ERR_WARREN_ADDON_LOADED` once a device was opened: call it first.
 */
export function setAddonPath(path: string): void {
  if (typeof path !== 'string' || !isAbsolute(path)) throw wrongType('path', 'an absolute path', path)
  try {
    chooseAddon(path)
  } catch (error) {
    throw fromNative(error)
  }
}
