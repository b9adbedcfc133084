import { at, Context, combine, ExpertLinear, Linear, partition, paths } from '@lorikeet/nn';
import {
  adapt,
  type DecodeOptions,
  decodeAdapter,
  encodeAdapter,
  explain,
  isTrainable,
  loha,
  lora,
  merge,
  mixBatch,
  riemannian,
} from '@lorikeet/peft-lora';
import {
  broadcastTo,
  expandDims,
  grad,
  normal,
  permute,
  randomKey,
  silu,
  softmax,
  type Tensor,
  zeros,
} from '@lorikeet/tensor-core';
import { describe, expect, test } from 'vitest';
import { largestResult } from './largestResult.ts';
import { filesOf, withConfig } from './peft/files.ts';
import { expectClose, numbers, refusal, trainedForm } from './support.ts';

// LoRA on the weights of experts: what PEFT calls target_parameters.

const [E, D, F] = [3, 4, 5];

/** The experts of one layer, named as in Hugging Face's models. */
class Experts {
  readonly gate_up_proj: ExpertLinear;
  readonly down_proj: ExpertLinear;

  constructor(inputAxis: 0 | 1) {
    const weight = (seed: number, out: number, inputs: number): ExpertLinear => {
      const rows = normal(randomKey(seed), [E, out, inputs], 0, 0.5);
      return new ExpertLinear(inputAxis === 1 ? rows : permute(rows, [0, 2, 1]), null, inputAxis);
    };
    this.gate_up_proj = weight(1, F, D);
    this.down_proj = weight(2, D, F);
  }

  /** @param x [E, N, D] @returns [E, N, D] */
  call(x: Tensor, context: Context): Tensor {
    const hidden = silu(context.call('gate_up_proj', this.gate_up_proj, x));
    return context.call('down_proj', this.down_proj, hidden);
  }
}

/** A small mixture of experts, each of which sees every token. */
class Mixture {
  readonly gate: Linear = new Linear(normal(randomKey(3), [E, D]), null);
  readonly experts: Experts;

  constructor(inputAxis: 0 | 1) {
    this.experts = new Experts(inputAxis);
  }

  /** @param x [N, D] @returns [N, D] */
  call(x: Tensor, context: Context): Tensor {
    const gates = softmax(context.call('gate', this.gate, x)); // [N, E]
    const all = broadcastTo(expandDims(x, 0), [E, ...x.shape]);
    const each = context.call('experts', this.experts, all); // [E, N, D]
    return each.mul(expandDims(permute(gates, [1, 0]), -1)).sum(0);
  }
}

const models = {
  '[E, out, in]': { mlp: new Mixture(1) },
  '[E, in, out]': { mlp: new Mixture(0) },
};
type Model = (typeof models)['[E, out, in]'];

const x = normal(randomKey(4), [6, D]);
const outputOf = ({ mlp }: Model): Tensor => mlp.call(x, Context.evaluation);
const method = lora({ rank: 2, alpha: 3 });
const everywhere = { '**.experts.*': method, '**.gate': method };
const keyOf = (path: string): string => `base_model.model.${path}.weight`;

describe.each(Object.entries(models))('experts of %s', (_, model) => {
  test('are saved as PEFT saves them, the last of a module outermost', async () => {
    const tuned = await trainedForm(adapt(model, everywhere));
    const { config, tensors } = encodeAdapter(tuned);
    expect(config).toMatchObject({
      target_modules: ['mlp.gate'],
      target_parameters: ['mlp.experts.down_proj', 'mlp.experts.gate_up_proj'],
    });
    const shapes = Object.fromEntries([...tensors].map(([key, leaf]) => [key, leaf.shape]));
    expect(shapes).toEqual({
      [keyOf('mlp.gate.lora_A')]: [2, D],
      [keyOf('mlp.gate.lora_B')]: [E, 2],
      [keyOf('mlp.experts.base_layer.lora_A')]: [2 * E, D],
      [keyOf('mlp.experts.base_layer.lora_B')]: [F, 2 * E],
      [keyOf('mlp.experts.lora_A')]: [2 * E, F],
      [keyOf('mlp.experts.lora_B')]: [D, 2 * E],
    });
    const loaded = await decodeAdapter(model, await withConfig(await filesOf(tuned)));
    await expectClose(outputOf(loaded), outputOf(tuned), 0);
    expect(encodeAdapter(loaded).config).toEqual(config);
  });

  test("change a weight by PEFT's sum over ranks, and merge to what they compute", async () => {
    const tuned = await trainedForm(adapt(model, everywhere));
    const { tensors } = encodeAdapter(tuned);
    const [A = [], B = []] = await Promise.all(
      ['A', 'B'].map((name) =>
        numbers(tensors.get(keyOf(`mlp.experts.base_layer.lora_${name}`)) ?? zeros([0])),
      ),
    );
    const merged = merge(tuned);
    const plain = ({ mlp: { experts } }: Model): Tensor => {
      const { weight, inputAxis } = experts.gate_up_proj;
      if (!('shape' in weight)) throw new Error('not merged');
      return inputAxis === 1 ? weight : permute(weight, [0, 2, 1]);
    };
    const change = await numbers(plain(merged).sub(plain(model)));
    for (let e = 0; e < E; e++)
      for (let o = 0; o < F; o++)
        for (let i = 0; i < D; i++) {
          let expected = 0;
          for (let r = 0; r < 2; r++)
            expected += (B[o * 2 * E + r * E + e] ?? 0) * (A[(e * 2 + r) * D + i] ?? 0);
          expect(change[(e * F + o) * D + i]).toBeCloseTo(1.5 * expected, 5);
        }
    await expectClose(outputOf(merged), outputOf(tuned));
    await expect(expectClose(outputOf(model), outputOf(tuned))).rejects.toThrow();
  });

  test('train their factors alone', async () => {
    const tuned = await trainedForm(adapt(model, { '**.experts.*': method }));
    const [live, frozen] = partition(tuned, isTrainable);
    const slopes = paths(grad((part: typeof live) => outputOf(combine(part, frozen)).sum())(live));
    expect(slopes.map(([path]) => path.replace(/.*parameters\./, ''))).toEqual([
      'A',
      'B',
      'A',
      'B',
    ]);
    for (const [, slope] of slopes) expect((await numbers(slope)).some(Boolean)).toBe(true);
    expect(explain(model, { '**.experts.*': method }).trainable).toBe(2 * E * 2 * (D + F));
  });
});

