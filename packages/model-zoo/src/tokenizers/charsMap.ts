import { LorikeetError } from '@lorikeet/tensor-core';

/** What a text becomes, or nothing if the map does not have it. */
export type CharsMap = (text: string) => string | undefined;

const encoder = new TextEncoder();
const decoder = new TextDecoder('utf-8', { ignoreBOM: true });

/**
 * The map of characters that SentencePiece compiles: a double-array trie of bytes (Aoe 1989), whose values are places in a
 * text that ends each entry with a 0.
 *
 * @param base64 of the length of the trie, the trie, and the text.
 * @throws LorikeetError `invalid-file`.
 */
export function charsMapOf(base64: string): CharsMap {
  const bytes = decoded(base64);
  const view = new DataView(bytes.buffer);
  const trieBytes = bytes.length < 4 ? -1 : view.getUint32(0, true);
  if (trieBytes < 4 || trieBytes % 4 !== 0 || trieBytes > bytes.length - 4)
    throw refused(`${bytes.length} bytes, of a trie of ${trieBytes}`);
  const units = Uint32Array.from({ length: trieBytes / 4 }, (_, i) =>
    view.getUint32(4 + 4 * i, true),
  );
  const texts = bytes.subarray(4 + trieBytes);
  return (text) => {
    const place = firstMatch(units, encoder.encode(text));
    if (place === undefined || place >= texts.length) return undefined;
    const end = texts.indexOf(0, place);
    return decoder.decode(texts.subarray(place, end < 0 ? texts.length : end));
  };
}

/** The value of the shortest prefix that the trie has. */
function firstMatch(units: Uint32Array, key: Uint8Array): number | undefined {
  let unit = units[0] ?? 0;
  let at = offsetOf(unit);
  for (const byte of key) {
    if (byte === 0) return undefined;
    at ^= byte;
    const next = units[at];
    // The label of a unit that holds a value is no byte.
    if (next === undefined || (next & 0x800000ff) !== byte) return undefined;
    unit = next;
    at ^= offsetOf(unit);
    const hasValue = ((unit >>> 8) & 1) === 1;
    if (hasValue) return (units[at] ?? 0) & 0x7fffffff;
  }
  return undefined;
}

function offsetOf(unit: number): number {
  return ((unit >>> 10) << ((unit & 0x200) >>> 6)) >>> 0;
}

function decoded(base64: string): Uint8Array<ArrayBuffer> {
  try {
    return Uint8Array.from(atob(base64), (letter) => letter.charCodeAt(0));
  } catch (cause) {
    throw refused(cause instanceof Error ? cause.message : String(cause));
  }
}

function refused(received: string): LorikeetError {
  return new LorikeetError('invalid-file', 'the map of characters of the tokenizer is damaged', {
    path: 'tokenizer.json: normalizer.precompiled_charsmap',
    received,
  });
}
