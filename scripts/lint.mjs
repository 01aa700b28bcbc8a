// Everything that reads the sources without running them: `npm run lint [-- <step> …]`.

import { tool } from './build/root.mjs'
import { announce, run, table } from './step.mjs'

const node = process.execPath
const steps = {
  rustfmt: ['cargo', ['fmt', '--all', '--check']],
  clippy: ['cargo', ['clippy', '--workspace', '--all-targets', '--quiet', '--', '-D', 'warnings']],
  rustdoc: ['cargo', ['doc', '--workspace', '--no-deps', '--quiet'], { RUSTDOCFLAGS: '-D warnings' }],
  biome: [node, [tool.biome, 'check', '--error-on-warnings']],
  tsc: [node, [tool.tsc, '--noEmit', '-p', 'tsconfig.json']],
  docs: [node, ['scripts/lint/docs.mjs']],
}

const wanted = process.argv.slice(2)
const unknown = wanted.find((name) => !(name in steps))
if (unknown !== undefined) throw new Error(`no lint step "${unknown}": there are ${Object.keys(steps).join(', ')}`)

const results = []
for (const name of wanted.length > 0 ? wanted : Object.keys(steps)) {
  const [command, args, env] = steps[name]
  announce(name)
  results.push({ name, ...(await run(command, args, { env })) })
}
announce('lint')
table(results)
process.exitCode = results.every(({ code }) => code === 0) ? 0 : 1
