import { join } from 'node:path';
import { load } from '@lorikeet/model-zoo/node';
import { Context } from '@lorikeet/nn';
import {
  type AdapterUpdate,
  applyUpdate,
  combineUpdates,
  denseOf,
  updateOf,
} from '@lorikeet/peft-lora';
import { loadAdapter } from '@lorikeet/peft-lora/node';
import { LorikeetError, mul } from '@lorikeet/tensor-core';
import { basePathOf } from './basePath.ts';
import { outputsByName } from './forward.ts';
import type { GoldenCase } from './goldenCase.ts';
import type { ParityRow } from './row.ts';

/** Weighted combinations of adapters as PEFT computes them: factors, their product, outputs. */
export async function* checkWeighted(root: string, golden: GoldenCase): AsyncGenerator<ParityRow> {
  const { adapters = [], cases = [], delta_of_module: place = '' } = golden.meta;
  const base = await load(join(root, await basePathOf(root, golden)));
  const inputs = await golden.inputs();
  const field = golden.meta.logits_field ?? 'logits';
  const updates: AdapterUpdate[] = [];
  const checkLogits = async (update: AdapterUpdate, name: string): Promise<ParityRow> => {
    const outputs = outputsByName(applyUpdate(base, update).call(inputs, Context.evaluation));
    const logits = outputs.get(field);
    if (logits === undefined) return golden.miss(name, 'the model has no such output');
    return await golden.check(name, logits, inputs.attention_mask);
  };
  for (const name of adapters) {
    const update = updateOf(await loadAdapter(base, join(golden.dir, name), { name }), name);
    updates.push(update);
    yield await checkLogits(update, `adapter.${name}.logits`);
  }
  for (const meta of cases) {
    const combined = combineUpdates(
      updates.map((update, i) => [meta.weights[i] ?? 0, update]),
      {
        compat: 'peft',
        kind: meta.combination_type,
        ...(meta.svd_rank === undefined ? {} : { rank: meta.svd_rank }),
        ...(meta.density === undefined ? {} : { density: meta.density }),
        ...(meta.majority_sign_method === undefined
          ? {}
          : { majoritySign: meta.majority_sign_method }),
      },
    );
    const pair = combined.pairs[place];
    if (pair === undefined)
      throw new LorikeetError('missing-tensor', 'no adapter has the module', { path: place });
    yield await golden.check(`case.${meta.id}.delta`, denseOf(pair));
    // Of an svd kind only the product is unique, and stored.
    for (const [name, factor] of Object.entries({
      lora_A: mul(pair.right, pair.scale),
      lora_B: pair.left,
    }))
      if (golden.shapeOf(`case.${meta.id}.${name}`) !== undefined)
        yield await golden.check(`case.${meta.id}.${name}`, factor);
    yield await checkLogits(combined, `case.${meta.id}.logits`);
  }
  yield* golden.rest();
}
