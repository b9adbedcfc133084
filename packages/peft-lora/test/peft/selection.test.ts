import {
  AdaptedWeight,
  adapt,
  adapterLayers,
  decodeAdapter,
  lora,
  TrainedWeight,
  train,
} from '@lorikeet/peft-lora';
import { describe, expect, test } from 'vitest';
import { refusal, Small } from '../support.ts';
import { filesOf, withConfig } from './files.ts';

const model = new Small();
const queries = ['encoder.layer.0.query', 'encoder.layer.1.query'];
const [query0 = '', query1 = ''] = queries;

interface Expected {
  readonly adapted?: readonly string[];
  readonly saved?: readonly string[];
  readonly strict?: boolean;
}

/** Reads a file with the tensors of some modules by a config: succeeds if it selects just these. */
async function read(changes: object, { adapted = queries, saved = [], strict }: Expected = {}) {
  const spec = [
    ...adapted.map((path) => [path, lora({ rank: 2 })] as const),
    ...saved.map((path) => [path, train()] as const),
  ];
  const files = await filesOf(adapt(model, Object.fromEntries(spec)));
  const config = { task_type: null, modules_to_save: null, ...changes };
  const options = strict === undefined ? {} : { strict };
  const layers = adapterLayers(
    await decodeAdapter(model, await withConfig(files, config), options),
  );
  const modules = layers.flatMap(({ layer }) => {
    if (layer instanceof AdaptedWeight) return [layer.settings.path];
    return layer instanceof TrainedWeight ? [layer.path] : [];
  });
  expect(new Set(modules)).toEqual(new Set([...adapted, ...saved]));
}

describe('a list of targets', () => {
  test('names ends of paths, after a dot', async () => {
    await read({ target_modules: ['query'] });
    await read({ target_modules: ['layer.1.query', 'words'] }, { adapted: [query1, 'words'] });
    await read({ target_modules: ['0.query', 'uery'] }, { adapted: [query0], strict: false });
  });

  test('with a name that is not there is refused, with the nearest ones', async () => {
    const changes = { target_modules: ['query', 'vlaue'] };
    await expect(read(changes)).rejects.toThrow(
      refusal('no-match', '"vlaue" in target_modules matches no module'),
    );
    await expect(read(changes)).rejects.toThrow(refusal('no-match', 'encoder.layer.0.value'));
    await read(changes, { strict: false });
  });

  test('of which nothing is there is refused in any case', async () => {
    await expect(read({ target_modules: ['q'] }, { strict: false })).rejects.toThrow(
      refusal('no-match'),
    );
  });

  test('with a module that is no single weight is refused', async () => {
    await expect(read({ target_modules: ['query', 'norm'] })).rejects.toThrow(
      refusal('unsupported', 'encoder.layer.0.norm'),
    );
  });

  test('that is missing is refused', async () => {
    await expect(read({ target_modules: null })).rejects.toThrow(
      refusal('invalid-config', 'no target_modules'),
    );
  });
});

