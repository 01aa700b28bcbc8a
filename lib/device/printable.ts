/** A text of a peer's as it may be shown: what moves the cursor, colours, ends a line or turns the direction of writing is spelled out. */
export function printable(text: string): string {
  return text.replace(UNPRINTABLE, (character) => `\\u{${(character.codePointAt(0) ?? 0).toString(16)}}`)
}

/** Control and format characters, line and paragraph separators, and surrogates without their other half (Unicode TR 44, section 5.7.1). */
const UNPRINTABLE = /[\p{Cc}\p{Cf}\p{Zl}\p{Zp}\p{Cs}]/gu
