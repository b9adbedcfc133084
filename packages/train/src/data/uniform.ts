/** A number from 0 up to 1 that two whole numbers decide: the finaliser of MurmurHash3 over both. */
export function uniform(seed: number, counter: number): number {
  return mixed(mixed(seed ^ 0x9e3779b9) ^ counter) / 2 ** 32;
}

/** A number from 0 up to 1 that a text and a seed decide: FNV-1a, mixed. */
export function placeOf(text: string, seed: number): number {
  let hash = 0x811c9dc5 ^ seed;
  for (let i = 0; i < text.length; i++) hash = Math.imul(hash ^ text.charCodeAt(i), 0x01000193);
  return mixed(hash) / 2 ** 32;
}

/** A seed of its own for each part of something. */
export function mixSeeds(seed: number, part: number): number {
  return mixed(mixed(seed) ^ Math.imul(part + 1, 0x9e3779b1));
}

function mixed(word: number): number {
  let hash = word;
  hash = Math.imul(hash ^ (hash >>> 16), 0x85ebca6b);
  hash = Math.imul(hash ^ (hash >>> 13), 0xc2b2ae35);
  return (hash ^ (hash >>> 16)) >>> 0;
}
