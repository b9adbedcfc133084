import { byteLengthOf, isFloat } from '../../../dtype.ts';
import { LorikeetError } from '../../../errors.ts';
import type { Attributes } from '../../../op.ts';
import type { Instruction } from '../../../program.ts';
import { sizeOf } from '../../../shape.ts';
import type { TensorType } from '../../../type.ts';
import type { ProgramValues } from '../schedule/programValues.ts';
import { AccessLog } from './accessLog.ts';
import { flatPlace } from './coordinates.ts';
import { dividePlace, type Place, placeText, remainderOfPlace } from './place.ts';
import { elementsPerWord, fitted, literalText, scalarOf, unpacked, wordOf } from './scalars.ts';
import { functionsUsedBy } from './wgslFunctions.ts';

/** A part of the memory of a value that a kernel is given. */
export interface KernelBinding {
  readonly value: number;
  readonly writes: boolean;
  /** Of a value that is larger than one binding may be: where this part begins, and its bytes. */
  readonly offset: number;
  readonly bytes: number;
}

export interface InlineArguments<A extends Attributes = Attributes> {
  readonly writer: KernelWriter;
  readonly instruction: Instruction & { readonly attributes: A };
  /** Of the wanted element of the result. */
  readonly coordinates: readonly Place[];
}

/** How an element of a result is computed from elements of the operands, wherever it is needed. */
export type InlineRule = (args: InlineArguments) => string;

export interface WriterOptions {
  /** The rule of an op whose results need not be in memory. */
  ruleOf(instruction: Instruction): InlineRule | undefined;
  readonly values: ProgramValues;
  /** Whether a value is in memory when the kernel runs. */
  isStored(value: number): boolean;
  /** Whether the memory of a value is part of the arena, which is bound to be written to always. */
  isInArena(value: number): boolean;
  readonly maxBindingBytes: number;
  /** Values that the kernel stores in the memory of another that it reads. */
  readonly inPlace?: ReadonlyMap<number, number>;
}

/** What a kernel knows of a value other than by computing it: the element at a place, if it is that of the kernel. */
export type KnownElement = (value: number, coordinates: readonly Place[]) => string | undefined;

interface Bound {
  readonly value: number;
  readonly name: string;
  writes: boolean;
}

/** What a letter and a number may mean in WGSL already. */
const typeNames: ReadonlySet<string> = new Set(['i32', 'u32', 'f32', 'f16']);

/**
 * Writes the text of one kernel. `element` gives an element of any value: loaded if the value is in memory, else
 * computed from the elements that it is made of, wherever they are.
 */
export class KernelWriter {
  readonly values: ProgramValues;
  readonly #options: WriterOptions;
  readonly #bound = new Map<number, Bound>();
  readonly #known: KnownElement[] = [];
  readonly #faults = new Map<string, number>();
  #lines: string[] = [];
  #depth = 1;
  #names = 0;
  #scopes: Map<string, string>[] = [new Map()];
  readonly #vectors = new Set<number>();
  /** Values that were asked for and were in memory: what the kernel reads. */
  readonly reads: Set<number> = new Set();
  readonly accesses: AccessLog = new AccessLog();

  constructor(options: WriterOptions) {
    this.values = options.values;
    this.#options = options;
  }