describe('a text as target', () => {
  test.each([
    '.*\\.query',
    'encoder\\.layer\\.\\d+\\.query',
    '(?P<block>.*layer)\\.[01]\\.query',
    '(?i)ENCODER.*QUERY',
    '\\Aencoder.+(query)\\Z',
    '(?:\\w+\\.)+query',
    '(?#which)(encoder)\\.layer\\..\\.query',
    'encoder.layer..{,1}.query',
  ])('is a regular expression of Python for the whole path: %s', async (target_modules) => {
    await read({ target_modules });
  });

  test('that fits a part of a path only matches nothing', async () => {
    await expect(read({ target_modules: 'layer.*' })).rejects.toThrow(refusal('no-match'));
  });

  test('all-linear takes all matrices but heads', async () => {
    const names = ['query', 'value', 'mlp', 'out'];
    const adapted = [0, 1].flatMap((i) => names.map((name) => `encoder.layer.${i}.${name}`));
    await read({ target_modules: 'all-linear' }, { adapted });
    await read(
      { target_modules: 'All-Linear', exclude_modules: ['out'] },
      {
        adapted: adapted.filter((path) => !path.endsWith('out')),
      },
    );
    // A head that the file has an adapter of is none.
    await read({ target_modules: 'all-linear' }, { adapted: [...adapted, 'classifier'] });
  });

  test.each(['(', '[a', '*', 'a**', '(?P<a', '(?<!a'])(
    'that is no regular expression is refused: %s',
    async (target_modules) => {
      await expect(read({ target_modules })).rejects.toThrow(
        refusal('invalid-config', 'faulty regular expression'),
      );
    },
  );

  test.each(['(.+)+x', '(a|aa)+x', '(.*a){9}x', '((\\w*)x?)*y', `${'.*'.repeat(40)}x`])(
    'that could run for ever is refused: %s',
    async (target_modules) => {
      await expect(read({ target_modules })).rejects.toThrow(
        refusal('unsupported', 'could take for ever'),
      );
    },
  );
});

describe('exclude_modules', () => {
  test('takes ends of paths or a regular expression', async () => {
    const target_modules = ['query'];
    await read({ target_modules, exclude_modules: ['0.query'] }, { adapted: [query1] });
    await read({ target_modules, exclude_modules: '.*1.query' }, { adapted: [query0] });
    await read({ target_modules, exclude_modules: ['uery'] });
  });
});

describe('layers_to_transform', () => {
  const target_modules = ['query', 'encoder.layer.0.value'];

  test.each([
    ['a number', { layers_to_transform: 1 }],
    ['a list', { layers_to_transform: [1, 5] }],
    ['the name of the list of layers', { layers_to_transform: [1], layers_pattern: 'layer' }],
    ['several names', { layers_to_transform: [1], layers_pattern: ['h', 'layer'] }],
  ])('by %s leaves full paths alone', async (_, changes) => {
    await read({ target_modules, ...changes }, { adapted: ['encoder.layer.0.value', query1] });
  });

  test('by none is all', async () => {
    await read({ target_modules: ['query'], layers_to_transform: [] });
  });

  test('by another name matches nothing', async () => {
    const changes = { layers_to_transform: [1], layers_pattern: 'h' };
    await expect(read({ target_modules: ['query'], ...changes })).rejects.toThrow(
      refusal('no-match'),
    );
  });

  test('beside a regular expression is refused, as in PEFT', async () => {
    await expect(read({ target_modules: '.*query', layers_to_transform: 1 })).rejects.toThrow(
      refusal('invalid-config', 'layers cannot be chosen'),
    );
    await expect(read({ target_modules: ['query'], layers_pattern: 'h' })).rejects.toThrow(
      refusal('invalid-config', 'layers_pattern needs layers_to_transform'),
    );
  });
});

describe('modules_to_save', () => {
  const target_modules = ['query'];

  test('come before targets', async () => {
    const changes = { target_modules, modules_to_save: ['layer.1', 'classifier'] };
    const saved = ['encoder.layer.1', 'classifier'];
    await read(changes, { adapted: [query0], saved });
  });

  test('that are not there are refused, but for those that PEFT adds by itself', async () => {
    const changes = { target_modules, modules_to_save: ['classifier', 'score'] };
    await read({ ...changes, task_type: 'SEQ_CLS' }, { saved: ['classifier'] });
    await expect(read(changes, { saved: ['classifier'] })).rejects.toThrow(
      refusal('no-match', '"score" in modules_to_save matches no module'),
    );
    await read(changes, { saved: ['classifier'], strict: false });
  });

  test('match by the end of the text, as in PEFT, where the file has them so', async () => {
    const changes = { target_modules, modules_to_save: ['ifier'] };
    await read(changes, { saved: ['classifier'] });
    await expect(read(changes)).rejects.toThrow(refusal('no-match'));
  });
});
