import { Context, Linear, Quantized } from '@lorikeet/nn';
import { AdaptedWeight, adapt, disable, dora, lora, merge } from '@lorikeet/peft-lora';
import {
  evaluate,
  foldIn,
  normal,
  randomKey,
  sqrt,
  type Tensor,
  tensor,
} from '@lorikeet/tensor-core';
import { describe, expect, test } from 'vitest';
import { largestResult } from './largestResult.ts';
import { expectClose, numbers, refusal, trainedForm } from './support.ts';

const key = randomKey(3);
const random = (label: string, shape: readonly number[]): Tensor =>
  normal(foldIn(key, label), shape);
const x = random('x', [5, 12]);

/** A layer with DoRA whose tensors are given. */
function layerOf(weight: Tensor, tensors: Readonly<Record<'A' | 'B' | 'magnitude', Tensor>>) {
  const { layer } = adapt(
    { layer: new Linear(weight, null) },
    { layer: dora({ rank: 2, alpha: 2 }) },
  );
  if (!(layer.weight instanceof AdaptedWeight)) throw new Error('there is no adapter');
  const { base, name, settings, frozen } = layer.weight;
  return new Linear(new AdaptedWeight(base, tensors, name, settings, 1, frozen), null);
}

describe('the norm from cached parts', () => {
  const [A, B] = [random('A', [2, 12]), random('B', [6, 2])];
  const magnitude = tensor([1, 2, 3, 4, 5, 6]);

  test('is that of the whole weight', async () => {
    const layer = layerOf(random('weight', [6, 12]), { A, B, magnitude });
    const merged = merge(layer);
    await expectClose(layer.call(x, Context.evaluation), merged.call(x, Context.evaluation));
  });

  test('keeps its digits where the update cancels the weight', async () => {
    // Row 4 is left with a thousandth of its length: the difference of squares has one digit of its square in f32.
    const rest = random('rest', [6, 12]).mul(tensor([1, 1, 1, 1, 1e-3, 1], [6, 1]));
    const layer = layerOf(await evaluate(rest.sub(B.matmul(A))), { A, B, magnitude });
    const merged = merge(layer).call(x, Context.evaluation);
    await expectClose(layer.call(x, Context.evaluation), merged, 1e-3);
  });

  test('of nothing gives nothing, not NaN', async () => {
    const none = random('weight', [6, 12]).mul(tensor([1, 0, 1, 1, 1, 1], [6, 1]));
    const only = { A, B: B.mul(tensor([1, 0, 1, 1, 1, 1], [6, 1])), magnitude };
    const layer = layerOf(none, only);
    const outputs = await numbers(layer.call(x, Context.evaluation));
    expect(outputs.every(Number.isFinite)).toBe(true);
    expect(outputs.filter((_, i) => i % 6 === 1)).toEqual([0, 0, 0, 0, 0]);
  });

  test('needs no second matrix of the size of the weight', async () => {
    const wide = { layer: new Linear(random('wide', [640, 512]), null) };
    const tuned = await evaluate(adapt(wide, { layer: dora({ rank: 2 }) }).layer);
    expect(largestResult(tuned, random('input', [3, 512]))).toBeLessThan((640 * 512) / 8);
  });
});

test('on a quantised weight it is what it is on the plain one', async () => {
  const whole = Quantized.of(
    random('weight', [6, 12]),
    { inputAxis: 1 },
    { dtype: 'u4', blockSize: 4 },
  );
  const method = { layer: dora({ rank: 2 }) };
  const [small, plain] = await Promise.all(
    [whole, whole.materialize()].map((weight) =>
      trainedForm(adapt({ layer: new Linear(weight, null) }, method)),
    ),
  );
  if (small === undefined || plain === undefined) throw new Error('nothing was adapted');
  const outputs = small.layer.call(x, Context.evaluation);
  await expectClose(plain.layer.call(x, Context.evaluation), outputs);
  await expectClose(merge(small).layer.call(x, Context.evaluation), outputs);
});