test('no changed weight is made: the products are thin', () => {
  const layer = new ExpertLinear(zeros([4, 40, 30]));
  const { part } = adapt({ part: layer }, { part: method });
  expect(largestResult(part, zeros([4, 2, 30]))).toBeLessThan(4 * 40 * 30);
});

const model = models['[E, out, in]'];
const load = async (changes: object, options: DecodeOptions = {}): Promise<Model> =>
  decodeAdapter(
    model,
    await withConfig(await filesOf(adapt(model, { '**.experts.*': method })), { ...changes }),
    options,
  );

test('parameters are selected by the ends of their paths, and each must be there', async () => {
  const names = ['experts.gate_up_proj', 'down_proj'];
  const loaded = await load({ target_parameters: names, target_modules: [] });
  expect(encodeAdapter(loaded).config).toMatchObject({ target_parameters: names });
  await expect(load({ target_parameters: ['experts.up_proj', ...names] })).rejects.toThrow(
    refusal('no-match', 'target_parameters'),
  );
  // A name of modules does not mean parameters.
  await expect(load({ target_parameters: null, target_modules: names })).rejects.toThrow(
    refusal('no-match', 'target_modules'),
  );
});

test('the weight of a linear layer may be named as a parameter', async () => {
  const { config, entries } = await filesOf(adapt(model, { '**.gate': method }));
  const named = { target_modules: null, target_parameters: ['gate.weight'] };
  const loaded = await decodeAdapter(model, await withConfig({ config, entries }, named));
  expect(at(loaded, 'mlp.gate.weight.parameters.A')).toMatchObject({ shape: [2, D] });
  expect(encodeAdapter(loaded).config).toMatchObject(named);
});

test('a method that has no target_parameters in PEFT is refused', async () => {
  const files = await filesOf(adapt(model, { '**.gate': loha({ rank: 2 }) }));
  const named = await withConfig(files, { target_parameters: ['gate.weight'] });
  await expect(decodeAdapter(model, named)).rejects.toThrow(
    refusal('unsupported', 'target_parameters'),
  );
});

test('what PEFT refuses on parameters is refused', () => {
  for (const options of [{ dropout: 0.1 }, { useDora: true }, { loraBias: true }])
    expect(() => adapt(model, { '**.experts.*': lora(options) })).toThrow(
      refusal('unsupported', 'as in PEFT'),
    );
  expect(() => adapt(model, { '**.experts.*': lora({ initLoraWeights: 'pissa' }) })).toThrow(
    refusal('unsupported', 'linear layers'),
  );
});

test('rows of a batch and preconditioned steps, which have no meaning for experts, are refused', () => {
  const tuned = adapt(model, { '**.experts.*': method });
  expect(() => outputOf(mixBatch(tuned, [null, 'default']))).toThrow(refusal('unsupported'));
  const [live] = partition(tuned, isTrainable);
  const optimizer = riemannian({
    init: () => null,
    update: (updates) => ({ updates, state: null }),
  });
  expect(() => optimizer.update(live, optimizer.init(live), live)).toThrow(
    refusal('unsupported', 'experts'),
  );
});
