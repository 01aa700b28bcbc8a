/** What a TypeScript source imports, requires or exports again, comments left out. */
export function imports(text: string): { specifier: string; typeOnly: boolean }[] {
  const code = text.replace(/\/\*[\s\S]*?\*\//g, '').replace(/^\s*\/\/.*$/gm, '')
  return [...code.matchAll(IMPORT)].map(([, type, specifier]) => ({ specifier: specifier ?? '', typeOnly: !!type }))
}

const IMPORT =
  /(?:(?:\b(?:import|export)\s+(type\s)?[^'";]*?)\bfrom\s*|\bimport\s*\(?\s*|\brequire\w*\s*\(\s*)'([^'\n]+)'/g

/** A relative specifier as a path from the root; any other as it is. */
export function resolve(path: string, specifier: string): string {
  if (!specifier.startsWith('.')) return specifier
  const parts = path.split('/').slice(0, -1)
  for (const part of specifier.split('/')) {
    if (part === '..') parts.pop()
    else if (part !== '.') parts.push(part)
  }
  return parts.join('/')
}
