/** A value of a config for a message, cut: it may be of any length. */
export function shown(value: unknown): string {
  const text = JSON.stringify(value) ?? typeof value;
  return text.length <= 100 ? text : `${text.slice(0, 100)}…`;
}
