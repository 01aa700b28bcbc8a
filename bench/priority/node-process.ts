import { join } from 'node:path'
import { QuestionedProcess } from '../questioned-process.js'
import type { Place } from './network.js'
import type { Answers, Verb, Verbs } from './verbs.js'

/** One node of a scenario: a process in a network namespace, driven by questions. */
export class NodeProcess extends QuestionedProcess {
  constructor(place: Place) {
    super([process.execPath, join(__dirname, 'node.js')], place.namespace)
  }

  /** Rejects when the process errs or ends. */
  async ask<V extends Verb>(verb: V, argument: Verbs[V]): Promise<Answers[V]> {
    return (await this.question(verb, argument)) as Answers[V]
  }
}
