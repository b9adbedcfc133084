import { isReparam, paths } from '@lorikeet/nn';
import {
  AdaptedWeight,
  adapt,
  adapterLayers,
  adapterNames,
  describe as describeAdapters,
  disable,
  lora,
  merge,
  type TargetOptions,
  TrainedWeight,
  train,
} from '@lorikeet/peft-lora';
import { Tensor } from '@lorikeet/tensor-core';
import { describe, expect, test } from 'vitest';
import { expectClose, ids, refusal, Small, trainablePaths } from './support.ts';

const model = new Small();

/** Paths of the weights with a layer on them, by its kind. */
function touched(tuned: unknown, kind: 'adapted' | 'trained' = 'adapted'): string[] {
  return adapterLayers(tuned)
    .filter(({ layer }) => (kind === 'adapted') === layer instanceof AdaptedWeight)
    .map(({ path }) => path);
}

function withTarget(target: TargetOptions, selector = '**.{query,value}'): Small {
  return adapt(model, { [selector]: lora({ rank: 2, ...target }) });
}

describe('selectors', () => {
  test('adapt what they find and nothing else', () => {
    expect(touched(adapt(model, { '**.query': lora() }))).toEqual([
      'encoder.layer.0.query.weight',
      'encoder.layer.1.query.weight',
    ]);
  });

  test('are tried in order: the first that fits a module decides', () => {
    const tuned = adapt(model, {
      'encoder.layer.1.*': lora({ rank: 3 }),
      '**.{query,words}': lora({ rank: 1 }),
    });
    const ranks = adapterLayers(tuned).flatMap(({ path, layer }) =>
      layer instanceof AdaptedWeight ? [[path, layer.parameters.A?.shape[0]]] : [],
    );
    expect(ranks).toEqual([
      ['words.weight', 1],
      ['encoder.layer.0.query.weight', 1],
      ['encoder.layer.1.query.weight', 3],
      ['encoder.layer.1.value.weight', 3],
      ['encoder.layer.1.mlp.weight', 3],
      ['encoder.layer.1.out.weight', 3],
    ]);
  });

  test('that match nothing are refused with the nearest paths', () => {
    const text = [
      "the selector '**.qurey' matches nothing",
      '  expected: at least one path of the tree',
      '  received: none of 12 paths',
      "  hint:     did you mean 'encoder.layer.0.query', 'encoder.layer.1.query', 'words'?",
    ].join('\n');
    expect(() => adapt(model, { '**.qurey': lora() })).toThrow(refusal('no-match', text));
  });

  test('that match what cannot be adapted are refused', () => {
    expect(() => adapt(model, { '**.norm': lora() })).toThrow(refusal('no-match'));
  });

  test('that layers leave nothing of are refused', () => {
    expect(() => withTarget({ layers: [7] })).toThrow(
      refusal('no-match', "the selector '**.{query,value}' matches nothing that 'layers'"),
    );
  });
});

describe('a variant that cannot do what is asked', () => {
  test('is refused for a kind of weight', () => {
    const method = lora();
    const linearOnly = { ...method, variant: { ...method.variant, kinds: ['linear'] as const } };
    expect(() => adapt(model, { words: linearOnly })).toThrow(
      refusal('unsupported', "lora cannot adapt a weight of kind 'embedding'\n  at:       words"),
    );
  });

  test('is refused for an option that the module has no place for', () => {
    expect(() => adapt(model, { plane: lora({ loraBias: true }) })).toThrow(
      refusal('unsupported', 'plane'),
    );
  });

  test('is refused with a config that is not valid, naming the fault', () => {
    expect(() => lora({ rank: 0 })).toThrow(refusal('invalid-config', 'rank'));
    expect(() => lora({ dropout: 1 })).toThrow(refusal('invalid-config', 'dropout'));
  });
});

describe('names', () => {
  test('are taken once', () => {
    const tuned = adapt(model, { '**.query': lora() });
    expect(() => adapt(tuned, { '**.value': lora() })).toThrow(
      refusal('invalid-argument', "the model has an adapter 'default' already"),
    );
    const both = adapt(tuned, { '**.{query,value}': lora() }, { name: 'other' });
    expect(adapterNames(both)).toEqual(['other', 'default']);
  });

  test.each(['', 'a.b', '../a', 'a/b', 'a b'])('must be fit for a folder: not %j', (name) => {
    expect(() => adapt(model, { '**.query': lora() }, { name })).toThrow(
      refusal('invalid-argument', 'no name for an adapter'),
    );
  });
});

