import type { Running, Sample, Settings } from './loads/load.js'
import { cipher } from './loads/programs.js'
import { between, isDisturbed, read } from './machine.js'
import type { Subject } from './pair.js'
import type { Sites } from './paths.js'
import type { Planned } from './plan.js'
import type { LoadResult, Row } from './result.js'

export interface RoundOptions extends Settings {
  readonly rounds: number
  readonly sites: Sites
  /** Told what goes on. */
  progress(text: string): void
  /** Told of a subject that failed. */
  failed(subject: string, load: string, error: unknown): void
}

interface Runner {
  readonly subject: Subject
  readonly running: Running
  readonly samples: Sample[]
  disturbed: number
  failed: boolean
}

/** Has all subjects of a load brought up, then measures them in turn, so often: what drifts meets all of them. */
export async function rounds({ path, load, subjects }: Planned, options: RoundOptions): Promise<LoadResult> {
  const runners: Runner[] = []
  try {
    for (let first = 0; first < subjects.length; first += AT_ONCE) {
      const some = subjects.slice(first, first + AT_ONCE)
      const up = await Promise.all(some.map((subject) => broughtUp(subject, { path, load }, options)))
      runners.push(...up.flatMap((runner) => runner ?? []))
    }
    for (let round = 0; round < options.rounds; round++) {
      // Nobody always comes after the same one.
      for (const runner of round % 2 === 0 ? runners : runners.toReversed()) {
        options.progress(`${path}, ${load.name}, round ${round + 1} of ${options.rounds}: ${runner.subject.name}`)
        await once(runner, load.name, options)
      }
    }
  } finally {
    await Promise.all(runners.map(({ running }) => running.close()))
  }
  const { name, title, metrics } = load
  const rows = runners
    .filter(({ failed }) => !failed)
    .map((runner) =>
      row(
        runner,
        metrics.map((metric) => metric.name),
      ),
    )
  return { path, load: name, title, metrics, rows }
}

/** A subject that waits for its first round; undefined: it failed. */
async function broughtUp(
  subject: Subject,
  { path, load }: Pick<Planned, 'path' | 'load'>,
  options: RoundOptions,
): Promise<Runner | undefined> {
  options.progress(`${path}, ${load.name}: ${subject.name}`)
  try {
    const site = await options.sites.at(path, subject)
    const running = subject.stack === 'cipher' ? await cipher() : await load.start(subject, site, options)
    return { subject, running, samples: [], disturbed: 0, failed: false }
  } catch (error) {
    options.failed(subject.name, load.name, error)
    return undefined
  }
}

async function once(runner: Runner, load: string, options: RoundOptions): Promise<void> {
  if (runner.failed) return
  const { running, subject } = runner
  try {
    const begin = read(running.pids)
    runner.samples.push(await running.measure())
    if (isDisturbed(between(begin, read(running.pids)))) runner.disturbed += 1
  } catch (error) {
    runner.failed = true
    options.failed(subject.name, load, error)
  }
}

function row({ subject, samples, disturbed }: Runner, metrics: readonly string[]): Row {
  const values = metrics.map((metric) => [metric, samples.map((sample) => rounded(sample[metric]))] as const)
  return { subject: subject.name, disturbed, values: Object.fromEntries(values) }
}

/** Five digits: more than any spread leaves. */
function rounded(value: number | undefined): number {
  return Number((value ?? Number.NaN).toPrecision(5))
}

/** Subjects that are brought up at once: the most that two processors still warm up. */
const AT_ONCE = 2
