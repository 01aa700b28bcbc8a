// The Markdown files: links lead somewhere, files that are named exist, programs parse, tables of contents of errors are whole.

import { spawnSync } from 'node:child_process'
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { dirname, join, relative, sep } from 'node:path'
import { filesUnder } from '../build/fingerprint.mjs'
import { root } from '../build/root.mjs'
import { codeBlocks, headingAnchors, localLinks } from './markdown.mjs'

const documents = [
  'README.md',
  'ARCHITECTURE.md',
  'CHANGELOG.md',
  'CONTRIBUTING.md',
  'RELEASING.md',
  'SECURITY.md',
  'docs',
  'examples',
  'bench',
]
const FOR_MAINTAINERS = /^(ARCHITECTURE|CONTRIBUTING|RELEASING)\.md$|^docs.design\b/
const sources = ['native', 'lib', 'scripts', 'test', 'bench', 'examples']
  .flatMap((folder) => filesUnder(join(root, folder)))
  .map((path) => relative(root, path).split(sep).join('/'))
  .flatMap((path) => [path, path.replace(/^native\/([^/]+)\/src\//, '$1/')])
const files = documents.flatMap((path) => filesUnder(join(root, path))).filter((path) => path.endsWith('.md'))
const problems = files.flatMap((file) => {
  const text = readFileSync(file, 'utf8')
  return [...brokenLinks(file, text), ...missingSources(file, text), ...unparsable(text)].map(
    (problem) => `${relative(root, file)}: ${problem}`,
  )
})
problems.push(...undocumentedErrors())

for (const problem of problems) console.error(problem)
console.log(`${files.length} documents, ${problems.length} problems`)
process.exitCode = problems.length === 0 ? 0 : 1

function brokenLinks(file, text) {
  return localLinks(text).flatMap(({ path, anchor }) => {
    const target = path === '' ? file : join(dirname(file), path)
    if (!existsSync(target)) return [`the link to ${path} leads nowhere`]
    if (anchor === '' || !target.endsWith('.md')) return []
    const found = headingAnchors(readFileSync(target, 'utf8')).includes(anchor)
    return found ? [] : [`${path}#${anchor} has no such heading`]
  })
}

/** The sources that a document for maintainers names: by the end of a path, in which `native/` and `src/` may be left out. */
function missingSources(file, text) {
  if (!FOR_MAINTAINERS.test(relative(root, file))) return []
  const named = Array.from(text.matchAll(/`([\w./-]+\.(?:rs|ts|mjs))`/g), ([, name]) => name)
  const exists = (name) => sources.some((path) => path === name || path.endsWith(`/${name}`))
  return named.filter((name) => !exists(name)).map((name) => `there is no ${name}`)
}

/** A program in the docs is JavaScript that the oldest supported Node parses, as a module. */
function unparsable(text) {
  const folder = join(root, 'target/docs')
  mkdirSync(folder, { recursive: true })
  return codeBlocks(text, 'js').flatMap((code, index) => {
    const file = join(folder, 'block.mjs')
    writeFileSync(file, code)
    const parsed = spawnSync(process.execPath, ['--check', file], { encoding: 'utf8' })
    if (parsed.status === 0) return []
    const reason = /^\w*Error: .*$/m.exec(parsed.stderr)?.[0] ?? parsed.stderr
    return [`program ${index + 1} does not parse: ${reason}`]
  })
}

/** Each error code of the API has a heading in docs/errors.md, and each heading a code. */
function undocumentedErrors() {
  const path = join(root, 'docs/errors.md')
  if (!existsSync(path)) return ['docs/errors.md is missing']
  const codes = new Set(readFileSync(join(root, 'lib/errors.ts'), 'utf8').match(/ERR_WARREN_\w+/g) ?? [])
  const headings = new Set(readFileSync(path, 'utf8').match(/(?<=^#+ .*)ERR_WARREN_\w+/gm) ?? [])
  return [
    ...[...codes].filter((code) => !headings.has(code)).map((code) => `docs/errors.md: no heading for ${code}`),
    ...[...headings].filter((code) => !codes.has(code)).map((code) => `docs/errors.md: ${code} does not exist`),
  ]
}
