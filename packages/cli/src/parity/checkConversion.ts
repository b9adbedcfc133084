import { join } from 'node:path';
import { load } from '@lorikeet/model-zoo/node';
import { at, Context, materialize, type Weight } from '@lorikeet/nn';
import { convertToLora, denseOf, updateOf } from '@lorikeet/peft-lora';
import { loadAdapter } from '@lorikeet/peft-lora/node';
import { basePathOf } from './basePath.ts';
import { compare } from './compare.ts';
import { outputsByName } from './forward.ts';
import type { GoldenCase } from './goldenCase.ts';
import { residualModel } from './residualModel.ts';
import type { ParityRow } from './row.ts';

/** Adapters that took a part out of the weight, and what they are as plain LoRA: ours, and PEFT's. */
export async function* checkConversion(
  root: string,
  golden: GoldenCase,
): AsyncGenerator<ParityRow> {
  const base = await load(join(root, await basePathOf(root, golden)));
  const inputs = await golden.inputs();
  const field = golden.meta.logits_field ?? 'logits';
  const trained = await loadAdapter(base, join(golden.dir, 'trained'));
  const ours = convertToLora(trained);
  const theirs = await loadAdapter(base, join(golden.dir, 'converted'));
  for (const [form, model] of Object.entries({ trained, converted: ours, theirs })) {
    const logits = outputsByName(model.call(inputs, Context.evaluation)).get(field);
    if (logits === undefined) continue;
    const row = await golden.check('output.logits', logits, inputs.attention_mask);
    yield { ...row, tensor: `${form} output.logits` };
  }

  const expected = updateOf(theirs).pairs;
  for (const [place, pair] of Object.entries(updateOf(ours).pairs)) {
    const other = expected[place];
    const name = `delta ${place}`;
    if (other === undefined) yield golden.miss(name, 'PEFT did not convert this module');
    else {
      const [got, want] = [await denseOf(pair).data(), await denseOf(other).data()];
      yield {
        ...golden.miss(name, ''),
        reason: null,
        ...compare(got, want, golden.meta.tolerance),
      };
    }
  }
  const residual = residualModel(trained);
  for (const name of golden.names('residual.'))
    yield await golden.check(`residual.${name}`, materialize(at(residual, name) as Weight));
  yield* golden.rest();
}