  /** A writer of the same kernel whose text nobody reads: for what the kernel would ask for. */
  probe(): KernelWriter {
    return new KernelWriter(this.#options);
  }

  type(value: number): TensorType {
    return this.values.type(value);
  }

  line(text: string): void {
    this.#lines.push(`${'  '.repeat(this.#depth)}${text}`);
  }

  /** Names what `text` computes, and gives the name. */
  name(text: string, prefix = 'v'): string {
    const name = this.freshName(prefix);
    this.line(`let ${name} = ${text};`);
    return name;
  }

  freshName(prefix: string): string {
    const name = `${prefix}${this.#names++}`;
    return typeNames.has(name) ? this.freshName(prefix) : name;
  }

  /** A block behind `head`; what is named in it is forgotten behind it. */
  block(head: string, body: () => void, tail = ''): void {
    this.line(`${head} {`);
    this.#depth += 1;
    this.#scopes.push(new Map());
    body();
    this.#scopes.pop();
    this.#depth -= 1;
    this.line(`}${tail}`);
  }

  /** A function of its own, written before the kernel's; what is named around it is not known in it. */
  functionBlock(head: string, body: () => void): string {
    const [lines, depth, scopes] = [this.#lines, this.#depth, this.#scopes];
    [this.#lines, this.#depth, this.#scopes] = [[], 0, [new Map()]];
    this.block(head, body);
    const text = this.#lines.join('\n');
    [this.#lines, this.#depth, this.#scopes] = [lines, depth, scopes];
    return text;
  }

  /** With elements known by `known` for the time of `body`. */
  knowing<T>(known: KnownElement, body: () => T): T {
    this.#known.push(known);
    try {
      return body();
    } finally {
      this.#known.pop();
    }
  }

  /** An element of a value, as a name or a literal of the scalar type of its dtype. */
  element(value: number, coordinates: readonly Place[]): string {
    const literal = this.values.literal(value);
    const { dtype } = this.type(value);
    if (literal !== undefined) return literalText(scalarOf(dtype), literal);
    const key = `${value}@${coordinates.map(({ key: place }) => place).join(',')}`;
    return this.#once(key, () => this.#elementText(value, coordinates));
  }

  #elementText(value: number, coordinates: readonly Place[]): string {
    for (let i = this.#known.length - 1; i >= 0; i--) {
      const known = this.#known[i]?.(value, coordinates);
      if (known !== undefined) return known;
    }
    if (this.#options.isStored(value))
      return this.name(this.load(value, flatPlace(coordinates, this.type(value).shape)));
    const instruction = this.values.instruction(value);
    const rule = instruction && this.#options.ruleOf(instruction);
    if (instruction === undefined || rule === undefined)
      throw new LorikeetError(
        'internal',
        `webgpu: ${instruction?.op.name ?? 'a value'} is asked for before it is computed`,
      );
    return rule({ writer: this, instruction, coordinates });
  }

  /** The element at a flat place, read from memory. */
  load(value: number, place: Place): string {
    const { dtype } = this.values.memoryType(value);
    this.reads.add(value);
    const name = this.#bind(value, false);
    const perWord = elementsPerWord(dtype);
    const isVector = this.#vectors.has(value);
    this.accesses.load(value, perWord > 1 || isVector ? undefined : place, this.#block);
    if (isVector) return this.#component(value, name, place);
    if (perWord > 1) {
      const word = this.#word(value, name, placeText(dividePlace(place, perWord)));
      return unpacked(dtype, word, placeText(remainderOfPlace(place, perWord)));
    }
    const word = this.#word(value, name, placeText(place));
    return this.type(value).dtype === 'bool' ? `(${word} != 0u)` : word;
  }

  /** From now on, elements of a value that lie side by side are read as one vector of four. */
  readInVectors(value: number): void {
    this.#vectors.add(value);
  }

  /** Whether `readInVectors` can be asked for: the value is not written here, and has a word for each element. */
  hasVectors(value: number): boolean {
    const { dtype } = this.values.memoryType(value);
    return (
      this.#options.isStored(value) &&
      elementsPerWord(dtype) === 1 &&
      dtype !== 'bool' &&
      this.#partsOf(value) === 1
    );
  }

  #component(value: number, name: string, place: Place): string {
    const [at, component] = [dividePlace(place, 4), remainderOfPlace(place, 4)];
    const vector = `${name}[${placeText(at)}]`;
    const letter = component.terms.length === 0 ? 'xyzw'[component.constant] : undefined;
    if (letter === undefined) return `${vector}[${placeText(component)}]`;
    return `${this.#once(`${value}/4@${at.key}`, () => this.name(vector))}.${letter}`;
  }

  /** What `make` gives, which is not asked again as long as what it named is known. */
  #once(key: string, make: () => string): string {
    for (const scope of this.#scopes) {
      const found = scope.get(key);
      if (found !== undefined) return found;
    }
    const text = make();
    this.#scopes.at(-1)?.set(key, text);
    return text;
  }

  #word(value: number, name: string, place: string): string {
    return this.#partsOf(value) === 1 ? `${name}[${place}]` : `${name}_load(${place})`;
  }

  /** Writes the word at a place; of dtypes of 32 bits that is the element. */
  storeWord(value: number, place: string, word: string, known?: Place): void {
    this.accesses.store(value, known, this.#block);
    const name = this.#bind(value, true);
    if (this.#partsOf(value) === 1) this.line(`${name}[${place}] = ${word};`);
    else this.line(`${name}_store(${place}, ${word});`);
  }

  /** Writes one element that has a word of its own. */
  storeElement(value: number, place: Place, element: string): void {
    const { dtype } = this.type(value);
    const whole =
      dtype === 'bool' ? `u32(${element})` : isFloat(dtype) ? fitted(element, dtype) : element;
    this.storeWord(value, placeText(place), whole, place);
  }

  get #block(): object {
    return this.#scopes.at(-1) ?? this;
  }

  #bind(stored: number, writes: boolean): string {
    const value = this.#options.inPlace?.get(stored) ?? stored;
    let bound = this.#bound.get(value);
    if (bound === undefined) {
      bound = { value, name: `b${this.#bound.size}`, writes };
      this.#bound.set(value, bound);
    }
    bound.writes ||= writes;
    return bound.name;
  }

  /** Binds a value under the name that its buffer has, for texts that index it themselves. */
  bufferOf(value: number, writes: boolean): string {
    if (!writes) this.reads.add(value);
    this.accesses.load(value, undefined, this.#block);
    return this.#bind(value, writes);
  }

  #partsOf(value: number): number {
    const { dtype, shape } = this.values.memoryType(value);
    const bytes = byteLengthOf(dtype, sizeOf(shape));
    return Math.max(1, Math.ceil(bytes / this.#options.maxBindingBytes));
  }

  isSplit(value: number): boolean {
    return this.#partsOf(value) > 1;
  }

  /** Notes that an index, given as text of type i32, lies outside of a side if it does, and gives it as one inside (u32). */
  checkedIndex(index: string, side: number, value: number): string {
    const slot = this.values.faultSlot(value, side);
    this.#faults.set(String(slot), slot);
    const name = this.name(`${index}`, 'i');
    return this.name(`checkIndex(${name}, ${side}u, ${slot}u)`, 'i');
  }

  get bindingCount(): number {
    let count = this.#faults.size > 0 ? 1 : 0;
    for (const value of this.#bound.keys()) count += this.#partsOf(value);
    return count;
  }

  /** The whole text, and what it is to be given. A `value` of -1 is the buffer of faults. */
  finish(options: { readonly workgroup: readonly number[]; readonly header?: string }): {
    wgsl: string;
    bindings: KernelBinding[];
  } {
    const declarations: string[] = [];
    const bindings: KernelBinding[] = [];
    const declare = (name: string, type: string, binding: KernelBinding): void => {
      const access = binding.writes ? 'read_write' : 'read';
      declarations.push(
        `@group(0) @binding(${bindings.length}) var<storage, ${access}> ${name}: ${type};`,
      );
      bindings.push(binding);
    };
    for (const { value, name, writes: isWritten } of this.#bound.values()) {
      const { dtype, shape } = this.values.memoryType(value);
      const bytes = Math.max(4, Math.ceil(byteLengthOf(dtype, sizeOf(shape)) / 4) * 4);
      const parts = this.#partsOf(value);
      const writes = isWritten || this.#options.isInArena(value);
      const word = wordOf(dtype);
      if (this.#vectors.has(value)) {
        // Buffers and places in the arena go on to the next multiple of 16 bytes.
        const whole = Math.ceil(bytes / 16) * 16;
        declare(name, `array<vec4<${word}>>`, { value, writes, offset: 0, bytes: whole });
        continue;
      }
      if (parts === 1) {
        declare(name, `array<${word}>`, { value, writes, offset: 0, bytes });
        continue;
      }
      const limit = this.#options.maxBindingBytes;
      for (let part = 0; part < parts; part++)
        declare(`${name}_${part}`, `array<${word}>`, {
          value,
          writes,
          offset: part * limit,
          bytes: Math.min(limit, bytes - part * limit),
        });
      declarations.push(...splitAccess(name, word, parts, limit / 4, writes));
    }
    if (this.#faults.size > 0) {
      declare('faults', 'array<atomic<u32>>', { value: -1, writes: true, offset: 0, bytes: 4096 });
      declarations.push(checkIndex);
    }
    const [x = 1, y = 1, z = 1] = options.workgroup;
    const usesSubgroups = /\bsubgroup[A-Z]/.test(this.#lines.join('\n'));
    const subgroupArgument = usesSubgroups ? ', @builtin(subgroup_invocation_id) lane: u32' : '';
    const body = [
      options.header ?? '',
      `@compute @workgroup_size(${x}, ${y}, ${z})`,
      `fn main(@builtin(workgroup_id) group: vec3<u32>, @builtin(num_workgroups) groups: vec3<u32>, @builtin(local_invocation_index) local: u32${subgroupArgument}) {`,
      ...(/\bkept\(/.test(this.#lines.join() + options.header) ? ['  zeroBits = group.z;'] : []),
      ...this.#lines,
      '}',
    ]
      .filter((text) => text !== '')
      .join('\n');
    const functions = functionsUsedBy(`${declarations.join('\n')}\n${body}`);
    const enabled = usesSubgroups ? 'enable subgroups;' : '';
    const wgsl = [enabled, ...declarations, functions, body]
      .filter((text) => text !== '')
      .join('\n');
    return { wgsl: `${wgsl}\n`, bindings };
  }
}

const checkIndex = `fn checkIndex(index: i32, side: u32, slot: u32) -> u32 {
  if (index >= 0 && u32(index) < side) { return u32(index); }
  atomicStore(&faults[2u * slot], 1u);
  atomicMax(&faults[2u * slot + 1u], bitcast<u32>(index));
  return 0u;
}`;

/** A value larger than a binding may be is bound in parts. */
function splitAccess(
  name: string,
  word: string,
  parts: number,
  each: number,
  writes: boolean,
): string[] {
  const cases = (act: (part: number, place: string) => string): string =>
    Array.from({ length: parts }, (_, part) => {
      const place = part === 0 ? 'i' : `i - ${part * each}u`;
      return part === parts - 1
        ? `  ${act(part, place)}`
        : `  if (i < ${(part + 1) * each}u) { ${act(part, place)} }`;
    }).join('\n');
  const load = cases((part, place) => `return ${name}_${part}[${place}];`);
  const store = cases((part, place) => `${name}_${part}[${place}] = word; return;`);
  return [
    `fn ${name}_load(i: u32) -> ${word} {\n${load}\n}`,
    ...(writes ? [`fn ${name}_store(i: u32, word: ${word}) {\n${store}\n}`] : []),
  ];
}
