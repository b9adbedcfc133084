const identities = new WeakMap<WeakKey, number>();
let count = 0;

/** A text that stands for one object or function and for no other, as long as the process lives. */
export function identityOf(value: WeakKey): string {
  let identity = identities.get(value);
  if (identity === undefined) {
    identity = count++;
    identities.set(value, identity);
  }
  return `#${identity}`;
}
