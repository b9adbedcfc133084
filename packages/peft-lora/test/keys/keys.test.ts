import { Convolution, Linear } from '@lorikeet/nn';
import {
  adapt,
  decodeAdapter,
  dora,
  encodeAdapter,
  type KeyedParts,
  loha,
  lokr,
  lora,
  type Method,
  merge,
  readDiffusersKeys,
  readKohyaKeys,
  readPeftKeys,
  train,
  writeDiffusersKeys,
  writeKohyaKeys,
  writePeftKeys,
} from '@lorikeet/peft-lora';
import { ones, type Tensor, tensor, zeros } from '@lorikeet/tensor-core';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { expectClose, fileOf, numbers, refusal, Small, trainedForm } from '../support.ts';

const numRuns = Number(process.env.LORIKEET_RUNS ?? 15);

/** Paths with both dots and underscores, as those of a U-Net. */
function unet(): Record<string, unknown> {
  const attention = { to_q: linear(6, 8), to_out: [linear(8, 6)] };
  return {
    down_blocks: [{ attentions: [{ transformer_blocks: [{ attn1: attention }] }] }],
    conv_in: new Convolution(ones([4, 3, 3, 3]), null),
    time_emb_proj: linear(12, 8),
  };
}
const linear = (out: number, inputs: number): Linear =>
  new Linear(ones([out, inputs]), ones([out]));
const attention = 'down_blocks.0.attentions.0.transformer_blocks.0.attn1';
const paths = [`${attention}.to_q`, `${attention}.to_out.0`, 'conv_in', 'time_emb_proj'];

interface Encoded {
  readonly config: unknown;
  readonly tensors: ReadonlyMap<string, Tensor>;
}

const encoded = async (method: Method, targets = '**'): Promise<Encoded> =>
  encodeAdapter(await trainedForm(adapt(unet(), { [targets]: method })));

/** What an adapter adds to each weight of the model. */
async function changes({ config, tensors }: Encoded): Promise<Map<string, Tensor>> {
  const entries = await Promise.all(
    [...tensors].map(async ([name, value]) => {
      const data = Float32Array.from(await numbers(value));
      return [name, { dtype: 'F32' as const, shape: value.shape, data }] as const;
    }),
  );
  const json: unknown = JSON.parse(JSON.stringify(config));
  const tuned = await decodeAdapter(unet(), { config: json, tensors: await fileOf(entries) });
  const merged: unknown = merge(tuned);
  return new Map(paths.map((path) => [path, weightAt(merged, path)]));
}

async function expectSame(got: Encoded, expected: Encoded, share = 1e-6): Promise<void> {
  const [one, other] = [await changes(got), await changes(expected)];
  for (const [path, value] of other) await expectClose(one.get(path) ?? zeros([]), value, share);
}

async function expectSameBits(got: Encoded, expected: Encoded): Promise<void> {
  expect([...got.tensors.keys()].sort()).toEqual([...expected.tensors.keys()].sort());
  for (const [key, value] of expected.tensors) {
    const other = got.tensors.get(key) ?? zeros([]);
    expect([key, other.shape]).toEqual([key, value.shape]);
    expect(await numbers(other)).toEqual(await numbers(value));
  }
}

const part = (files: Encoded): KeyedParts => new Map([['unet', readPeftKeys(files)]]);
const back = (parts: KeyedParts, name = 'unet'): Encoded => writePeftKeys(parts.get(name) ?? []);
const modules = { unet: [...paths, 'mid_block'] };

