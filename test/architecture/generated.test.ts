import { spawnSync } from 'node:child_process'
import { expect, test } from '@jest/globals'
import { root } from './files'

test('what is written from tables in Rust says what the tables say', () => {
  const code =
    "import('./scripts/build/generated.mjs').then(({ staleFiles }) => console.log(JSON.stringify(staleFiles())))"
  const { stdout, stderr } = spawnSync(process.execPath, ['-e', code], { cwd: root, encoding: 'utf8' })
  expect({ stale: stdout.trim(), stderr }).toEqual({ stale: '[]', stderr: '' })
})
