/**
 * How many tests a suite's runner says it ran, from what it printed. A suite that fails without naming a failed test
 * (it did not compile, it crashed) is one failure; a suite that passes without counting (a type check) is one pass.
 */
export function countTests({ code, output }) {
  const text = output.replace(ANSI, '')
  const counts = { passed: 0, failed: 0, skipped: 0 }
  for (const [, passed, failed, ignored] of text.matchAll(CARGO)) add(counts, passed, failed, ignored)
  for (const [line] of text.matchAll(JEST))
    add(counts, number(line, 'passed'), number(line, 'failed'), number(line, 'skipped'))
  for (const [, kind, count] of text.matchAll(NODE)) counts[NODE_KIND[kind]] += Number(count)
  if (code !== 0 && counts.failed === 0) counts.failed = 1
  if (code === 0 && counts.passed + counts.skipped === 0) counts.passed = 1
  return counts
}

// biome-ignore lint/suspicious/noControlCharactersInRegex: the escape that begins a colour
const ANSI = /\x1b\[[0-9;]*m/g
const CARGO = /^test result: .*?(\d+) passed; (\d+) failed; (\d+) ignored/gm
const JEST = /^Tests: .*$/gm
const NODE = /^(?:ℹ|#) (pass|fail|cancelled|skipped|todo) (\d+)$/gm
const NODE_KIND = { pass: 'passed', fail: 'failed', cancelled: 'failed', skipped: 'skipped', todo: 'skipped' }

function number(line, kind) {
  return Number(new RegExp(`(\\d+) ${kind}`).exec(line)?.[1] ?? 0)
}

function add(counts, passed, failed, skipped) {
  counts.passed += Number(passed)
  counts.failed += Number(failed)
  counts.skipped += Number(skipped)
}
