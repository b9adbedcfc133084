import { PickleReader } from './pickleReader.ts';

/** A class or function that a pickle names. It is a name, and nothing else: it is never looked up. */
export class PickledGlobal {
  readonly name: string;

  constructor(module: string, name: string) {
    this.name = `${module}.${name}`;
  }
}

/** What the calls of a pickle stand for. A hook throws for what it does not know. */
export interface PickleHooks {
  /** What a call of a class or function stands for. */
  call(callee: PickledGlobal, args: readonly unknown[]): unknown;
  /** Gives what a call stood for the state that Python would give it. */
  setState(target: unknown, state: unknown): void;
  /** What is stored beside the pickle under this id. */
  persistent(id: unknown): unknown;
}

/** What a pickle holds: tuples, lists and sets as arrays, dictionaries as maps, integers beyond 2^53 as bigints. */
export interface Unpickled {
  readonly value: unknown;
  /** Where the pickle ends in the bytes. */
  readonly end: number;
}

/**
 * Reads a pickle of protocol 2 to 5 as data. Nothing is run: what it would import and call are names, which the hooks
 * know or refuse.
 *
 * @param start where it begins in `bytes`.
 * @param file what errors call it.
 * @throws LorikeetError `invalid-file` for bytes that are no such pickle, and what the hooks throw.
 * @see https://docs.python.org/3/library/pickletools.html
 */
export function unpickle(
  bytes: Uint8Array,
  hooks: PickleHooks,
  file: string,
  start = 0,
): Unpickled {
  return new Unpickler(new PickleReader(bytes, file, start), hooks).run();
}

const mark = Symbol('mark');

class Unpickler {
  readonly reader: PickleReader;
  readonly hooks: PickleHooks;
  readonly stack: unknown[] = [];
  readonly memo = new Map<number, unknown>();

  constructor(reader: PickleReader, hooks: PickleHooks) {
    this.reader = reader;
    this.hooks = hooks;
  }

  run(): Unpickled {
    const { reader } = this;
    for (;;) {
      const code = reader.u8();
      if (code === stop) {
        const value = this.pop();
        if (this.stack.length > 0) throw reader.fault('it ends with values left on its stack');
        return { value, end: reader.position };
      }
      const step = steps[code];
      if (step === undefined) throw reader.fault(`it has the instruction ${hex(code)}`);
      step(this, reader);
    }
  }

  push(value: unknown): void {
    this.stack.push(value);
  }

  pop(): unknown {
    const value = this.popAny();
    if (value === mark) throw this.reader.fault('it takes a mark for a value');
    return value;
  }

  popAny(): unknown {
    if (this.stack.length === 0)
      throw this.reader.fault('it takes more from its stack than there is');
    return this.stack.pop();
  }

  /** All above the last mark, which goes, too. */
  popToMark(): unknown[] {
    const at = this.stack.lastIndexOf(mark);
    if (at < 0) throw this.reader.fault('it has no mark');
    const values = this.stack.splice(at);
    return values.slice(1);
  }

  top(): unknown {
    const value = this.stack.at(-1);
    if (this.stack.length === 0 || value === mark) throw this.reader.fault('its stack is empty');
    return value;
  }

  remember(index: number): void {
    this.memo.set(index, this.top());
  }

  recall(index: number): void {
    if (!this.memo.has(index)) throw this.reader.fault(`it has nothing under the number ${index}`);
    this.push(this.memo.get(index));
  }

  extend(values: readonly unknown[]): void {
    const list = this.top();
    if (!Array.isArray(list)) throw this.reader.fault('it adds elements to what is no list');
    for (const value of values) list.push(value);
  }

  assign(pairs: readonly unknown[]): void {
    const target = this.top();
    if (!(target instanceof Map) || pairs.length % 2 !== 0)
      throw this.reader.fault('it adds entries to what is no dictionary');
    for (let i = 0; i < pairs.length; i += 2) target.set(pairs[i], pairs[i + 1]);
  }

