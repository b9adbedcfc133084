import { type Context, Linear, paths } from '@lorikeet/nn';
import {
  add,
  foldIn,
  gelu,
  LorikeetError,
  mul,
  sigmoid,
  sub,
  Tensor,
  zeros,
} from '@lorikeet/tensor-core';
import type { Tensors } from '../variant.ts';

/** Two layers, under the numbers that PyTorch's sequences give them. */
interface UpdateNet {
  readonly 0: Linear;
  readonly 2: Linear;
}

/** What goes with one block, under PEFT's names. */
export interface ShadowBlock {
  /** [R, D] */
  readonly shadow_down: Linear;
  /** [D, R] */
  readonly shadow_up: Linear;
  /** What the shadow may become; the last block has none, since nothing reads it. */
  readonly shadow_update_transform?: UpdateNet;
  /** How much of it becomes so. */
  readonly shadow_update_gate?: UpdateNet;
}

export interface ShadowBlockSizes {
  readonly rank: number;
  readonly width: number;
  /** Of the layers between. */
  readonly hidden: number;
  readonly initWeights: boolean;
}

export function shadowBlock(
  { rank, width, hidden, initWeights }: ShadowBlockSizes,
  key: Tensor,
): ShadowBlock {
  const line = (name: string, inFeatures: number, outFeatures: number, bias: boolean): Linear =>
    Linear.init({ inFeatures, outFeatures, bias }, foldIn(key, name));
  const net = (name: string): UpdateNet => ({
    0: line(`${name} 0`, width, hidden, true),
    2: line(`${name} 2`, hidden, width, true),
  });
  return {
    shadow_down: line('down', width, rank, false),
    shadow_up: initWeights
      ? new Linear(zeros([width, rank]), null)
      : line('up', rank, width, false),
    shadow_update_transform: net('transform'),
    shadow_update_gate: net('gate'),
  };
}

/** The states that a block is given, moved by how they differ from the shadow. [B, T, D] */
export function injected(
  states: Tensor,
  shadow: Tensor,
  { shadow_down: down, shadow_up: up }: ShadowBlock,
  options: { readonly alpha: number; readonly dropout: number },
  context: Context,
): Tensor {
  const difference = context.dropout(sub(states, shadow), options.dropout);
  const low = down.call(difference, context);
  return add(states, mul(up.call(low, context), options.alpha));
}

/** The shadow behind a block, which gave `states`. [B, T, D] */
export function updated(
  states: Tensor,
  shadow: Tensor,
  block: ShadowBlock,
  context: Context,
): Tensor {
  const { shadow_update_transform: transform, shadow_update_gate: gate } = block;
  if (transform === undefined || gate === undefined) return shadow;
  const share = sigmoid(through(gate, states, context));
  return add(mul(sub(1, share), shadow), mul(share, through(transform, states, context)));
}

function through(net: UpdateNet, states: Tensor, context: Context): Tensor {
  return net[2].call(gelu(net[0].call(states, context)), context);
}

/** What the update behind a block is made of, by paths in the block. */
export function updateTensors(update: Omit<ShadowBlock, 'shadow_down' | 'shadow_up'>): Tensors {
  return Object.fromEntries(paths(update));
}

/** The states among what a block gave. */
export function statesOf(output: unknown): Tensor {
  const states: unknown = Array.isArray(output) ? output[0] : output;
  if (states instanceof Tensor) return states;
  throw new LorikeetError('unsupported', 'shadow: a block gives no states of tokens');
}