const number = fc.constantFrom(0.1, 1, 3, 16);
const options = fc.record({
  rank: fc.integer({ min: 1, max: 4 }),
  alpha: number,
  rankPattern: fc.constantFrom({}, { to_q: 2 }, { 'to_out.0': 3, conv_in: 1 }),
  alphaPattern: fc.constantFrom({}, { time_emb_proj: 0.3 }),
});
const methods: fc.Arbitrary<Method> = fc.oneof(
  fc
    .tuple(options, fc.boolean(), fc.boolean())
    .map(([own, useRslora, useDora]) => lora({ ...own, useRslora, useDora })),
  fc
    .tuple(options, fc.boolean())
    .map(([own, useEffectiveConv2d]) => loha({ ...own, useEffectiveConv2d })),
  fc
    .tuple(options, fc.boolean(), fc.boolean(), fc.constantFrom(-1, 2, 3))
    .map(([own, useEffectiveConv2d, decomposeBoth, decomposeFactor]) =>
      lokr({ ...own, useEffectiveConv2d, decomposeBoth, decomposeFactor }),
    ),
) as fc.Arbitrary<Method>;

describe('there and back', () => {
  test('to kohya every method is the same adapter, and the same file the second time', async () => {
    await fc.assert(
      fc.asyncProperty(methods, async (method) => {
        const files = await encoded(method);
        const kohya = writeKohyaKeys(part(files));
        const again = back(await readKohyaKeys(kohya, { modules }));
        await expectSame(again, files);
        const twice = back(await readKohyaKeys(writeKohyaKeys(part(again)), { modules }));
        await expectSameBits(twice, again);
        expect(twice.config).toEqual(again.config);
      }),
      { numRuns },
    );
  });

  test('to kohya LoRA keeps every bit, its ranks and its scales', async () => {
    const method = lora({
      rank: 3,
      alpha: 0.1,
      rankPattern: { to_q: 2 },
      alphaPattern: { conv_in: 7 },
    });
    const files = await encoded(method);
    const again = back(await readKohyaKeys(writeKohyaKeys(part(files)), { modules }));
    await expectSameBits(again, files);
    expect(again.config).toMatchObject({
      peft_type: 'LORA',
      r: 3,
      lora_alpha: 0.1,
      rank_pattern: { [`${attention.replaceAll('.', '\\.')}\\.to_q`]: 2 },
      alpha_pattern: { conv_in: 7 },
      target_modules: [...paths].sort(),
    });
  });

  test('to kohya LoKr keeps every bit where alpha counts', async () => {
    const files = await encoded(lokr({ rank: 1, alpha: 3 }) as Method, 'time_emb_proj');
    expect([...files.tensors.keys()].join()).toContain('lokr_w2_a');
    const again = back(await readKohyaKeys(writeKohyaKeys(part(files)), { modules }));
    await expectSameBits(again, files);
    expect(again.config).toMatchObject({ r: 1, alpha: 3 });
  });

  test('to kohya LoKr finds the factor that rows alone do not tell', async () => {
    const model = { wide: linear(6, 16) };
    const method = lokr({ rank: 1, decomposeFactor: 2, initWeights: false });
    const files = encodeAdapter(adapt(model, { wide: method }));
    const kohya = writeKohyaKeys(part(files));
    const again = back(await readKohyaKeys(kohya, { modules: { unet: ['wide'] } }));
    expect(again.config).toMatchObject({ decompose_factor: 2 });
  });

  test('to diffusers LoRA is the same adapter, bit for bit where its scale is 1', async () => {
    await fc.assert(
      fc.asyncProperty(options, fc.boolean(), async (own, useDora) => {
        const files = await encoded(lora({ ...own, useDora }));
        const again = back(await readDiffusersKeys(writeDiffusersKeys(part(files))));
        await expectSame(again, files, 1e-5);
      }),
      { numRuns },
    );
    const files = await encoded(lora({ rank: 2, alpha: 2 }));
    await expectSameBits(back(await readDiffusersKeys(writeDiffusersKeys(part(files)))), files);
  });

  test('parts of a pipeline stay apart', async () => {
    const files = await encoded(lora({ rank: 2 }));
    const both: KeyedParts = new Map([
      ['unet', readPeftKeys(files)],
      ['text_encoder', readPeftKeys(files)],
      ['text_encoder_2', readPeftKeys(files)],
    ]);
    const kohya = writeKohyaKeys(both);
    expect([...kohya.keys()]).toContain('lora_te1_conv_in.lora_down.weight');
    expect([...kohya.keys()]).toContain('lora_te2_conv_in.alpha');
    const all = { unet: paths, text_encoder: paths, text_encoder_2: paths };
    const again = await readKohyaKeys(kohya, { modules: all });
    const diffusers = await readDiffusersKeys(writeDiffusersKeys(again));
    expect([...diffusers.keys()]).toEqual([...both.keys()]);
    for (const name of both.keys()) await expectSame(back(diffusers, name), files);
    const one: KeyedParts = new Map([['text_encoder', readPeftKeys(files)]]);
    expect([...writeKohyaKeys(one).keys()]).toContain('lora_te_conv_in.alpha');
  });
});

