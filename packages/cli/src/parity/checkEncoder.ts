import type { Model, TokenInputs } from '@lorikeet/model-zoo';
import { partition, paths } from '@lorikeet/nn';
import {
  type AdaptSpec,
  adapt,
  adapterLayers,
  isTrainable,
  moduleAdapters,
  TrainedWeight,
  train,
} from '@lorikeet/peft-lora';
import { LorikeetError, mapTensors, type Tensor } from '@lorikeet/tensor-core';
import { forwardAndGradient } from './forward.ts';
import type { GoldenCase } from './goldenCase.ts';
import type { ParityRow } from './row.ts';

const within = /^adapters\.\d+\.parameters\.(encoder\..*)$/;

/**
 * Gradients of the encoder whose result an adapter's file holds, and the logits with it: on a new adapter of the same config
 * with the parameters of the case in the places of its own.
 */
export async function* checkEncoder<T extends Model>(
  golden: GoldenCase,
  base: T,
  tuned: T,
  inputs: TokenInputs,
): AsyncGenerator<ParityRow> {
  const [found] = moduleAdapters(tuned);
  const names = golden.names('encoder.');
  if (found === undefined || names.length === 0) return;
  const values = new Map<string, Tensor>(paths(tuned));
  const prefix = 'adapters.0.parameters.encoder.';
  for (const name of names) values.set(prefix + name, await golden.given(`encoder.${name}`));
  const saved = adapterLayers(tuned).flatMap(({ layer }) =>
    layer instanceof TrainedWeight ? [layer.path] : [],
  );
  const spec: AdaptSpec = {
    [found.path]: found.adapter.settings.method,
    ...Object.fromEntries(saved.map((path) => [path, train()])),
  };
  const filled = mapTensors(adapt(base, spec), (_, path) => {
    const name = path.join('.');
    const value = values.get(name);
    if (value !== undefined) return value;
    throw new LorikeetError('missing-tensor', 'the case lacks a parameter of the encoder', {
      path: name,
    });
  });
  const [live, frozen] = partition(filled, isTrainable);
  const { gradient, outputs } = forwardAndGradient(live, frozen, inputs);
  for (const [path, leaf] of paths(gradient)) {
    const name = within.exec(path)?.[1];
    if (name !== undefined)
      yield await golden.check(name.replace('encoder.', 'encoder_grad.'), leaf);
  }
  if (outputs.logits === undefined) return;
  const row = await golden.check('output.logits', outputs.logits, inputs.attention_mask);
  yield { ...row, tensor: 'output.logits of the encoder' };
}
