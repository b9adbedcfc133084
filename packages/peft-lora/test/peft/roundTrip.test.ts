import { Conv1D, Convolution, Embedding, Linear, paths } from '@lorikeet/nn';
import {
  type AdaptSpec,
  adapt,
  decodeAdapter,
  encodeAdapter,
  lora,
  merge,
  train,
} from '@lorikeet/peft-lora';
import { isLorikeetError, ones } from '@lorikeet/tensor-core';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { numbers, trainedForm } from '../support.ts';
import { filesOf, withConfig } from './files.ts';

const side = fc.integer({ min: 1, max: 4 });
const leaf = fc
  .tuple(fc.constantFrom('linear', 'conv1d', 'embedding', 'conv'), side, side)
  .map(([kind, a, b]) =>
    kind === 'linear'
      ? new Linear(ones([a, b]), ones([a]))
      : kind === 'conv1d'
        ? new Conv1D(ones([a, b]), ones([b]))
        : kind === 'embedding'
          ? new Embedding(ones([a, b]))
          : new Convolution(ones([a, b, 2]), ones([a])),
  );
/** Names that are ends and parts of each other, and numbers. */
const name = fc.constantFrom('a', 'ba', 'a_b', 'layer', '0', '1', '10', 'bias_a', 'weights');
const { tree } = fc.letrec<{ tree: object; node: object }>((tie) => ({
  node: fc.oneof({ maxDepth: 3, depthSize: 'small' }, leaf, tie('tree')),
  tree: fc.dictionary(name, tie('node'), { minKeys: 1, maxKeys: 3, noNullPrototype: true }),
}));

const number = fc.double({ min: 0.01, max: 50, noNaN: true });
const options = fc.record({
  rank: side,
  alpha: number,
  dropout: fc.constantFrom(0, 0.1),
  useRslora: fc.boolean(),
  bias: fc.constantFrom('none' as const, 'lora_only' as const, 'all' as const),
  rankPattern: fc.dictionary(fc.constantFrom('a', 'ba', '.*0\\..*', '(layer|1)'), side),
});

/** Paths of the modules with a weight. */
function modulesOf(model: object): string[] {
  return paths(model).flatMap(([path]) =>
    path.endsWith('.weight') ? [path.slice(0, -'.weight'.length)] : [],
  );
}

async function fingerprint(tuned: object): Promise<unknown> {
  const { config, tensors } = encodeAdapter(tuned);
  const values = await Promise.all(
    [...tensors].map(async ([key, value]) => [key, value.shape, await numbers(value)]),
  );
  const merged = paths(merge(tuned)).map(async ([path, value]) => [path, await numbers(value)]);
  return [config, values, await Promise.all(merged)];
}

test('an adapter that was written and read is the same, bit by bit', async () => {
  await fc.assert(
    fc.asyncProperty(
      tree.filter((model) => modulesOf(model).length > 0),
      fc.array(fc.tuple(fc.nat(), options), { minLength: 1, maxLength: 2 }),
      fc.array(fc.nat(), { maxLength: 2 }),
      async (model, choices, trained) => {
        const modules = modulesOf(model);
        const pick = (i: number): string => modules[i % modules.length] ?? '';
        const spec: Record<string, AdaptSpec[string]> = {};
        for (const [i, { rank, alpha }] of choices)
          spec[pick(i)] ??= lora({ ...choices[0]?.[1], rank, alpha });
        for (const i of trained) spec[pick(i)] ??= train();
        const tuned = await trainedForm(adapt(model, spec));
        const files = await filesOf(tuned).catch((error: unknown) => {
          // A name of `modules_to_save` can mean two modules, and PEFT has no other way to name one.
          if (isLorikeetError(error, 'unsupported') && trained.length > 0) return undefined;
          throw error;
        });
        if (files === undefined) return;
        const loaded = await decodeAdapter(model, await withConfig(files));
        expect(await fingerprint(loaded)).toEqual(await fingerprint(tuned));
      },
    ),
    { numRuns: 150 },
  );
  // On WebGPU nearly each case compiles kernels of its own.
}, 300_000);

test('a parameter that trains as a bias is not taken for a part of a module that trains', async () => {
  const linear = (): Linear => new Linear(ones([1, 1]), ones([1]));
  // PEFT's `modules_to_save: ["0"]` fits the end of `10`, all of which is there, since its paths say `bias`.
  const model = { 0: linear(), a: { 1: linear(), 10: { bias_a: linear() } } };
  const tuned = await trainedForm(
    adapt(model, { 'a.1': lora({ rank: 1, bias: 'all' }), 0: train() }),
  );
  const loaded = await decodeAdapter(model, await withConfig(await filesOf(tuned)));
  expect(await fingerprint(loaded)).toEqual(await fingerprint(tuned));
});