describe('the keys', () => {
  test('of kohya have no dots in paths, alphas, and the shape of its magnitudes', async () => {
    const kohya = writeKohyaKeys(part(await encoded(dora({ rank: 2, alpha: 3 }))));
    const name = `lora_unet_${attention.replaceAll('.', '_')}_to_out_0`;
    const shapes = Object.fromEntries([...kohya].map(([key, { shape }]) => [key, shape]));
    expect(shapes).toMatchObject({
      [`${name}.lora_down.weight`]: [2, 6],
      [`${name}.lora_up.weight`]: [8, 2],
      [`${name}.alpha`]: [],
      [`${name}.dora_scale`]: [8, 1],
      'lora_unet_conv_in.dora_scale': [4, 1, 1, 1],
      'lora_unet_conv_in.lora_down.weight': [2, 3, 3, 3],
    });
    expect(await kohya.get(`${name}.alpha`)?.item()).toBe(3);
  });

  test.each([
    ['hada', loha({ rank: 2 }), 'lora_unet_time_emb_proj.hada_w2_b'],
    ['lokr', lokr({ rank: 2 }), 'lora_unet_time_emb_proj.lokr_w1'],
  ])('of LyCORIS are %s_*', async (_, method, key) => {
    expect([...writeKohyaKeys(part(await encoded(method as Method))).keys()]).toContain(key);
  });

  test('of diffusers name the part, and work the scale in', async () => {
    const files = await encoded(lora({ rank: 2, alpha: 1 }));
    const diffusers = writeDiffusersKeys(part(files));
    expect([...diffusers.keys()]).toContain(`unet.${attention}.to_out.0.lora_A.weight`);
    const before = files.tensors.get('base_model.model.conv_in.lora_B.weight') ?? zeros([]);
    await expectClose(diffusers.get('unet.conv_in.lora_B.weight') ?? zeros([]), before.mul(0.5), 0);
  });

  test('of older diffusers are read', async () => {
    const [A, B] = [ones([2, 8]), ones([6, 2])];
    const pair = (down: string): (readonly [string, Tensor])[] => [
      [down, A],
      [down.replace('down', 'up'), B],
    ];
    const old = new Map([
      ...pair('unet.mid.attn1.processor.to_q_lora.down.weight'),
      ...pair('unet.mid.attn1.processor.to_out_lora.down.weight'),
      ...pair('mid.attn2.processor.to_v.lora.down.weight'),
      ...pair('unet.mid.ff.net.2.lora.down.weight'),
      ['unet.mid.ff.net.2.alpha', tensor([1], [])] as const,
      ...pair('text_encoder.text_model.self_attn.to_out_lora.down.weight'),
      ...pair('text_encoder.text_model.self_attn.q_proj.lora_linear_layer.down.weight'),
    ]);
    const parts = await readDiffusersKeys(old);
    const found = [...parts].flatMap(([name, list]) =>
      list.map(({ path, rank, alpha }) => [`${name}.${path}`, rank, alpha]),
    );
    expect(found).toEqual([
      ['unet.mid.attn1.to_q', 2, 2],
      ['unet.mid.attn1.to_out.0', 2, 2],
      ['unet.mid.attn2.to_v', 2, 2],
      ['unet.mid.ff.net.2', 2, 1],
      ['text_encoder.text_model.self_attn.out_proj', 2, 2],
      ['text_encoder.text_model.self_attn.q_proj', 2, 2],
    ]);
  });

  test('of diffusers have scales in the metadata of newer releases', async () => {
    const keys = new Map([
      ['unet.mid.to_q.lora_A.weight', ones([4, 8])],
      ['unet.mid.to_q.lora_B.weight', ones([8, 4])],
      ['unet.proj.lora_A.weight', ones([4, 8])],
      ['unet.proj.lora_B.weight', ones([8, 4])],
    ]);
    const alphas = async (about: unknown): Promise<unknown[]> => {
      const parts = await readDiffusersKeys(keys, { metadata: JSON.stringify(about) });
      return (parts.get('unet') ?? []).map(({ alpha }) => alpha);
    };
    expect(await alphas({ 'unet.lora_alpha': 2, 'unet.alpha_pattern': { proj: 8 } })).toEqual([
      2, 8,
    ]);
    expect(await alphas({ 'unet.lora_alpha': 2, 'unet.use_rslora': true })).toEqual([4, 4]);
    expect(await alphas({ 'text_encoder.lora_alpha': 2 })).toEqual([4, 4]);
    await expect(alphas([1])).rejects.toThrow(refusal('invalid-file', 'metadata'));
    await expect(readDiffusersKeys(keys, { metadata: '{' })).rejects.toThrow(
      refusal('invalid-file'),
    );
  });

  test('of kohya without an alpha have the scale 1', async () => {
    const kohya = new Map([
      ['lora_unet_conv_in.lora_down.weight', ones([2, 3])],
      ['lora_unet_conv_in.lora_up.weight', ones([4, 2])],
    ]);
    const [found] = (await readKohyaKeys(kohya, { modules })).get('unet') ?? [];
    expect(found).toMatchObject({ path: 'conv_in', rank: 2, alpha: 2 });
  });
});

