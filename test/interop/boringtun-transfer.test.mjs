import { describe } from 'node:test'
import { Boringtun, missingBoringtun } from './boringtun.mjs'
import { transfer } from './suites/transfer.mjs'

const skip = missingBoringtun()

describe(`with ${Boringtun.title}`, { skip }, () => transfer(Boringtun))
