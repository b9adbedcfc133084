/** Turns tokens into text while they come. */
export interface DecodeStream {
  /** The text that is certain with this token: empty while a character is incomplete. */
  push(id: number): string;
  /** What is left. */
  end(): string;
}

/**
 * A stream whose texts put together are what `decode` makes of all tokens.
 *
 * A token is decoded together with those of the last text, since the first token of a text can lose its space. What ends with
 * a character that is not complete waits for the next tokens.
 */
export function decodeStream(decode: (ids: readonly number[]) => string): DecodeStream {
  let given: readonly number[] = [];
  let waiting: readonly number[] = [];
  const rest = (): string => {
    const before = decode(given);
    return decode([...given, ...waiting]).slice(before.length);
  };
  return {
    push: (id) => {
      waiting = [...waiting, id];
      const text = rest();
      if (text === '' || text.endsWith('\ufffd')) return '';
      given = waiting;
      waiting = [];
      return text;
    },
    end: () => {
      const text = rest();
      [given, waiting] = [[], []];
      return text;
    },
  };
}
