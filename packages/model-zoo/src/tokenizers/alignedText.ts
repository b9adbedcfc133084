/** A text made from another, that knows where each of its parts comes from. Places count UTF-16 units, as strings do. */
export interface AlignedText {
  readonly text: string;
  /** For each unit of `text`, where its source begins. */
  readonly starts: readonly number[];
  /** For each unit of `text`, where its source ends. */
  readonly ends: readonly number[];
}

/** A part of a text as it is: characters outside of the first plane are one. */
export function alignedSource(source: string, from = 0, to: number = source.length): AlignedText {
  const builder = new AlignedBuilder();
  let at = from;
  for (const character of source.slice(from, to)) {
    builder.add(character, at, at + character.length);
    at += character.length;
  }
  return builder.build();
}

export function sliceAligned(whole: AlignedText, from: number, to: number): AlignedText {
  return {
    text: whole.text.slice(from, to),
    starts: whole.starts.slice(from, to),
    ends: whole.ends.slice(from, to),
  };
}

/** Where a part comes from; an empty part comes from nowhere, which is an empty place. */
export function sourceRange(
  { starts, ends }: AlignedText,
  from: number,
  to: number,
): readonly [start: number, end: number] {
  const start = starts[from] ?? ends.at(-1) ?? 0;
  return [start, to > from ? Math.max(start, ends[to - 1] ?? start) : start];
}

/** Puts an aligned text together, in order. */
export class AlignedBuilder {
  #text = '';
  readonly #starts: number[] = [];
  readonly #ends: number[] = [];

  /** Adds a text all of which comes from one place. */
  add(text: string, start: number, end: number): void {
    this.#text += text;
    for (let i = 0; i < text.length; i++) {
      this.#starts.push(start);
      this.#ends.push(end);
    }
  }

  /** Adds a part of another as it is. */
  copy(whole: AlignedText, from: number, to: number): void {
    this.#text += whole.text.slice(from, to);
    for (let i = from; i < to; i++) {
      this.#starts.push(whole.starts[i] ?? 0);
      this.#ends.push(whole.ends[i] ?? 0);
    }
  }

  build(): AlignedText {
    return { text: this.#text, starts: this.#starts, ends: this.#ends };
  }
}
