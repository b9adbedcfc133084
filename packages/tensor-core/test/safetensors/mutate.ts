/** Whole numbers from 0 to below `limit`, the same ones for the same seed (mulberry32). */
export type Dice = (limit: number) => number;

export function diceOf(seed: number): Dice {
  let state = seed >>> 0;
  return (limit) => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return Math.floor((((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32) * limit);
  };
}

export function pick<Item>(dice: Dice, items: readonly Item[]): Item {
  const item = items[dice(items.length)];
  if (item === undefined) throw new Error('there is nothing to pick from');
  return item;
}

const numerals = ['-1', '0', '1', '3', '4', '8', '64', '1.5', '1e3', '01', '-0', '2147483648'];
const hugeNumerals = [
  '4294967296',
  '9007199254740991',
  '9007199254740992',
  '1e308',
  '9'.repeat(400),
];
const tokens = [
  '{',
  '}',
  '[',
  ']',
  ',',
  ':',
  '"',
  '\\',
  ' ',
  '\n',
  '\u0000',
  '\u00e9',
  'null',
  'true',
];
const words = [
  '"F32"',
  '"BOOL"',
  '"F4"',
  '"F8_E4M3"',
  '"X"',
  '"dtype"',
  '"__proto__"',
  '"__metadata__"',
];
const escapes = ['"\\u0061"', '"\\ud800"', '"\\x"', '[[[[[[[[', '{"a":{"a":{"a":'];

/** `text` with one thing changed: a number, a token, or a piece that is cut, doubled or moved. */
export function mutateText(text: string, dice: Dice): string {
  const at = dice(text.length + 1);
  const end = Math.min(text.length, at + dice(40));
  const to = dice(text.length + 1);
  switch (dice(6)) {
    case 0: {
      const all = [...text.matchAll(/\d+/g)];
      const found = all[dice(Math.max(1, all.length))];
      const start = found?.index ?? 0;
      const numeral = pick(dice, [...numerals, ...hugeNumerals, String(dice(200))]);
      return text.slice(0, start) + numeral + text.slice(start + (found?.[0].length ?? 0));
    }
    case 1:
      return text.slice(0, at) + pick(dice, [...tokens, ...words, ...escapes]) + text.slice(at);
    case 2:
      return text.slice(0, at) + text.slice(end);
    case 3:
      return text.slice(0, to) + text.slice(at, end) + text.slice(to);
    case 4:
      return swapPieces(text, dice, /"[^"]*"/g);
    default:
      return swapPieces(text, dice, /"[^"]*":\{[^{}]*\}|\[[^[\]]*\]|\d+/g);
  }
}

/** One match of `pattern` replaced by another one: a name given twice, offsets of another tensor. */
function swapPieces(text: string, dice: Dice, pattern: RegExp): string {
  const all = [...text.matchAll(pattern)];
  if (all.length === 0) return text;
  const from = pick(dice, all);
  const to = pick(dice, all);
  return text.slice(0, to.index) + from[0] + text.slice(to.index + to[0].length);
}

/** A safetensors file with one thing changed; `other` is another one to take a piece from. */
export function mutateFile(file: Uint8Array, other: Uint8Array, dice: Dice): Uint8Array {
  switch (dice(8)) {
    case 0:
      return flipBits(file, dice, file.length);
    case 1:
      return flipBits(file, dice, Math.min(file.length, 400));
    case 2:
      return file.slice(0, dice(file.length + 1));
    case 3:
      return joined(file, new Uint8Array(dice(64)).fill(dice(256)));
    case 4:
      return withHeaderLength(file, dice);
    case 5: {
      const cut = dice(Math.min(file.length, other.length) + 1);
      return joined(
        file.subarray(0, cut),
        other.subarray(dice(2) === 0 ? cut : dice(other.length)),
      );
    }
    default:
      return withHeader(file, (text) => mutateText(text, dice));
  }
}

function flipBits(file: Uint8Array, dice: Dice, limit: number): Uint8Array {
  const changed = file.slice();
  for (let count = 1 + dice(4); count > 0 && limit > 0; count--) {
    const at = dice(limit);
    changed[at] = (changed[at] ?? 0) ^ (1 << dice(8));
  }
  return changed;
}

function withHeaderLength(file: Uint8Array, dice: Dice): Uint8Array {
  if (file.length < 8) return file;
  const changed = file.slice();
  const view = new DataView(changed.buffer);
  const length = view.getBigUint64(0, true);
  const near = length + BigInt(dice(33)) - 16n;
  const far = pick(dice, [
    0n,
    1n,
    100_000_000n,
    100_000_001n,
    2n ** 31n,
    2n ** 53n,
    2n ** 64n - 1n,
  ]);
  view.setBigUint64(0, dice(2) === 0 ? near : far, true);
  return changed;
}

/** The file with its header text changed and its header length right again. */
function withHeader(file: Uint8Array, change: (text: string) => string): Uint8Array {
  if (file.length < 8) return file;
  const length = Number(new DataView(file.buffer, file.byteOffset).getBigUint64(0, true));
  const end = 8 + Math.min(length, file.length - 8);
  const header = new TextEncoder().encode(change(new TextDecoder().decode(file.subarray(8, end))));
  const start = new Uint8Array(8);
  new DataView(start.buffer).setBigUint64(0, BigInt(header.length), true);
  return joined(start, header, file.subarray(end));
}

function joined(...parts: readonly Uint8Array[]): Uint8Array {
  const whole = new Uint8Array(parts.reduce((sum, { length }) => sum + length, 0));
  let at = 0;
  for (const part of parts) {
    whole.set(part, at);
    at += part.length;
  }
  return whole;
}
