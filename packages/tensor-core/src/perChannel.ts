import { LorikeetError } from './errors.ts';
import { reshape } from './ops/movement/reshape.ts';
import { sum } from './ops/reduce/sum.ts';
import { formatShape } from './shape.ts';
import type { Tensor } from './tensor.ts';

/** `values` [C] as a tensor that broadcasts along the channels of `x` [B, C, ...]. Throws `shape-mismatch`, naming the op. */
export function perChannel(op: string, values: Tensor, x: Tensor): Tensor {
  const [, channels = 0] = x.shape;
  if (x.rank >= 2 && values.rank === 1 && values.shape[0] === channels)
    return reshape(values, [channels, ...x.shape.slice(2).map(() => 1)]);
  throw new LorikeetError(
    'shape-mismatch',
    `${op}: ${formatShape(values.shape)} does not fit the channels of ${formatShape(x.shape)}`,
    {
      expected: 'an input [B, C, ...] and one number for each channel, [C]',
      received: formatShape(values.shape),
    },
  );
}

/** The sum over all axes of `x` [B, C, ...] but the channels, [C]. */
export function sumToChannels(x: Tensor): Tensor {
  return sum(x, axesButChannels(x));
}

/** All axes of `x` [B, C, ...] but the channels. */
export function axesButChannels(x: Tensor): number[] {
  return x.shape.map((_, axis) => axis).filter((axis) => axis !== 1);
}
