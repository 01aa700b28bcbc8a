import { readdirSync, readFileSync } from 'node:fs'

/**
 * Where a process and all that it started stand: processor time of each, and of each thread its state and what the kernel has it
 * wait for. Linux tells; elsewhere, and of a process that is gone, it is empty.
 */
export function standing(pid) {
  const [stat, names] = [read(`/proc/${pid}/stat`), list(`/proc/${pid}/task`)]
  if (stat === undefined) return ''
  const fields = afterName(stat)
  const seconds = (Number(fields[11]) + Number(fields[12])) / TICKS
  const command = (read(`/proc/${pid}/cmdline`) ?? '').replaceAll('\0', ' ').trim()
  const threads = names.map((thread) => threadAt(`/proc/${pid}/task/${thread}`))
  const children = names.flatMap((thread) => (read(`/proc/${pid}/task/${thread}/children`) ?? '').split(' '))
  const own = [`${pid}: ${seconds.toFixed(1)} s of processor time: ${command}`, ...threads].join('\n  ')
  return [own, ...children.filter(Boolean).map(standing)].filter(Boolean).join('\n')
}

function threadAt(folder) {
  const name = (read(`${folder}/comm`) ?? 'gone').trim()
  const state = afterName(read(`${folder}/stat`) ?? '')[0]
  return `${name}: ${state ?? '-'}, ${read(`${folder}/wchan`) || '-'}`
}

/** Fields from the third on: the second is a name, which may have spaces and parentheses. */
function afterName(stat) {
  return stat.slice(stat.lastIndexOf(')') + 2).split(' ')
}

function read(path) {
  try {
    return readFileSync(path, 'utf8')
  } catch {
    return undefined
  }
}

function list(path) {
  try {
    return readdirSync(path)
  } catch {
    return []
  }
}

/** Of the times in `stat`, a second: USER_HZ, which is 100 on every processor that Node runs on. */
const TICKS = 100
