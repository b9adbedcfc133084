import { readdirSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { initModel } from '@lorikeet/model-zoo';
import { paths } from '@lorikeet/nn';
import { randomKey } from '@lorikeet/tensor-core';
import { fuzz, refusedOr } from '../../../tensor-core/test/safetensors/fuzzing.ts';
import { type Dice, mutateText, pick } from '../../../tensor-core/test/safetensors/mutate.ts';

const corpus = ['../golden', '../fixtures/models'].flatMap((folder) => {
  const dir = fileURLToPath(new URL(folder, import.meta.url));
  return readdirSync(dir).map((name) => readFileSync(`${dir}/${name}/config.json`, 'utf8'));
});

/** A changed config is refused, or describes a model, of which nothing is computed yet. */
async function attack(dice: Dice): Promise<boolean> {
  let text = pick(dice, corpus);
  for (let count = 1 + dice(3); count > 0; count--) text = mutateText(text, dice);
  const config = parsed(text);
  if (config === undefined) return false;
  const model = await refusedOr(
    () => initModel(config, randomKey(0)),
    ['invalid-config', 'unsupported', 'invalid-argument'],
  );
  return model !== undefined && paths(model).length > 0;
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

fuzz('a changed config', { file: 'packages/model-zoo/test/fuzz/config.fuzz.test.ts', attack });
