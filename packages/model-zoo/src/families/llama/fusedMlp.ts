import { activation, type Context, type Linear } from '@lorikeet/nn';
import { sliceAxis, type Tensor } from '@lorikeet/tensor-core';

/** A gated MLP of which one layer makes both the gate and what it gates, as in Phi-3. */
export class FusedMLP {
  readonly gate_up_proj: Linear;
  readonly down_proj: Linear;
  readonly activation: string;

  constructor(gateUp: Linear, down: Linear, activationName: string) {
    this.gate_up_proj = gateUp;
    this.down_proj = down;
    this.activation = activationName;
  }

  /** @param x [B, T, D]; the result too. */
  call(x: Tensor, context: Context): Tensor {
    const both = context.call('gate_up_proj', this.gate_up_proj, x); // [B, T, 2F]
    const inner = (both.shape[2] ?? 0) / 2;
    const gate = activation(this.activation)(sliceAxis(both, 2, 0, inner));
    const hidden = gate.mul(sliceAxis(both, 2, inner, inner)); // [B, T, F]
    return context.call('down_proj', this.down_proj, hidden);
  }
}