test('a second adapter starts from what the first made, whatever it trains to', async () => {
  const base = { layer: new Linear(random('weight', [6, 12]), null) };
  const one = await trainedForm(adapt(base, { layer: dora({ rank: 2 }) }, { name: 'one' }));
  const both = adapt(one, { layer: dora({ rank: 3 }) }, { name: 'two', key });
  const expected = one.layer.call(x, Context.evaluation);
  await expectClose(both.layer.call(x, Context.evaluation), expected);
  await expectClose(disable(both, 'two').layer.call(x, Context.evaluation), expected);
});

test('the magnitude starts as the length of the weights of each output', async () => {
  const weight = random('weight', [6, 12]);
  const { layer } = adapt({ layer: new Linear(weight, null) }, { layer: dora() });
  if (!(layer.weight instanceof AdaptedWeight)) throw new Error('there is no adapter');
  const { magnitude } = layer.weight.parameters;
  await expectClose(magnitude ?? weight, sqrt(weight.mul(weight).sum(1)));
});

test('is refused beside a bias of B, as PEFT does', () => {
  expect(() => lora({ useDora: true, loraBias: true })).toThrow(
    refusal('invalid-config', 'lora_bias'),
  );
});

describe('on another adapter', () => {
  const model = { layer: new Linear(random('weight', [6, 12]), random('bias', [6])) };
  const methods = [
    dora({ rank: 2, alpha: 6, compat: 'peft' }),
    dora({ rank: 1, alpha: 2, compat: 'peft' }),
  ];
  const outputOf = ({ layer }: typeof model): Tensor => layer.call(x, Context.evaluation);

  /** PEFT's sum: each scales what came before and its own update by its magnitude over the norm of `W + dW`. */
  function asPeft(tuned: typeof model): Tensor {
    const layers: AdaptedWeight[] = [];
    let weight = tuned.layer.weight;
    while (weight instanceof AdaptedWeight) {
      layers.unshift(weight);
      weight = weight.base;
    }
    const { weight: base, bias } = model.layer;
    if (!('shape' in base) || bias === null || !('shape' in bias)) throw new Error('not plain');
    const turned = (matrix: Tensor): Tensor => matrix.permute([1, 0]);
    const own = layers.reduce(
      (y, { parameters }, i) => {
        const { A, B, magnitude } = parameters;
        if (A === undefined || B === undefined || magnitude === undefined)
          throw new Error('no DoRA');
        const change = B.matmul(A).mul(i === 0 ? 3 : 2);
        const sum = base.add(change);
        const factor = magnitude.div(sqrt(sum.mul(sum).sum(1)));
        return y.add(x.matmul(turned(change))).mul(factor);
      },
      x.matmul(turned(base)),
    );
    return own.add(bias);
  }

  const stacked = (compat: boolean): typeof model =>
    methods.reduce(
      (tree, { config }, i) =>
        adapt(
          tree,
          { layer: dora({ ...config, ...(compat ? { compat: 'peft' as const } : {}) }) },
          { name: `adapter${i}` },
        ),
      model,
    );

  test("divides by the norm of what it lies on, and by PEFT's with compat", async () => {
    const [right, peft] = await Promise.all([false, true].map((own) => trainedForm(stacked(own))));
    if (right === undefined || peft === undefined) throw new Error('not made');
    await expectClose(outputOf(peft), asPeft(peft), 1e-4);
    await expect(expectClose(outputOf(right), asPeft(right), 1e-3)).rejects.toThrow();
    for (const tuned of [right, peft]) await expectClose(outputOf(merge(tuned)), outputOf(tuned));
  });

  test('starts as what it lies on, either way', async () => {
    for (const compat of [false, true]) {
      const first = methods.slice(0, 1);
      const below = await trainedForm(
        adapt(model, { layer: first[0] ?? dora() }, { name: 'below' }),
      );
      const options = compat ? { compat: 'peft' as const } : {};
      const over = adapt(below, { layer: dora({ rank: 1, ...options }) }, { name: 'over' });
      await expectClose(outputOf(over), outputOf(below), 1e-4);
    }
  });
});
