import { join } from 'node:path';
import { load } from '@lorikeet/model-zoo/node';
import { Context } from '@lorikeet/nn';
import { mixBatch } from '@lorikeet/peft-lora';
import { loadAdapter } from '@lorikeet/peft-lora/node';
import { basePathOf } from './basePath.ts';
import { checkOutputs } from './forward.ts';
import type { GoldenCase } from './goldenCase.ts';
import type { ParityRow } from './row.ts';

/** Outputs of one batch whose rows use different adapters, or none. */
export async function* checkMixedBatch(
  root: string,
  golden: GoldenCase,
): AsyncGenerator<ParityRow> {
  const { adapters = [], adapter_names: names = [] } = golden.meta;
  let tuned = await load(join(root, await basePathOf(root, golden)));
  for (const name of adapters) tuned = await loadAdapter(tuned, join(golden.dir, name), { name });
  const inputs = await golden.inputs();
  const mixed = mixBatch(
    tuned,
    names.map((name) => (name === '__base__' ? null : name)),
  );
  const outputs = mixed.call(inputs, Context.evaluation);
  yield* checkOutputs(golden, outputs, inputs, golden.meta.logits_field);
  yield* golden.rest();
}
