import { join } from 'node:path'
import { fileURLToPath } from 'node:url'

/** The repository's root, with no separator at the end. */
export const root = fileURLToPath(new URL('../..', import.meta.url)).replace(/[\\/]$/, '')

/** The script behind a development tool, to be run by this very Node: shims in `.bin` differ between systems. */
export const tool = {
  biome: join(root, 'node_modules/@biomejs/biome/bin/biome'),
  jest: join(root, 'node_modules/jest/bin/jest.js'),
  napi: join(root, 'node_modules/@napi-rs/cli/dist/cli.js'),
  tsc: join(root, 'node_modules/typescript/bin/tsc'),
}