describe('refused', () => {
  const pair = (name: string): Map<string, Tensor> =>
    new Map([
      [`${name}.lora_down.weight`, ones([2, 3])],
      [`${name}.lora_up.weight`, ones([4, 2])],
    ]);
  const read = (tensors: Map<string, Tensor>, own: readonly string[] = ['conv_in']) =>
    readKohyaKeys(tensors, { modules: { unet: own } });

  test('are names of kohya that are no module, or may be several', async () => {
    await expect(read(pair('lora_unet_conv_im'))).rejects.toThrow(
      /conv_im[\s\S]*did you mean 'conv_in/,
    );
    await expect(read(pair('lora_unet_a_b_c'), ['a.b_c', 'a_b.c'])).rejects.toThrow(
      refusal('invalid-argument', 'a.b_c, a_b.c'),
    );
    await expect(read(pair('lora_te2_conv_in'))).rejects.toThrow(refusal('no-match'));
    const twins = new Linear(ones([2, 2]), null);
    const both = encodeAdapter(adapt({ a: { b_c: twins }, a_b: { c: twins } }, { '**': lora() }));
    expect(() => writeKohyaKeys(part(both))).toThrow(refusal('unsupported', 'without dots'));
  });

  test('are files that are not whole, or of another style', async () => {
    await expect(read(pair('conv_in'))).rejects.toThrow(refusal('unexpected-tensor', 'lora_unet_'));
    const half = pair('lora_unet_conv_in');
    half.delete('lora_unet_conv_in.lora_up.weight');
    await expect(read(half)).rejects.toThrow(refusal('missing-tensor'));
    const mid = pair('lora_unet_conv_in').set('lora_unet_conv_in.lora_mid.weight', ones([2, 2]));
    await expect(read(mid)).rejects.toThrow(refusal('unexpected-tensor', 'lora_mid'));
    await expect(read(new Map([['lora_unet_conv_in.alpha', ones([])]]))).rejects.toThrow(
      refusal('unexpected-tensor'),
    );
    await expect(readDiffusersKeys(pair('unet.conv_in'))).rejects.toThrow(
      refusal('unexpected-tensor'),
    );
    const one = new Map([['unet.a.lora_A.weight', ones([2, 3])]]);
    await expect(readDiffusersKeys(one)).rejects.toThrow(refusal('missing-tensor'));
  });

  test('are magnitudes of inputs, which those of a square weight tell by their shape', async () => {
    const square = new Map([
      ['lora_unet_conv_in.lora_down.weight', ones([2, 3])],
      ['lora_unet_conv_in.lora_up.weight', ones([3, 2])],
    ]);
    const along = new Map([...square, ['lora_unet_conv_in.dora_scale', ones([3, 1])] as const]);
    expect((await read(along)).get('unet')).toHaveLength(1);
    const across = new Map([...square, ['lora_unet_conv_in.dora_scale', ones([1, 3])] as const]);
    await expect(read(across)).rejects.toThrow(refusal('unsupported', 'magnitudes of inputs'));
  });

  test('is what other styles cannot say', async () => {
    const model = new Small();
    for (const [tuned, why] of [
      [adapt(model, { '**.query': lora(), classifier: train() }), 'classifier'],
      [adapt(model, { words: lora() }), 'lora_embedding_A'],
      [
        adapt(model, { '**.query': lora({ rank: 2, initLoraWeights: 'pissa' }) }),
        'init_lora_weights pissa',
      ],
    ] as const)
      expect(() => readPeftKeys(encodeAdapter(tuned))).toThrow(refusal('unsupported', why));
    const { config, tensors } = await encoded(lora());
    expect(() =>
      readPeftKeys({ config: { ...Object(config), peft_type: 'IA3' }, tensors }),
    ).toThrow(refusal('unsupported'));
    for (const key of ['alora_invocation_tokens', 'target_parameters'])
      expect(() =>
        readPeftKeys({
          config: { ...Object(config), [key]: key.startsWith('a') ? [3] : ['x'] },
          tensors,
        }),
      ).toThrow(refusal('unsupported', key));
    expect(() => readPeftKeys({ config: { ...Object(config), r: 3 }, tensors })).toThrow(
      refusal('shape-mismatch', 'rank 3'),
    );
    const loHa = part(await encoded(loha() as Method));
    expect(() => writeDiffusersKeys(loHa)).toThrow(refusal('unsupported', 'LOHA'));
  });

  test('is a mixture of methods, or of magnitudes and none, in one adapter of PEFT', async () => {
    const [one = [], two = [], three = []] = await Promise.all(
      [lora({ rank: 1 }), loha({ rank: 1 }), dora({ rank: 1 })].map(async (method) =>
        readPeftKeys(await encoded(method as Method, 'time_emb_proj')),
      ),
    );
    expect(() => writePeftKeys([...one, ...two])).toThrow(refusal('unsupported', 'one method'));
    const other = one.map((module) => ({ ...module, path: 'other' }));
    expect(() => writePeftKeys([...other, ...three])).toThrow(refusal('unsupported', 'magnitudes'));
    expect(() => writePeftKeys([])).toThrow(refusal('unsupported', 'no module'));
  });
});

test('targets are told from other modules of the model', async () => {
  const found = readPeftKeys(await encoded(lora({ rank: 1 }), 'time_emb_proj'));
  expect(writePeftKeys(found).config.target_modules).toEqual(['time_emb_proj']);
  const known = ['time_emb_proj', 'up.time_emb_proj'];
  expect(writePeftKeys(found, { modules: known }).config.target_modules).toBe('time_emb_proj');
});

function weightAt(tree: unknown, path: string): Tensor {
  let node: unknown = tree;
  for (const step of [...path.split('.'), 'weight'])
    node = typeof node === 'object' && node !== null ? Reflect.get(node, step) : undefined;
  return node as Tensor;
}
