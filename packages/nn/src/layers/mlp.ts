import { foldIn, type Tensor } from '@lorikeet/tensor-core';
import { activation } from '../activation.ts';
import type { Context } from '../context.ts';
import { Linear } from './linear.ts';

export interface MlpOptions {
  readonly inFeatures: number;
  readonly hiddenFeatures: number;
  readonly outFeatures: number;
  /** A Hugging Face name such as `gelu`. */
  readonly activation: string;
}

/** Two linear layers with an activation between them. */
export class MLP {
  readonly up: Linear;
  readonly down: Linear;
  readonly activation: string;

  constructor(up: Linear, down: Linear, activationName: string) {
    this.up = up;
    this.down = down;
    this.activation = activationName;
  }

  static init(options: MlpOptions, key: Tensor): MLP {
    const { inFeatures, hiddenFeatures, outFeatures } = options;
    return new MLP(
      Linear.init({ inFeatures, outFeatures: hiddenFeatures }, foldIn(key, 'up')),
      Linear.init({ inFeatures: hiddenFeatures, outFeatures }, foldIn(key, 'down')),
      options.activation,
    );
  }

  /** @param x [..., in]; the result is [..., out] */
  call(x: Tensor, context: Context): Tensor {
    const hidden = activation(this.activation)(context.call('up', this.up, x));
    return context.call('down', this.down, hidden);
  }
}
