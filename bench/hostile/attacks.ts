import { type ChildProcess, execFileSync, spawn } from 'node:child_process'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import type { VictimOptions } from './victim.js'

/** From `dist/bench/hostile`. */
const ROOT = join(__dirname, '../../..')

export interface Attack {
  readonly name: string
  readonly victim: VictimOptions['hostile']
  readonly tries: string
}

/** The attacker's work in a while. */
export interface Done {
  readonly seconds: number
  readonly sent: number
  readonly bytes: number
  readonly heard: number
  readonly connections: number
}

/** Builds the program that attacks, `native/fuzz/src/bin/hostile.rs`, and gives its path. */
export function build(profile: 'release' | 'dev'): string {
  const flags = profile === 'release' ? ['--release'] : []
  const args = [
    'build',
    '--quiet',
    '--package',
    'warren-fuzz',
    '--bin',
    'hostile',
    '--message-format',
    'json',
    ...flags,
  ]
  const told = execFileSync('cargo', args, { cwd: ROOT, encoding: 'utf8', stdio: ['ignore', 'pipe', 'inherit'] })
  for (const line of told.split('\n').filter(Boolean)) {
    const { executable } = JSON.parse(line) as { executable?: string | null }
    if (typeof executable === 'string') return executable
  }
  throw new Error('cargo tells of no program')
}

/** All attacks that there are. */
export function list(program: string): readonly Attack[] {
  const lines = execFileSync(program, ['list'], { encoding: 'utf8' }).trim().split('\n')
  return lines.map((line) => {
    const [name = '', victim = '', tries = ''] = line.split('\t')
    return { name, victim: victim as Attack['victim'], tries }
  })
}

/** An attack on a port of this machine that waits for what to do. */
export class Attacker {
  readonly #child: ChildProcess
  readonly #lines: AsyncIterator<string>

  private constructor(child: ChildProcess, lines: AsyncIterator<string>) {
    this.#child = child
    this.#lines = lines
  }

  static async begin(program: string, attack: string, port: number, session: string): Promise<Attacker> {
    const args = [attack, `127.0.0.1:${port}`, ...(session === '' ? [] : [session])]
    const child = spawn(program, args, { stdio: ['pipe', 'pipe', 'inherit'] })
    const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]()
    await lines.next()
    return new Attacker(child, lines)
  }

  get pid(): number | undefined {
    return this.#child.pid
  }

  /** Attacks at this rate, in Mbit/s, for so long. */
  here(rate: number, seconds: number): Promise<Done> {
    return this.#do(`here ${rate} ${seconds}`)
  }

  /** Sends as much of the same to a socket that nobody reads. */
  there(rate: number, seconds: number): Promise<Done> {
    return this.#do(`there ${rate} ${seconds}`)
  }

  /** Does nothing but answer for its connection. */
  rest(seconds: number): Promise<Done> {
    return this.#do(`rest ${seconds}`)
  }

  end(): void {
    this.#child.kill()
  }

  async #do(line: string): Promise<Done> {
    this.#child.stdin?.write(`${line}\n`)
    const { value, done } = await this.#lines.next()
    if (done === true) throw new Error('the attacker ended')
    return JSON.parse(value) as Done
  }
}
