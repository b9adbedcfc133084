/** What Python's `str.split` takes for space, which is not all that JavaScript's `\s` is. */
const space =
  '[\\t-\\r\\x1c-\\x20\\x85\\xa0\\u1680\\u2000-\\u200a\\u2028\\u2029\\u202f\\u205f\\u3000]+';
const spaces = new RegExp(space, 'u');
const trailing = new RegExp(`${space}$`, 'u');

/** The words between white space, as Python's `str.split()` gives them. */
export function splitWords(text: string): string[] {
  return text.split(spaces).filter((word) => word !== '');
}

export function trimEnd(text: string): string {
  return text.replace(trailing, '');
}
