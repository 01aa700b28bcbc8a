import type { Endpoint } from '../arguments/endpoint.js'

/** Names the source that an endpoint counts for: its IPv4 address, or the /64 of its IPv6 address, which one host may have whole (RFC 6177). */
export function sourceOf(endpoint: Endpoint): string {
  const host = endpoint.slice(0, endpoint.lastIndexOf(':')).replace(/^\[|\]$|%.*$/g, '')
  const mapped = /^::ffff:(?<v4>[\d.]+)$/i.exec(host)?.groups?.v4
  if (mapped !== undefined) return mapped
  if (!host.includes(':')) return host
  const [head = '', tail] = host.split('::')
  const first = groupsOf(head)
  const last = groupsOf(tail ?? '')
  const zeros = Array.from({ length: Math.max(0, 8 - first.length - last.length) }, () => 0)
  const all = tail === undefined ? first : [...first, ...zeros, ...last]
  return `${all
    .slice(0, 4)
    .map((group) => group.toString(16))
    .join(':')}::/64`
}

function groupsOf(text: string): number[] {
  return text === '' ? [] : text.split(':').map((group) => Number.parseInt(group, 16))
}
