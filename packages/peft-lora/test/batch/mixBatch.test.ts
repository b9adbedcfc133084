import { Context, combine, partition, paths } from '@lorikeet/nn';
import {
  adapt,
  adapterRows,
  disable,
  hira,
  isTrainable,
  loha,
  lora,
  mixBatch,
  train,
} from '@lorikeet/peft-lora';
import { compile, concat, grad, randomKey, sliceAxis, type Tensor } from '@lorikeet/tensor-core';
import { beforeAll, describe, expect, test } from 'vitest';
import { expectClose, ids, numbers, refusal, Small, trainedForm } from '../support.ts';

const model = new Small();
const batch = concat([ids, ids, sliceAxis(ids, 0, 0, 1)]); // [5, 4]
const names = ['b', null, 'a', 'c', 'a'] as const;
let tuned: Small;

beforeAll(async () => {
  const a = adapt(
    model,
    {
      '**.{query,mlp}': lora({ rank: 2, alpha: 3, loraBias: true }),
      words: lora({ rank: 1 }),
      line: lora({ rank: 2 }),
      classifier: train(),
    },
    { name: 'a' },
  );
  const b = adapt(
    await trainedForm(a),
    {
      '**.{query,out}': lora({ rank: 3, bias: 'lora_only' }),
      words: lora({ rank: 2 }),
      plane: lora({ rank: 1 }),
      line: lora({ rank: 1 }),
    },
    { name: 'b' },
  );
  tuned = await trainedForm(
    adapt(
      await trainedForm(b, 9),
      { '**.query': loha({ rank: 1 }), '**.value': hira({ rank: 2 }) },
      { name: 'c' },
    ),
    21,
  );
});

function alone(tree: Small, name: string | null): Small {
  return ['a', 'b', 'c'].reduce(
    (rest, other) => (other === name ? rest : disable(rest, other)),
    tree,
  );
}

/** What each row's adapter alone gives for its row. */
function oneByOne(tree: Small, context?: Context): Tensor {
  return concat(names.map((name, i) => sliceAxis(alone(tree, name).call(batch, context), 0, i, 1)));
}

describe('a batch with an adapter for each row', () => {
  test('gives each row what its adapter alone gives', async () => {
    const mixed = mixBatch(tuned, names).call(batch);
    await expectClose(mixed, oneByOne(tuned));
    await expectClose(sliceAxis(mixed, 0, 1, 1), sliceAxis(model.call(batch), 0, 1, 1), 1e-6);
    const differs = await numbers(sliceAxis(mixed, 0, 2, 1).sub(sliceAxis(mixed, 0, 0, 1)));
    expect(Math.max(...differs.map(Math.abs))).toBeGreaterThan(0.01);
  });

  test('trains every adapter on its rows', async () => {
    const [live, frozen] = partition(tuned, isTrainable);
    const slopes = (call: (tree: Small) => Tensor) =>
      paths(
        grad((part: typeof live) => {
          const y = call(combine(part, frozen));
          return y.mul(y).sum();
        })(live),
      );
    const mixed = slopes((tree) => mixBatch(tree, names).call(batch));
    const expected = new Map(slopes(oneByOne));
    expect(mixed.length).toBeGreaterThan(40);
    for (const [path, slope] of mixed) {
      await expectClose(slope, expected.get(path) ?? slope, 1e-4);
    }
    const reached = await Promise.all(
      mixed.map(async ([, slope]) => (await numbers(slope)).some((value) => value !== 0)),
    );
    expect(reached.every(Boolean)).toBe(true);
  });

  test('draws random numbers in training as each adapter alone does', async () => {
    const dropped = await trainedForm(
      adapt(tuned, { '**.query': lora({ rank: 2, dropout: 0.5 }) }, { name: 'd' }),
    );
    const context = Context.training(randomKey(4));
    const rows = ['d', null, 'd', 'a', 'd'] as const;
    const mixed = mixBatch(dropped, rows).call(batch, context);
    const single = disable(disable(disable(dropped, 'a'), 'b'), 'c').call(batch, context);
    await expectClose(sliceAxis(mixed, 0, 2, 1), sliceAxis(single, 0, 2, 1));
    const evaluated = mixBatch(dropped, rows).call(batch);
    expect(await numbers(evaluated)).not.toEqual(await numbers(mixed));
  });

  test('runs one plan for all rows and all values', async () => {
    const call = compile((tree: Small, rows: Tensor, given: Tensor) =>
      mixBatch(tree, rows).call(given),
    );
    await expectClose(call(tuned, adapterRows(tuned, names), batch), oneByOne(tuned));
    const other = await trainedForm(tuned, 33);
    await expectClose(call(other, adapterRows(other, names), batch), oneByOne(other));
    const rows = adapterRows(tuned, [null, null, 'c', 'b', 'b']);
    await expectClose(call(tuned, rows, batch), mixBatch(tuned, rows).call(batch));
    expect(call.planCount()).toBe(1);
  });

  test('has no product of one adapter alone, where all are low-rank', () => {
    const several = adapt(
      adapt(model, { '**.query': lora({ rank: 2 }) }, { name: 'a' }),
      { '**.query': lora({ rank: 3 }) },
      { name: 'b' },
    );
    const call = compile((tree: Small, rows: Tensor) => mixBatch(tree, rows).call(batch));
    const plain = compile((tree: Small) => tree.call(batch));
    const dots = (program: {
      readonly instructions: readonly { readonly op: { readonly name: string } }[];
    }): number => program.instructions.filter(({ op }) => op.name === 'dot').length;
    // Two thin products for each of the two layers.
    expect(
      dots(
        call.program(
          several,
          adapterRows(
            several,
            names.map((name) => (name === 'c' ? 'b' : name)),
          ),
        ),
      ),
    ).toBe(dots(plain.program(model)) + 4);
  });
});

test('rows that are not there are refused', () => {
  expect(() => mixBatch(tuned, ['x'])).toThrow(refusal('no-match', "'x'"));
  expect(() => mixBatch(tuned, ['a', null]).call(batch)).toThrow(
    refusal('shape-mismatch', '[2, ...]'),
  );
});
