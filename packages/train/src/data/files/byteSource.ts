/** A file's bytes, from wherever they come. */
export interface ByteSource {
  /** Named in errors. */
  readonly name: string;
  /** Reads from a byte on; each call reads anew. */
  open(start: number): AsyncIterable<Uint8Array>;
}

/** A text in memory as if it were a file. */
export function textSource(name: string, text: string): ByteSource {
  const bytes = new TextEncoder().encode(text);
  return {
    name,
    async *open(start) {
      if (start < bytes.length) yield bytes.subarray(start);
    },
  };
}
