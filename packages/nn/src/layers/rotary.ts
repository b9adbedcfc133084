import {
  add,
  cast,
  concat,
  cos,
  div,
  exp,
  greater,
  LorikeetError,
  log,
  max,
  maximum,
  mul,
  reshape,
  sin,
  sliceAxis,
  stack,
  sub,
  type Tensor,
  tensor,
  where,
} from '@lorikeet/tensor-core';
import type { RotaryFrequencies } from './rotaryFrequencies.ts';

/** Cosine and sine of every angle: [T, K / 2], or [B, 1, T, K / 2]. Made once for all layers of a model. */
export interface Rotation {
  readonly cos: Tensor;
  readonly sin: Tensor;
}

/**
 * Which numbers of a head turn together: i and i + K / 2 (`half`, as Llama in transformers), or 2i and 2i + 1
 * (`interleaved`, as the paper and GPT-J).
 */
export type RotaryPairs = 'half' | 'interleaved';

/**
 * The turn of each position.
 *
 * @param positions integers [T], or [B, T] where they differ by row.
 */
export function rotation(positions: Tensor, frequencies: RotaryFrequencies): Rotation {
  const { magnitude } = frequencies;
  const shape = positions.rank === 1 ? positions.shape : [positions.shape[0] ?? 0, 1, -1];
  const angles = mul(
    reshape(cast(positions, 'f32'), [...shape, 1]),
    speeds(positions, frequencies),
  );
  return { cos: mul(cos(angles), magnitude), sin: mul(sin(angles), magnitude) };
}

/** Of each pair, in radians a position, [K / 2]: for texts as long as the longest of the batch, as in transformers. */
function speeds(positions: Tensor, { inverse, stretch }: RotaryFrequencies): Tensor {
  const usual = tensor(inverse);
  if (stretch === undefined) return usual;
  const length = add(max(cast(positions, 'f32')), 1);
  if (stretch.kind === 'other')
    return where(greater(length, stretch.length), tensor(stretch.inverse), usual);
  const { factor, length: first } = stretch;
  const grown = sub(mul(div(maximum(length, first), first), factor), factor - 1);
  const pairs = inverse.length;
  // Powers of the base: 0 of the first pair, which turns as ever.
  const powers = inverse.map((_, i) => (pairs === 1 ? 0 : -i / (pairs - 1)));
  return mul(usual, exp(mul(log(grown), tensor(powers))));
}

/**
 * Turns queries or keys by their positions, so that products depend on distances only. Su et al. 2021. If there
 * are fewer angles than pairs, the last numbers of a head stay.
 *
 * @param x [B, H, T, K]; the result too.
 * @throws LorikeetError `shape-mismatch` if there are more angles than pairs.
 */
export function applyRotary(x: Tensor, turn: Rotation, pairs: RotaryPairs = 'half'): Tensor {
  const size = x.shape.at(-1) ?? 0;
  const count = turn.cos.shape.at(-1) ?? 0;
  if (2 * count > size) {
    throw new LorikeetError('shape-mismatch', `applyRotary: ${count} angles for ${x}`, {
      expected: `at most ${Math.floor(size / 2)} angles`,
      received: String(count),
    });
  }
  if (2 * count === size) return turned(x, turn, pairs);
  const rest = sliceAxis(x, -1, 2 * count, size - 2 * count);
  return concat([turned(sliceAxis(x, -1, 0, 2 * count), turn, pairs), rest], -1);
}

function turned(x: Tensor, turn: Rotation, pairs: RotaryPairs): Tensor {
  const count = (x.shape.at(-1) ?? 0) / 2;
  const outer = x.shape.slice(0, -1);
  const [c, s] = [cast(turn.cos, x.dtype), cast(turn.sin, x.dtype)];
  // The two numbers of a pair stand side by side along `axis` of [..., 2, K / 2] or [..., K / 2, 2].
  const axis = pairs === 'half' ? -2 : -1;
  const split = reshape(x, pairs === 'half' ? [...outer, 2, count] : [...outer, count, 2]);
  const [a, b] = [0, 1].map((i) => reshape(sliceAxis(split, axis, i, 1), [...outer, count])) as [
    Tensor,
    Tensor,
  ];
  const both = [sub(mul(a, c), mul(b, s)), add(mul(b, c), mul(a, s))];
  return reshape(stack(both, axis), x.shape);
}
