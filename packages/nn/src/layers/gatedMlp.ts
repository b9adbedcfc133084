import { foldIn, type Tensor } from '@lorikeet/tensor-core';
import { activation } from '../activation.ts';
import type { Context } from '../context.ts';
import { Linear, type LinearOptions } from './linear.ts';

export interface GatedMlpOptions {
  readonly features: number;
  readonly hiddenFeatures: number;
  /** A Hugging Face name such as `silu`. */
  readonly activation: string;
  /** Defaults to false. */
  readonly bias?: boolean;
}

/** `down(activation(gate(x)) * up(x))`, named as in Llama: SwiGLU with `silu`, GEGLU with `gelu`. Shazeer 2020. */
export class GatedMLP {
  readonly gate_proj: Linear;
  readonly up_proj: Linear;
  readonly down_proj: Linear;
  readonly activation: string;

  constructor(
    parts: { readonly gate_proj: Linear; readonly up_proj: Linear; readonly down_proj: Linear },
    activationName: string,
  ) {
    this.gate_proj = parts.gate_proj;
    this.up_proj = parts.up_proj;
    this.down_proj = parts.down_proj;
    this.activation = activationName;
  }

  static init(options: GatedMlpOptions, key: Tensor): GatedMLP {
    const { features, hiddenFeatures, bias = false } = options;
    const part = (name: string, sizes: Omit<LinearOptions, 'bias'>): Linear =>
      Linear.init({ ...sizes, bias }, foldIn(key, name));
    const wider = { inFeatures: features, outFeatures: hiddenFeatures };
    const narrower = { inFeatures: hiddenFeatures, outFeatures: features };
    return new GatedMLP(
      {
        gate_proj: part('gate_proj', wider),
        up_proj: part('up_proj', wider),
        down_proj: part('down_proj', narrower),
      },
      options.activation,
    );
  }

  /** @param x [..., D]; the result too. */
  call(x: Tensor, context: Context): Tensor {
    const gate = activation(this.activation)(context.call('gate_proj', this.gate_proj, x)); // [..., F]
    const hidden = gate.mul(context.call('up_proj', this.up_proj, x)); // [..., F]
    return context.call('down_proj', this.down_proj, hidden);
  }
}
