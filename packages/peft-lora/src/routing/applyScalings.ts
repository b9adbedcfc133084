import {
  formatShape,
  gather,
  LorikeetError,
  sliceAxis,
  squeeze,
  type Tensor,
  tensor,
} from '@lorikeet/tensor-core';
import { requireAdapter } from '../compose.ts';
import { adapterNames } from '../layers.ts';
import { GivenRouter } from './givenRouter.ts';
import { routeAdapters } from './routeAdapters.ts';

export interface ScalingOptions {
  /** All adapters, in the order of the gates. Defaults to `adapterNames(tuned)`. */
  readonly names?: readonly string[];
}

/**
 * A model for one batch, whose adapters count by given gates: what X-LoRA's classifier says.
 *
 * @param scalings [B, T, places or 1, adapters]: places in the order of the model, adapters in that of `names`.
 * @returns a new model, as `routeAdapters` makes it.
 * @throws LorikeetError `no-match` for a name that is not there; `shape-mismatch` for gates of another number of adapters or places.
 */
export function applyScalings<T>(
  tuned: T,
  scalings: Tensor,
  { names = adapterNames(tuned) }: ScalingOptions = {},
): T {
  for (const name of names) requireAdapter(tuned, name);
  const [sets = 0, count = 0] = scalings.shape.slice(-2);
  let places = 0;
  const routed = routeAdapters(tuned, ({ index, layers }) => {
    places = Math.max(places, index + 1);
    requireSize(scalings, count, names.length, 'adapters');
    if (sets !== 1 && index >= sets) requireSize(scalings, sets, index + 1, 'places');
    const own = squeeze(sliceAxis(scalings, -2, sets === 1 ? 0 : index, 1), -2); // [B, T, adapters]
    const columns = layers.map(({ name }) => names.indexOf(name));
    return new GivenRouter(gather(own, tensor(columns, [columns.length], 'i32'), -1));
  });
  if (sets !== 1) requireSize(scalings, sets, places, 'places');
  return routed;
}

function requireSize(scalings: Tensor, got: number, expected: number, what: string): void {
  if (got === expected) return;
  throw new LorikeetError('shape-mismatch', `gates of another number of ${what}`, {
    expected: `${expected} ${what}`,
    received: formatShape(scalings.shape),
  });
}
