import { LorikeetError } from '../../../errors.ts';
import { formatType, type TensorType } from '../../../type.ts';

/** A value that needs memory, and what it is. */
export interface SizedValue {
  readonly type: TensorType;
  readonly bytes: number;
  /** The op that computes it. Without it, the program is given the value. */
  readonly op: string | undefined;
  readonly path: string | undefined;
}

/** How many of the largest values a refusal names. */
const named = 5;

/**
 * Refuses a run that would need more memory than there may be.
 *
 * @param peakBytes of the device, `usedBytes` of which are in use already.
 * @param values of the program, in any order.
 */
export function refusePeak(
  maxBytes: number,
  peakBytes: number,
  usedBytes: number,
  values: readonly SizedValue[],
): never {
  const largest = values.toSorted((a, b) => b.bytes - a.bytes).slice(0, named);
  throw new LorikeetError('out-of-memory', 'webgpu: the program needs more memory than it may', {
    path: largest[0]?.path,
    expected: `at most ${maxBytes} bytes`,
    received: `${peakBytes} bytes, of which ${usedBytes} are in use already; its largest values are ${largest.map(describe).join(', ')}`,
    hint: advice,
  });
}

/** @throws LorikeetError `out-of-memory` if a value is larger than a buffer may be. */
export function requireBufferSizes(maxBytes: number, values: readonly SizedValue[]): void {
  const tooLarge = values.find(({ bytes }) => bytes > maxBytes);
  if (tooLarge === undefined) return;
  throw new LorikeetError('out-of-memory', 'webgpu: a tensor is larger than a buffer may be', {
    path: tooLarge.path,
    expected: `at most ${maxBytes} bytes`,
    received: describe(tooLarge),
    hint: advice,
  });
}

const advice = 'checkpoint layers, or take a smaller batch';

function describe({ type, bytes, op, path }: SizedValue): string {
  const source = op === undefined ? 'given' : `by ${op}${path === undefined ? '' : ` at ${path}`}`;
  return `${formatType(type)} ${source} (${bytes} bytes)`;
}
