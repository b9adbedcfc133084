import { LayerNorm, Linear } from '@lorikeet/nn';
import { type Tensor, tensor } from '@lorikeet/tensor-core';

/** A module of modules. */
export class Block {
  readonly dense: Linear;
  readonly norm: LayerNorm;
  readonly name: string;

  constructor(dense: Linear, norm: LayerNorm, name: string) {
    this.dense = dense;
    this.norm = norm;
    this.name = name;
  }

  call(x: Tensor): Tensor {
    return this.norm.call(x);
  }
}

export const w0: Tensor = tensor([[1, 2]]);
export const b0: Tensor = tensor([3]);
export const w1: Tensor = tensor([[4, 5]]);
export const g: Tensor = tensor([6]);
export const s: Tensor = tensor([7]);
export const first: Block = new Block(new Linear(w0, b0), new LayerNorm(g, s, 1e-5), 'first');
export const second: Block = new Block(new Linear(w1, null), new LayerNorm(g, s, 1e-5), 'second');
export const model: {
  readonly layers: readonly [Block, Block];
  readonly width: number;
  readonly extra: null;
} = { layers: [first, second], width: 2, extra: null };

export const allPaths: readonly string[] = [
  'layers.0.dense.weight',
  'layers.0.dense.bias',
  'layers.0.norm.weight',
  'layers.0.norm.bias',
  'layers.1.dense.weight',
  'layers.1.norm.weight',
  'layers.1.norm.bias',
];
