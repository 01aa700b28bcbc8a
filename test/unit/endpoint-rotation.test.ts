import { describe, expect, it } from '@jest/globals'
import { parseEndpoint } from '../../lib/endpoint.js'
import { EndpointRotation } from '../../lib/endpoint-rotation.js'

const HOSTS: Record<string, string[]> = { two: ['10.0.0.1', 'fd00::2'], one: ['10.0.0.9'], none: [] }

function rotation(...endpoints: string[]): { rotation: EndpointRotation; asked: string[] } {
  const asked: string[] = []
  const resolve = async (host: string): Promise<readonly string[]> => {
    asked.push(host)
    const found = HOSTS[host]
    if (found === undefined) throw new Error(`ENOTFOUND ${host}`)
    return found
  }
  return {
    rotation: new EndpointRotation(
      endpoints.map((text) => parseEndpoint(text)),
      resolve,
    ),
    asked,
  }
}

describe('EndpointRotation', () => {
  it('resolves a name again at each attempt', async () => {
    const { rotation: endpoints, asked } = rotation('one:1')
    expect(await endpoints.current()).toBe('10.0.0.9:1')
    endpoints.advance()
    expect(await endpoints.current()).toBe('10.0.0.9:1')
    expect(asked).toEqual(['one', 'one'])
  })

  it('goes through the addresses of a name, and then to the next endpoint', async () => {
    const { rotation: endpoints } = rotation('two:5', '192.0.2.1:6', '[2001:db8::1]:7')
    const tried: string[] = []
    for (let attempt = 0; attempt < 5; attempt++) {
      tried.push(await endpoints.current())
      endpoints.advance()
    }
    expect(tried).toEqual(['10.0.0.1:5', '[fd00::2]:5', '192.0.2.1:6', '[2001:db8::1]:7', '10.0.0.1:5'])
  })

  it('passes over names that do not resolve', async () => {
    const { rotation: endpoints } = rotation('missing:1', 'none:2', '192.0.2.1:3')
    expect(await endpoints.current()).toBe('192.0.2.1:3')
  })

  it('fails when nothing resolves, naming all that was tried', async () => {
    const { rotation: endpoints } = rotation('missing:1', 'none:2')
    await expect(endpoints.current()).rejects.toMatchObject({
      code: 'ERR_WARREN_NAME_NOT_RESOLVED',
      message: expect.stringContaining('missing, none'),
      cause: expect.objectContaining({ message: 'ENOTFOUND missing' }),
    })
  })

  it('knows an address without asking, and says when there is nothing', () => {
    expect(rotation('192.0.2.1:3', 'one:1').rotation.literal).toBe('192.0.2.1:3')
    expect(rotation('one:1', '192.0.2.1:3').rotation.literal).toBeUndefined()
    expect(rotation().rotation.empty).toBe(true)
    expect(rotation('one:1').rotation.first).toBe('one:1')
  })
})
