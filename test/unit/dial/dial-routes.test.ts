import { expect, test } from '@jest/globals'
import { DialRoutes } from '../../../lib/dial/dial-routes.js'
import type { DriverClose } from '../../../lib/driver.js'

const CLOSE: DriverClose = { by: 'local', cause: 'peer-dead', code: 0, reason: '', accepts: [] }

function receivers(): { readonly told: number[]; receiver(number: number): { closed(close: DriverClose): void } } {
  const told: number[] = []
  return { told, receiver: (number) => ({ closed: () => told.push(number) }) }
}

test('all dials that lead to one connection are told of its end', () => {
  const [routes, { told, receiver }] = [new DialRoutes(), receivers()]
  routes.add(7, receiver(1))
  routes.add(7, receiver(2))
  routes.add(8, receiver(3))
  routes.closed(7, CLOSE)
  expect(told).toEqual([1, 2])
})

test('of dials that gave up a connection which never comes up, one is kept', () => {
  const [routes, { told, receiver }] = [new DialRoutes(), receivers()]
  for (let number = 0; number < 1_000; number++) {
    const one = receiver(number)
    routes.add(7, one)
    routes.cancel(7, one)
  }
  const waiting = receiver(1_000)
  routes.add(7, waiting)
  expect(routes.isCancelled(7)).toBe(true)
  routes.closed(7, CLOSE)
  expect(told).toEqual([0, 1_000])
})
