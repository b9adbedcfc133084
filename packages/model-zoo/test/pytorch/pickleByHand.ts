/** The instructions of a pickle, put together by hand: texts as ASCII, numbers as bytes. */
export function pickleOf(...parts: readonly (string | number | Uint8Array)[]): Uint8Array {
  return Uint8Array.from(
    parts.flatMap((part) => {
      if (typeof part === 'number') return [part];
      if (typeof part === 'string') return [...new TextEncoder().encode(part)];
      return [...part];
    }),
  );
}

/** A text as a pickle holds it. */
export function textOf(text: string): Uint8Array {
  const bytes = new TextEncoder().encode(text);
  return pickleOf('X', u32(bytes.length), bytes);
}

export function u32(value: number): Uint8Array {
  return new Uint8Array(Uint32Array.of(value).buffer);
}
