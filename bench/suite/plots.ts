import { dots, type Panel, type PanelRow } from './dots.js'
import { isWarren, type LoadResult, type PathName, type SuiteResult } from './result.js'
import { spread } from './spread.js'

/** The drawings of a run, by file name. */
export function plots(result: SuiteResult): Readonly<Record<string, string>> {
  const { machine, versions, rounds, windowMs } = result
  const subtitle = `${machine.processors} × ${machine.model}, Node ${versions.Node}; medians of ${rounds} × ${windowMs / 1e3} s with the least and the most; logarithmic`
  const panels = (load: string, titles: readonly Titled[]): readonly Panel[] =>
    (['loopback', 'veth'] as const).flatMap((path) => {
      const found = result.loads.find((each) => each.path === path && each.load === load)
      return found === undefined ? [] : titles.map((titled) => panel(found, path, titled))
    })
  return {
    'performance-streams.svg': dots(
      'One stream between two processes: throughput (right is better) and CPU of both ends (left is better)',
      subtitle,
      panels('stream', [
        { title: 'Gbit/s', metrics: ['goodput'] },
        { title: 'CPU, s/GB', metrics: ['cpu'] },
      ]),
    ),
    'performance-latency.svg': dots(
      '64 bytes there and back: p50 (full) and p99 (hollow); left is better',
      subtitle,
      panels('ping', [{ title: 'ms', metrics: ['p50', 'p99'] }]),
    ),
  }
}

interface Titled {
  readonly title: string
  readonly metrics: readonly string[]
}

function panel({ rows }: LoadResult, path: PathName, { title, metrics }: Titled): Panel {
  return {
    title: `${path === 'veth' ? 'link of 1,500 bytes' : path}, ${title}`,
    rows: rows.map(
      ({ subject, values }): PanelRow => ({
        label: subject,
        isOwn: isWarren(subject),
        marks: metrics.map((metric) => spread(values[metric] ?? [])),
      }),
    ),
  }
}