describe('the options of a target', () => {
  test('bias none trains no bias', () => {
    expect(touched(withTarget({ bias: 'none' }), 'trained')).toEqual([]);
  });

  test('bias lora_only trains those of adapted modules', () => {
    expect(touched(withTarget({ bias: 'lora_only' }), 'trained')).toEqual([
      'encoder.layer.0.query.bias',
      'encoder.layer.0.value.bias',
      'encoder.layer.1.query.bias',
      'encoder.layer.1.value.bias',
    ]);
  });

  test('bias all trains every bias of the model, each once', () => {
    const biases = paths(model).flatMap(([path]) => (path.endsWith('.bias') ? [path] : []));
    for (const loraBias of [false, true]) {
      const tuned = adapt(model, { '**.query': lora({ bias: 'all', loraBias }) });
      const trained = adapterLayers(tuned).filter(({ layer }) => layer instanceof TrainedWeight);
      expect(trained.map(({ path }) => path).sort()).toEqual(biases.sort());
    }
  });

  test('layers leave the others out', () => {
    expect(touched(withTarget({ layers: [1] }))).toEqual([
      'encoder.layer.1.query.weight',
      'encoder.layer.1.value.weight',
    ]);
    expect(touched(withTarget({ layers: [1], layersPattern: 'encoder.layer' }))).toHaveLength(2);
    expect(() => withTarget({ layers: [1], layersPattern: 'decoder' })).toThrow(
      refusal('no-match'),
    );
  });

  test('exclude takes away whole names at the end of a path', () => {
    expect(touched(withTarget({ exclude: ['0.query', 'alue'] }))).toEqual([
      'encoder.layer.0.value.weight',
      'encoder.layer.1.query.weight',
      'encoder.layer.1.value.weight',
    ]);
  });

  test('patterns give ranks and scales by the first that fits the end of a path', () => {
    const tuned = adapt(model, {
      '**.{query,value}': lora({
        rank: 4,
        rankPattern: { 'layer\\.1\\.query': 3, query: 2, uery: 1 },
        alphaPattern: { '.*\\.1\\..*': 5 },
      }),
    });
    const configs = adapterLayers(tuned).flatMap(({ layer }) =>
      layer instanceof AdaptedWeight ? [layer.settings.config] : [],
    );
    expect(configs).toMatchObject([
      { rank: 2, alpha: 8 },
      { rank: 4, alpha: 8 },
      { rank: 3, alpha: 5 },
      { rank: 4, alpha: 5 },
    ]);
  });
});

describe('train()', () => {
  test('trains whole modules beside their first values', async () => {
    const tuned = adapt(model, { '**.query': lora({ rank: 1 }), classifier: train() });
    expect(touched(tuned, 'trained')).toEqual(['classifier.weight', 'classifier.bias']);
    expect(trainablePaths(tuned)).toContain('classifier.weight.value');
    await expectClose(tuned.call(ids), model.call(ids), 0);
  });

  test('leaves what another method has, and takes the rest', () => {
    const tuned = adapt(model, { 'encoder.layer.0.query': lora({ rank: 1 }), encoder: train() });
    const all = paths(model).flatMap(([path]) => (path.startsWith('encoder.') ? [path] : []));
    expect(touched(tuned)).toEqual(['encoder.layer.0.query.weight']);
    expect(touched(tuned, 'trained')).toEqual(all.filter((path) => !path.includes('0.query')));
  });
});

describe('the base', () => {
  const tuned = adapt(model, {
    '**.{query,mlp}': lora({ loraBias: true, bias: 'lora_only' }),
    words: lora(),
    classifier: train(),
  });

  test('keeps its very tensors, under their paths', () => {
    const given = new Map(paths(model));
    const frozen = paths(tuned)
      .filter(([path]) => !trainablePaths(tuned).includes(path))
      .map(([path, leaf]) => [path.replaceAll('.base', ''), leaf] as const);
    expect(frozen.map(([path]) => path).sort()).toEqual([...given.keys()].sort());
    for (const [path, leaf] of frozen) expect(leaf).toBe(given.get(path));
  });

  test('comes back whole when the adapter is disabled', () => {
    const back = paths(disable(tuned));
    expect(back.map(([path]) => path)).toEqual(paths(model).map(([path]) => path));
    for (const [i, [, leaf]] of paths(model).entries()) expect(back[i]?.[1]).toBe(leaf);
  });

  test('shares the parts that have no adapter, module by module', () => {
    expect(tuned.line).toBe(model.line);
    expect(tuned.encoder.layer[0]?.value).toBe(model.encoder.layer[0]?.value);
    expect(merge(tuned).line).toBe(model.line);
  });

  test('is left alone by merging, which gives plain tensors', () => {
    const plain = paths(merge(tuned));
    expect(plain.map(([path]) => path)).toEqual(paths(model).map(([path]) => path));
    expect(plain.every(([, leaf]) => leaf instanceof Tensor && !isReparam(leaf))).toBe(true);
  });
});

test('describe counts what trains, what there is and bytes', () => {
  const tuned = adapt(model, { '**.query': lora({ rank: 2 }), classifier: train() });
  const { rows, trainable, total, ...description } = describeAdapters(tuned);
  const base = paths(model).reduce((sum, [, { size }]) => sum + size, 0);
  expect(rows).toHaveLength(4);
  expect(rows[0]).toEqual({
    path: 'encoder.layer.0.query.weight',
    adapter: 'default',
    method: 'lora',
    shape: [6, 6],
    parameters: 2 * (6 + 6),
    bytes: 4 * 2 * (6 + 6),
  });
  expect(trainable).toBe(2 * 24 + 4 * 3 + 3);
  expect(total).toBe(base + 2 * 24);
  expect(description.toString()).toContain(`${trainable} of ${total} parameters train`);
});
