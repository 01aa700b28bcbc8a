// Through `import`, a user gets the very types that `require` gives.

import type * as imported from 'warren'
import { Device, PrivateKey } from 'warren'

type Required = typeof import('warren', { with: { 'resolution-mode': 'require' }})

export const same: Required['Device'] = Device
export const sameKey: Required['PrivateKey'] = PrivateKey
export type Same = imported.Connection