  call(): void {
    const args = this.pop();
    const callee = this.pop();
    if (!(callee instanceof PickledGlobal) || !Array.isArray(args))
      throw this.reader.fault('it calls what is no class or function');
    this.push(this.hooks.call(callee, args));
  }

  tuple(count: number): void {
    const values = Array.from({ length: count }, () => this.pop());
    this.push(values.reverse());
  }
}

type Step = (machine: Unpickler, reader: PickleReader) => void;

const stop = '.'.charCodeAt(0);

const steps: Readonly<Record<number, Step>> = Object.fromEntries(
  Object.entries<Step>({
    // protocol, frame: lengths that say nothing of the content
    '\x80': (_, r) => r.u8(),
    '\x95': (_, r) => r.u64(),
    '(': (m) => m.push(mark),
    '0': (m) => m.popAny(),
    '1': (m) => m.popToMark(),
    '2': (m) => m.push(m.top()),
    N: (m) => m.push(null),
    '\x88': (m) => m.push(true),
    '\x89': (m) => m.push(false),
    J: (m, r) => m.push(r.i32()),
    K: (m, r) => m.push(r.u8()),
    M: (m, r) => m.push(r.u16()),
    '\x8a': (m, r) => m.push(r.integer(r.u8())),
    '\x8b': (m, r) => m.push(r.integer(r.u32())),
    G: (m, r) => m.push(r.f64()),
    X: (m, r) => m.push(r.text(r.u32())),
    '\x8c': (m, r) => m.push(r.text(r.u8())),
    '\x8d': (m, r) => m.push(r.text(r.u64())),
    // Strings of Python 2, whose bytes are text in what PyTorch writes.
    T: (m, r) => m.push(r.text(r.u32())),
    U: (m, r) => m.push(r.text(r.u8())),
    B: (m, r) => m.push(r.bytes(r.u32())),
    C: (m, r) => m.push(r.bytes(r.u8())),
    '\x8e': (m, r) => m.push(r.bytes(r.u64())),
    ')': (m) => m.push([]),
    t: (m) => m.push(m.popToMark()),
    '\x85': (m) => m.tuple(1),
    '\x86': (m) => m.tuple(2),
    '\x87': (m) => m.tuple(3),
    ']': (m) => m.push([]),
    l: (m) => m.push(m.popToMark()),
    '\x8f': (m) => m.push([]),
    '\x91': (m) => m.push(m.popToMark()),
    a: (m) => {
      const value = m.pop();
      m.extend([value]);
    },
    e: (m) => {
      const values = m.popToMark();
      m.extend(values);
    },
    '\x90': (m) => {
      const values = m.popToMark();
      m.extend(values);
    },
    '}': (m) => m.push(new Map()),
    d: (m) => {
      const pairs = m.popToMark();
      m.push(new Map());
      m.assign(pairs);
    },
    s: (m) => {
      const value = m.pop();
      const key = m.pop();
      m.assign([key, value]);
    },
    u: (m) => {
      const pairs = m.popToMark();
      m.assign(pairs);
    },
    q: (m, r) => m.remember(r.u8()),
    r: (m, r) => m.remember(r.u32()),
    '\x94': (m) => m.remember(m.memo.size),
    h: (m, r) => m.recall(r.u8()),
    j: (m, r) => m.recall(r.u32()),
    c: (m, r) => m.push(new PickledGlobal(r.line(), r.line())),
    '\x93': (m, r) => {
      const [name, module] = [m.pop(), m.pop()];
      if (typeof name !== 'string' || typeof module !== 'string')
        throw r.fault('it names a class by what is no text');
      m.push(new PickledGlobal(module, name));
    },
    R: (m) => m.call(),
    '\x81': (m) => m.call(),
    b: (m) => {
      const state = m.pop();
      m.hooks.setState(m.top(), state);
    },
    Q: (m) => m.push(m.hooks.persistent(m.pop())),
  }).map(([code, step]) => [code.charCodeAt(0), step]),
);

function hex(code: number): string {
  return `0x${code.toString(16).padStart(2, '0')}`;
}
