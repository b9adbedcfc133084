import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describeLaws, modelLaws, noise } from '@lorikeet/laws';
import { families, initModel, type Model } from '@lorikeet/model-zoo';
import { load, save } from '@lorikeet/model-zoo/node';
import { mapTree, type TakesVectors, takesVectors } from '@lorikeet/nn';
import { evaluate, randomKey, tensor } from '@lorikeet/tensor-core';
import { describe, expect, test } from 'vitest';
import { tinyConfig } from './tinyConfig.ts';

// Every class of every family, as the folders give them: a new one is held to the laws without a line here.

const classes = families.flatMap((family) =>
  Object.entries(family.architectures).map(([name, architecture]) => ({
    name,
    family,
    architecture,
  })),
);

/** Whether tokens of the family see those before them only: then it tells the next one. */
const causal = new Map(
  families.map((family) => [
    family.modelType,
    Object.keys(family.architectures).some((name) => /ForCausalLM$|LMHeadModel$/.test(name)),
  ]),
);

/**
 * Turns of rotary positions are f32, as in transformers, and ONNX Runtime rounds the sine of some elements of a tensor
 * otherwise than that of the same number elsewhere.
 */
function toleranceOf(model: Model): number {
  const turns = Object.keys(model.config).some((field) => /rope|rotary/.test(field));
  return turns && process.env.LORIKEET_BACKEND ? 1e-6 : 1e-9;
}

async function make(modelType: string, name: string): Promise<Model & TakesVectors> {
  const config = { ...tinyConfig, model_type: modelType, architectures: [name] };
  let seed = 0;
  // Biases and norms are not 0 and 1, so that none is hidden.
  const model = await evaluate(
    mapTree(initModel(config, randomKey(1)), (leaf) =>
      leaf.add(tensor(noise(seed++, leaf.size), leaf.shape).mul(0.2)),
    ),
  );
  if (!takesVectors(model)) throw new Error(`${name} takes no vectors`);
  return model;
}

async function reload<M extends Model>(model: M): Promise<M> {
  const dir = await mkdtemp(join(tmpdir(), 'lorikeet-laws-'));
  try {
    await save(model, dir);
    return (await load(dir)) as M;
  } finally {
    await rm(dir, { recursive: true, force: true });
  }
}

for (const { name, family, architecture } of classes) {
  const { modelType } = family;
  const model = await make(modelType, name);
  const { hasDecoder = false } = model.inputSite;
  // A decoder that tells something of a text reads the text itself.
  const echoes = hasDecoder && name.endsWith('ForSequenceClassification');
  const laws = modelLaws({
    make: () => model,
    vocabulary: tinyConfig.vocab_size,
    padding: tinyConfig.pad_token_id,
    end: tinyConfig.eos_token_id,
    chooses: name.endsWith('ForMultipleChoice'),
    echoes,
    isCausal: hasDecoder ? !echoes : causal.get(modelType) === true,
    isFrozen: (path) => architecture.frozen?.test(path) === true,
    tolerance: toleranceOf(model),
    reload,
  });
  describeLaws(name, laws, { describe, test });
}

test('there are laws for every family', () => {
  expect(new Set(classes.map(({ family }) => family.modelType)).size).toBe(families.length);
  expect(classes.length).toBeGreaterThan(80);
});
