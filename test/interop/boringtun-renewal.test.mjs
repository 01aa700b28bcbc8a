// Four minutes, since WireGuard renews its keys every two: all of it is waiting, so all at once.

import { describe } from 'node:test'
import { Boringtun, missingBoringtun } from './boringtun.mjs'
import { renewal } from './suites/renewal.mjs'

const skip = missingBoringtun()

describe('with boringtun-cli', { skip, concurrency: true }, () => renewal(Boringtun))
