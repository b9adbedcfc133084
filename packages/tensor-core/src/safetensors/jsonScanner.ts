import type { LorikeetError } from '../errors.ts';
import { invalidFile, quote } from './fault.ts';

const space = /[ \t\n\r]*/y;
const numeral = /-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][+-]?\d+)?/y;
const word = /true|false|null/y;
const loneSurrogate = /\p{Surrogate}/u;
const deepestSkip = 64;

/**
 * Reads untrusted JSON piece by piece, as the caller expects it: whatever does not fit the
 * caller's grammar is an error at once, so nothing hostile is ever built. Stricter than
 * `JSON.parse`: it refuses a key given twice, and text that is not well-formed Unicode.
 */
export class JsonScanner {
  /** The tensor that is being read, for error messages. */
  tensor: string | undefined;
  readonly #text: string;
  readonly #file: string;
  readonly #what: string;
  #at = 0;

  /** `what` names the text in messages, such as `header`. */
  constructor(text: string, file: string, what: string) {
    this.#text = text;
    this.#file = file;
    this.#what = what;
  }

  /** An object; `onKey` must read the key's value. */
  object(onKey: (key: string) => void): void {
    const keys = new Set<string>();
    this.#sequence('{', '}', 'an object', () => {
      const key = this.string('a key in quotes');
      if (keys.has(key))
        throw this.fault(`the ${this.#what} gives a key twice`, 'each key once', quote(key));
      keys.add(key);
      if (!this.#accept(':')) throw this.#unexpected('":"');
      onKey(key);
    });
  }

  /** An array; `onElement` must read one element. */
  array(onElement: () => void): void {
    this.#sequence('[', ']', 'an array', onElement);
  }

  string(expected = 'a string'): string {
    this.#skipSpace();
    const start = this.#at;
    if (this.#text[start] !== '"') throw this.#unexpected(expected);
    let end = start + 1;
    let isEscaped = false;
    for (; this.#text[end] !== '"'; end++) {
      const unit = this.#text.charCodeAt(end);
      // NaN, past the end of the text, is refused here too.
      if (!(unit >= 0x20)) throw this.#unexpected('a string that ends with a quote');
      if (unit !== 0x5c) continue;
      isEscaped = true;
      end++;
    }
    this.#at = end + 1;
    if (!isEscaped) return this.#text.slice(start + 1, end);
    const text = this.#unescape(this.#text.slice(start, end + 1));
    if (text !== undefined && !loneSurrogate.test(text)) return text;
    this.#at = start;
    throw this.#unexpected('a string of well-formed Unicode');
  }

  /** A whole number from 0 to 2^53 - 1, written in digits alone. */
  count(): number {
    this.#skipSpace();
    const start = this.#at;
    const value = Number(this.#match(numeral)?.match(/^\d+$/)?.[0]);
    if (Number.isSafeInteger(value)) return value;
    this.#at = start;
    throw this.#unexpected('a whole number from 0 to 2^53 - 1');
  }

  /** Reads over any value. */
  skip(depth = 0): void {
    this.#skipSpace();
    if (depth > deepestSkip) throw this.#unexpected(`at most ${deepestSkip} levels`);
    const first = this.#text[this.#at];
    if (first === '{') this.object(() => this.skip(depth + 1));
    else if (first === '[') this.array(() => this.skip(depth + 1));
    else if (first === '"') this.string();
    else if (!this.#match(numeral) && !this.#match(word)) throw this.#unexpected('a JSON value');
  }

  /** Nothing but white space is left. */
  end(): void {
    this.#skipSpace();
    if (this.#at < this.#text.length) throw this.#unexpected(`the end of the ${this.#what}`);
  }

  /** An error at the tensor that is being read. */
  fault(summary: string, expected: string, received: string): LorikeetError {
    return invalidFile({ file: this.#file, tensor: this.tensor }, summary, {
      expected,
      received,
      hint: 'the file is damaged, or was not written by a safetensors library: fetch it again',
    });
  }

  #unexpected(expected: string): LorikeetError {
    const rest = this.#text.slice(this.#at, this.#at + 20);
    const received = rest === '' ? 'the end of the text' : quote(rest);
    const summary = `the ${this.#what} cannot be read as JSON of the right form`;
    return this.fault(summary, expected, `${received} at character ${this.#at}`);
  }

  #sequence(open: string, close: string, expected: string, onItem: () => void): void {
    if (!this.#accept(open)) throw this.#unexpected(expected);
    if (this.#accept(close)) return;
    do onItem();
    while (this.#accept(','));
    if (!this.#accept(close)) throw this.#unexpected(`"," or ${quote(close)}`);
  }

  #unescape(quoted: string): string | undefined {
    try {
      return JSON.parse(quoted) as string;
    } catch {
      return undefined;
    }
  }

  #accept(character: string): boolean {
    this.#skipSpace();
    if (this.#text[this.#at] !== character) return false;
    this.#at++;
    return true;
  }

  #skipSpace(): void {
    this.#match(space);
  }

  #match(pattern: RegExp): string | undefined {
    pattern.lastIndex = this.#at;
    const found = pattern.exec(this.#text)?.[0];
    this.#at += found?.length ?? 0;
    return found;
  }
}
