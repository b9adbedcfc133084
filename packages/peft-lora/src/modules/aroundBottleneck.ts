import { activation, type Context } from '@lorikeet/nn';
import { add, LorikeetError, mul, Tensor } from '@lorikeet/tensor-core';
import type { ModuleCallArguments } from './moduleVariant.ts';
import { widthsOf } from './widths.ts';

/** What all adapters through a narrow middle have. */
export interface BottleneckConfig {
  /** Width R of the middle. */
  readonly size: number;
  /** Between the two layers, by its name in Hugging Face's configs. */
  readonly activation: string;
  /** Whether it takes what the module takes, beside it; else what the module gives, after it. */
  readonly parallel: boolean;
  /** What its result is multiplied with. */
  readonly scaling: number;
  /** Probability with which an element of its input is dropped in training. */
  readonly dropout: number;
}

/** Widths of the adapter's input and output. */
export function bottleneckWidths(
  module: object,
  { parallel }: BottleneckConfig,
): { readonly inputs: number; readonly outputs: number } {
  const widths = widthsOf(module);
  if (widths === undefined)
    throw new LorikeetError('internal', 'the module does not tell its widths');
  return { inputs: parallel ? widths.inputs : widths.outputs, outputs: widths.outputs };
}

/** The module with an adapter after it or beside it. */
export function aroundBottleneck(
  {
    inputs,
    config,
    base,
    context,
  }: Pick<ModuleCallArguments<BottleneckConfig, unknown>, 'inputs' | 'config' | 'base' | 'context'>,
  down: (x: Tensor, context: Context) => Tensor,
  up: (x: Tensor, context: Context) => Tensor,
): Tensor {
  const output = tensorOf(base(...inputs));
  const x = context.dropout(config.parallel ? tensorOf(inputs[0]) : output, config.dropout);
  const middle = activation(config.activation)(down(x, context.child('down'))); // [..., R]
  return add(output, mul(up(middle, context.child('up')), config.scaling));
}

function tensorOf(value: unknown): Tensor {
  if (value instanceof Tensor) return value;
  throw new LorikeetError('unsupported', 'a bottleneck is put around a module of one tensor');
}
