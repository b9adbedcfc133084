import { type Context, contract, type Reparam, type Weight, type WeightUse } from '@lorikeet/nn';
import {
  add,
  cast,
  gather,
  LorikeetError,
  mul,
  sub,
  type Tensor,
  tensor,
} from '@lorikeet/tensor-core';
import type { AdaptedWeight } from '../adaptedWeight.ts';
import { route } from '../algebra/lowRank.ts';
import { partsOf } from '../batch/rowwiseParts.ts';
import type { Router } from './router.ts';

/**
 * A weight whose adapters count by gates that depend on the input: the base, plus each adapter's change times its gate.
 * It has no meaning without an input, and so no tensor that stands for it.
 */
export class RoutedWeight implements Reparam {
  readonly base: Weight;
  /** The adapters, each on the base itself. */
  readonly layers: readonly AdaptedWeight[];
  readonly router: Router;

  constructor(base: Weight, layers: readonly AdaptedWeight[], router: Router) {
    this.base = base;
    this.layers = layers;
    this.router = router;
  }

  materialize(): Tensor {
    throw new LorikeetError('unsupported', 'a weight whose adapters are routed is no one tensor', {
      hint: 'unroute gives the adapters back, to be saved or merged',
    });
  }

  contract(x: Tensor, use: WeightUse, context: Context): Tensor {
    const { base, layers } = this;
    const gates = cast(this.router.call(x, context.child('router')), x.dtype); // [..., n]
    const numbers = layers.map((_, i) => i);
    const { thin, whole } = partsOf(layers, numbers, context.isTraining);
    const plain = contract(x, base, use, context);
    const order = tensor(
      thin.map(({ number }) => number),
      [thin.length],
      'i32',
    );
    const pairs = thin.map(({ pair }) => pair);
    const started =
      pairs.length === 0 ? plain : add(plain, route(x, pairs, gather(gates, order, -1)));
    return whole.reduce((y, { number, layer }) => {
      const change = sub(contract(x, layer, use, context), plain); // [..., out]
      return add(y, mul(change, gather(gates, tensor([number], [1], 'i32'), -1)));
    }, started);
  }

  gather(): Tensor {
    throw new LorikeetError('unsupported', 'a table of rows has no input to route by', {
      hint: 'leave embeddings out of adapters that are routed',
    });
  }

  convolve(): Tensor {
    throw new LorikeetError('unsupported', 'the adapters of a convolution cannot be routed', {
      hint: 'leave convolutions out of adapters that are routed',
    });
  }
}
