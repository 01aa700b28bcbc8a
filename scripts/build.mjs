// Brings the addon, `dist` and the compiled programs up to date: `node scripts/build.mjs [--force]`.
// What is current is recognised by a hash of its sources and left alone, so this runs before every start, test and bench.

import { buildAddon } from './build/addon.mjs'
import { buildLibrary, buildPrograms } from './build/dist.mjs'
import { BuildError } from './build/error.mjs'
import { writeGenerated } from './build/generated.mjs'

const force = process.argv.includes('--force')

try {
  buildAddon({ force })
  writeGenerated()
  buildLibrary({ force })
  buildPrograms('examples', { force })
  buildPrograms('bench', { force })
} catch (error) {
  if (!(error instanceof BuildError)) throw error
  console.error(`warren: ${error.message}`)
  process.exitCode = 1
}
