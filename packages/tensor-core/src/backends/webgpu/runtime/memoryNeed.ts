import type { Program } from '../../../program.ts';
import type { Part } from '../../partition.ts';

/** How a result of a program gets its memory. */
type OutputMemory =
  /** It keeps what the run took for the value. */
  | 'own'
  /** The value has memory of the run, which another result keeps. */
  | 'copy'
  /** It is something that the program was given: a copy of that, wherever it is. */
  | 'given'
  /** It was computed on the host, and stays there. */
  | 'host';

/** What a run takes of the device's memory, told from the program alone. */
export interface MemoryNeed {
  /** Places among the inputs and constants of what has to be on the device. */
  readonly given: ReadonlySet<number>;
  /** Bytes of each buffer of intermediates. */
  readonly chunks: readonly number[];
  /** Bytes of the values that parts of the program hand on, or that are results. */
  readonly values: ReadonlyMap<number, number>;
  /** Results that take over the memory of a donated input, and that input. */
  readonly inPlace: ReadonlyMap<number, number>;
  readonly outputs: readonly OutputNeed[];
}

interface OutputNeed {
  readonly value: number;
  readonly bytes: number;
  readonly memory: OutputMemory;
}

/** A part with what it takes on the device; nothing if it runs on the host. */
export interface PartNeed {
  readonly part: Pick<Part, 'inputs' | 'outputs'>;
  readonly chunks?: readonly number[];
  readonly inPlace?: ReadonlyMap<number, number>;
}

/** @param bytesOf of a value, by its number. */
export function memoryNeed(
  program: Program,
  parts: readonly PartNeed[],
  bytesOf: (value: number) => number,
): MemoryNeed {
  const count = program.inputs.length + program.constants.length;
  const given = new Set<number>();
  const chunks: number[] = [];
  const values = new Map<number, number>();
  const inPlace = new Map<number, number>();
  for (const { part, chunks: own, inPlace: taken } of parts) {
    if (own === undefined) continue;
    for (const input of part.inputs) {
      if (input < count) given.add(input);
      else if (!inPlace.has(input)) values.set(input, bytesOf(input));
    }
    own.forEach((bytes, i) => {
      chunks[i] = Math.max(chunks[i] ?? 0, bytes);
    });
    for (const output of part.outputs) {
      const input = taken?.get(output);
      if (input === undefined) values.set(output, bytesOf(output));
      else inPlace.set(output, input);
    }
  }
  const kept = new Set<number>();
  const memoryOf = (value: number): OutputMemory => {
    if (bytesOf(value) === 0) return 'host';
    if (value < count) return 'given';
    if (!values.has(value) && !inPlace.has(value)) return 'host';
    if (kept.has(value)) return 'copy';
    kept.add(value);
    return 'own';
  };
  const outputs = program.outputs.map((value) => ({
    value,
    bytes: bytesOf(value),
    memory: memoryOf(value),
  }));
  return { given, chunks, values, inPlace, outputs };
}
