/** Columns of a line. */
export const LONGEST = 120

/** A doc comment, in lines as long as they may be. */
export function comment(text, indent) {
  if (`${indent}/** ${text} */`.length <= LONGEST) return `${indent}/** ${text} */\n`
  const lines = ['']
  for (const word of text.split(' ')) {
    const line = `${lines.at(-1)} ${word}`
    if (`${indent} *${line}`.length > LONGEST) lines.push(` ${word}`)
    else lines[lines.length - 1] = line
  }
  return `${indent}/**\n${lines.map((line) => `${indent} *${line}\n`).join('')}${indent} */\n`
}

/** Items between brackets, in one line if it is short enough, else in one each. */
export function list(open, items, close, indent) {
  const line = `${open}${items.join(', ')}${close}`
  if (`${indent}${line},`.length <= LONGEST) return line
  return `${open}\n${items.map((item) => `${indent}  ${item},\n`).join('')}${indent}${close}`
}

/** A union of types, in one line if it is short enough, else in one each. */
export function union(start, types) {
  const line = `${start} ${types.join(' | ')}`
  return line.length <= LONGEST ? line : `${start}\n${types.map((type) => `  | ${type}`).join('\n')}`
}

/** The text of `///` lines, as one line. */
export function docOf(lines) {
  return lines
    .replace(/^ *\/\/\/ ?/gm, '')
    .trim()
    .replaceAll('\n', ' ')
}

/** A name of a type, as one of a constant. */
export function constantName(name) {
  return name.replace(/(?<=[a-z])[A-Z]/g, '_$&').toUpperCase()
}

/** A name of Rust's, as TypeScript has it. */
export function camel(name) {
  return name.replace(/_(\w)/g, (_, letter) => letter.toUpperCase())
}
