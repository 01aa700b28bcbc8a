import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

/** A program of this folder, as its command line runs it. */
interface Command<O, S> {
  readonly name: string
  readOptions(): O
  /** Runs it to its end, with an empty registry of the nodes in this file. */
  run(options: O, registry: string): Promise<S>
  format(summary: S): string
}

/** Runs a program and prints its summary. The exit status is 0 only when all was well. */
export function runCommand<O extends { readonly json: boolean }, S extends { readonly ok: boolean }>(
  command: Command<O, S>,
): void {
  main(command).catch((error: unknown) => {
    console.error(error)
    process.exitCode = 2
  })
}

async function main<O extends { readonly json: boolean }, S extends { readonly ok: boolean }>({
  name,
  readOptions,
  run,
  format,
}: Command<O, S>): Promise<void> {
  const options = readOptions()
  const directory = await mkdtemp(join(tmpdir(), `${name}-`))
  try {
    const registry = join(directory, 'registry.jsonl')
    await writeFile(registry, '')
    const summary = await run(options, registry)
    process.stdout.write(`${options.json ? JSON.stringify(summary) : `\n${format(summary)}`}\n`)
    process.exitCode = summary.ok ? 0 : 1
  } finally {
    await rm(directory, { recursive: true })
  }
}

/** Reads the command line. Prints the help and exits when `--help` asks for it, or when an option makes no sense. */
export function reading<O>(help: string, read: () => O | undefined): O {
  try {
    const options = read()
    if (options !== undefined) return options
    process.stdout.write(help)
    process.exit(0)
  } catch (error) {
    process.stderr.write(`${error instanceof Error ? error.message : String(error)}\n\n${help}`)
    process.exit(2)
  }
}

export function number(name: string, text: string, least: number, most: number): number {
  const value = Number(text)
  if (Number.isInteger(value) && value >= least && value <= most) return value
  throw new Error(`--${name} must be a whole number from ${least} to ${most}, got "${text}"`)
}

export function oneOf<T extends string>(name: string, text: string, choices: readonly T[]): T {
  const choice = choices.find((each) => each === text)
  if (choice === undefined) throw new Error(`--${name} must be ${choices.join(' or ')}, got "${text}"`)
  return choice
}
