/** Input and output of a command: of a process, or of a test. */
export interface Terminal {
  readonly stdin: AsyncIterable<string | Uint8Array>
  /** `fd`: the file behind it, if it is one of the process. */
  readonly stdout: { write(text: string): unknown; readonly fd?: number | undefined }
  readonly stderr: { write(text: string): unknown }
  readonly env: Readonly<Record<string, string | undefined>>
  /** Aborts when the output takes no more: a command ends then, and says nothing about it. */
  readonly gone?: AbortSignal | undefined
  once(signal: 'SIGINT' | 'SIGTERM', listener: () => void): unknown
  off(signal: 'SIGINT' | 'SIGTERM', listener: () => void): unknown
}

/** All of the input, as text. */
export async function readAll(terminal: Terminal): Promise<string> {
  let text = ''
  for await (const chunk of terminal.stdin) text += typeof chunk === 'string' ? chunk : Buffer.from(chunk).toString()
  return text
}

/** Tells a fact, as one line: of JSON for programs, of text for people. */
export type Tell = (fact: Readonly<Record<string, unknown>>, text: string) => void

/** Printer of a command's findings, by its option `--json`. */
export function teller({ stdout }: Terminal, isJson: boolean): Tell {
  return (fact, text) => void stdout.write(`${isJson ? JSON.stringify(fact) : text}\n`)
}

/** A signal that aborts when the user or the system asks the process to end, or nothing more can be told, and the way to stop listening. */
export function interruption(terminal: Terminal): { readonly signal: AbortSignal; stop(): void } {
  const controller = new AbortController()
  const interrupt = (): void => controller.abort()
  for (const signal of SIGNALS) terminal.once(signal, interrupt)
  const signals = [controller.signal, ...(terminal.gone === undefined ? [] : [terminal.gone])]
  return {
    signal: AbortSignal.any(signals),
    stop: () => {
      for (const signal of SIGNALS) terminal.off(signal, interrupt)
    },
  }
}

const SIGNALS = ['SIGINT', 'SIGTERM'] as const
