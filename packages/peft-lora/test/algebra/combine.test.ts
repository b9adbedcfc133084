import {
  AdapterUpdate,
  type CombinationKind,
  type CombineOptions,
  combineUpdates,
  denseOf,
  type LowRank,
  rankOf,
} from '@lorikeet/peft-lora';
import { foldIn, randomKey, svd, type Tensor, tensor } from '@lorikeet/tensor-core';
import { describe, expect, test } from 'vitest';
import { expectClose, numbers, refusal } from '../support.ts';
import { noisePair, otherwiseWritten, sumOfSquares } from './pairs.ts';

const update = (pair: LowRank): AdapterUpdate => new AdapterUpdate({ place: pair });
const [a, b, c] = [noisePair(1), noisePair(2, 7, 9, 3, -1.5), noisePair(3, 7, 9, 3, 0.4)];
const key = randomKey(6);

const pruning: readonly CombinationKind[] = [
  'ties',
  'ties_svd',
  'dare_linear',
  'dare_linear_svd',
  'dare_ties',
  'dare_ties_svd',
  'magnitude_prune',
  'magnitude_prune_svd',
];
const kinds: readonly CombinationKind[] = ['linear', 'cat', 'svd', ...pruning];

function combined(
  terms: readonly (readonly [number, LowRank])[],
  options: CombineOptions,
): LowRank {
  const { pairs } = combineUpdates(
    terms.map(([by, pair]) => [by, update(pair)]),
    options,
  );
  if (pairs.place === undefined) throw new Error('nothing was combined');
  return pairs.place;
}

const optionsOf = (kind: CombinationKind, density = 0.5): CombineOptions =>
  pruning.includes(kind) ? { kind, density, key } : { kind };

describe.each(kinds)('%s', (kind) => {
  test('of one adapter, with nothing pruned, is the adapter', async () => {
    await expectClose(denseOf(combined([[1, a]], optionsOf(kind, 1))), denseOf(a), 1e-12);
  });

  test('depends on the updates, not on the factors they are written in', async () => {
    const terms = [
      [0.7, a],
      [-0.4, b],
      [1.1, c],
    ] as const;
    const others = terms.map(([by, pair], i) => [by, otherwiseWritten(pair, i)] as const);
    await expectClose(
      denseOf(combined(others, optionsOf(kind))),
      denseOf(combined(terms, optionsOf(kind))),
      1e-10,
    );
  });

  test('takes a negative weight as the weight of the adapter turned round', async () => {
    const turned = { ...b, scale: -b.scale };
    const [one, other] = [
      combined(
        [
          [0.7, a],
          [-0.4, b],
        ],
        optionsOf(kind),
      ),
      combined(
        [
          [0.7, a],
          [0.4, turned],
        ],
        optionsOf(kind),
      ),
    ];
    await expectClose(denseOf(one), denseOf(other), 1e-11);
  });

  test('takes adapters of different ranks', async () => {
    const result = combined(
      [
        [0.7, a],
        [0.4, noisePair(7, 7, 9, 1)],
      ],
      optionsOf(kind),
    );
    expect(rankOf(result)).toBe(kind.endsWith('svd') ? 3 : 4);
    expect((await numbers(denseOf(result))).every(Number.isFinite)).toBe(true);
  });
});

describe.each(['linear', 'cat', 'magnitude_prune', 'dare_linear'] as const)('%s', (kind) => {
  test('is the exact weighted sum, where nothing is pruned', async () => {
    const expected = denseOf(a).mul(0.7).add(denseOf(b).mul(-0.4));
    await expectClose(
      denseOf(
        combined(
          [
            [0.7, a],
            [-0.4, b],
          ],
          optionsOf(kind, 1),
        ),
      ),
      expected,
      1e-12,
    );
  });
});

test('svd is the best approximation of the sum of the rank that is asked for', async () => {
  const result = combined(
    [
      [0.7, a],
      [-0.4, b],
    ],
    { kind: 'svd', rank: 2 },
  );
  const dense = denseOf(a).mul(0.7).add(denseOf(b).mul(-0.4));
  const [, , ...rest] = await numbers(svd(dense).s);
  const lost = await sumOfSquares(denseOf(result).sub(dense));
  expect(lost).toBeCloseTo(
    rest.reduce((sum, value) => sum + value * value, 0),
    10,
  );
  expect(rankOf(result)).toBe(2);
});

test('dare has the exact sum as its mean, and another value for every key', async () => {
  const options = (seed: number): CombineOptions => ({
    kind: 'dare_linear',
    density: 0.5,
    key: foldIn(key, seed),
  });
  const draw = (seed: number): Tensor =>
    denseOf(
      combined(
        [
          [0.7, a],
          [-0.4, b],
        ],
        options(seed),
      ),
    );
  const runs = 400;
  const draws = Array.from({ length: runs }, (_, seed) => draw(seed));
  const mean = draws.reduce((sum, x) => sum.add(x)).div(runs);
  const expected = denseOf(a).mul(0.7).add(denseOf(b).mul(-0.4));
  // Each coordinate has the variance of its square at density 1/2, so the error has that of the whole over the runs.
  const spread =
    (await sumOfSquares(denseOf(a).mul(0.7))) + (await sumOfSquares(denseOf(b).mul(0.4)));
  const error = await sumOfSquares(mean.sub(expected));
  expect(error).toBeLessThan((2 * spread) / runs);
  expect(error).toBeGreaterThan(spread / runs / 4);
  expect(await numbers(draw(1))).toEqual(await numbers(draw(1)));
  expect(await numbers(draw(1))).not.toEqual(await numbers(draw(2)));
});

/** Updates in one direction of outputs, so that the shared basis is known. */
function along(...row: number[]): LowRank {
  return {
    left: tensor([1, 0], [2, 1], 'f64'),
    right: tensor(row, [1, row.length], 'f64'),
    scale: 1,
  };
}

test('ties trims, elects and takes the mean of those that agree', async () => {
  const [one, two, three] = [along(4, -3, 0.1, 2), along(2, 5, 0.2, -1), along(-1, 4, 3, -0.5)];
  const terms = [
    [1, one],
    [1, two],
    [1, three],
  ] as const;
  const total = await numbers(denseOf(combined(terms, { kind: 'ties', density: 0.25 })));
  // The basis has two directions of outputs, so that a quarter is 2 of 4 and of 4 zeros: kept are 4 -3, 2 5, 4 3; the second column elects plus, 9 against 3.
  [3, 4.5, 3, 0, 0, 0, 0, 0].forEach((value, i) => {
    expect(total[i]).toBeCloseTo(value, 10);
  });
  const votes = await numbers(
    denseOf(
      combined(
        [
          [1, along(9)],
          [1, along(-1)],
          [1, along(-2)],
        ],
        { kind: 'ties', density: 1, majoritySign: 'frequency' },
      ),
    ),
  );
  expect(votes[0]).toBeCloseTo(-1.5, 10);
});

describe('with compat peft, unlike the mathematics,', () => {
  const peft = (kind: CombinationKind): CombineOptions => ({
    ...optionsOf(kind, kind === 'ties' ? 0.6 : 1),
    compat: 'peft',
  });

  test('linear has cross terms', async () => {
    const result = denseOf(
      combined(
        [
          [0.7, a],
          [0.4, c],
        ],
        peft('linear'),
      ),
    );
    const exact = denseOf(a).mul(0.7).add(denseOf(c).mul(0.4));
    expect(await sumOfSquares(result.sub(exact))).toBeGreaterThan(
      0.1 * (await sumOfSquares(exact)),
    );
    const cross = Math.sqrt(0.7 * a.scale * 0.4 * c.scale);
    const terms = [
      [a, c],
      [c, a],
    ].map(([one = a, other = c]) => denseOf({ left: one.left, right: other.right, scale: cross }));
    await expectClose(result, exact.add(terms[0] ?? exact).add(terms[1] ?? exact), 1e-12);
  });

  test('pruning depends on how an update is written', async () => {
    const [one, other] = [a, otherwiseWritten(a)].map((pair) =>
      denseOf(combined([[1, pair]], { ...peft('magnitude_prune'), density: 0.5 })),
    );
    expect(
      await sumOfSquares((one ?? other ?? denseOf(a)).sub(other ?? denseOf(a))),
    ).toBeGreaterThan(0.1);
  });

  test('ties votes without the weights, also without negative ones', async () => {
    const terms = [
      [1, along(1, 2)],
      [-1, along(1, 2)],
    ] as const;
    const options = { kind: 'ties_svd', density: 1, rank: 1 } as const;
    expect(
      await sumOfSquares(denseOf(combined(terms, { ...options, compat: 'peft' }))),
    ).toBeCloseTo(0, 12);
    // One says plus and the other minus: a tie is plus, and one agrees.
    expect(await sumOfSquares(denseOf(combined(terms, options)))).toBeCloseTo(5, 10);
  });

  test('rsLoRA of the first adapter makes the result larger by the root of its rank', async () => {
    const terms = [
      [0.7, a],
      [0.4, b],
    ] as const;
    const [plain, larger] = [false, true].map((useRslora) =>
      denseOf(combined(terms, { kind: 'cat', compat: 'peft', useRslora })),
    );
    await expectClose(larger ?? denseOf(a), (plain ?? denseOf(a)).mul(Math.sqrt(6)), 1e-12);
    expect(() => combined(terms, { kind: 'cat', useRslora: true })).toThrow(
      refusal('invalid-argument'),
    );
  });

  test('an svd may be clamped at a quantile of its factors', async () => {
    const [whole, cut] = [1, 0.5].map((clamp) =>
      combined(
        [
          [1, a],
          [1, b],
        ],
        { kind: 'svd', compat: 'peft', clamp },
      ),
    );
    const largest = async (pair: LowRank | undefined): Promise<number> =>
      Math.max(...(await numbers((pair ?? a).left)));
    expect(await largest(cut)).toBeLessThan(0.5 * (await largest(whole)));
    expect(await largest(cut)).toBeGreaterThanOrEqual(0);
  });

  test('different ranks and biases are refused', () => {
    expect(() =>
      combined(
        [
          [1, a],
          [1, noisePair(7, 7, 9, 1)],
        ],
        peft('linear'),
      ),
    ).toThrow(refusal('unsupported', 'different ranks'));
    const biased = new AdapterUpdate({ place: a }, { place: tensor([1]) });
    expect(() => combineUpdates([[1, biased]], peft('linear'))).toThrow(
      refusal('unsupported', 'biases'),
    );
  });
});

test('faulty options are refused', () => {
  const refused: readonly (readonly [CombineOptions, string])[] = [
    [{ kind: 'ties' }, 'density'],
    [{ kind: 'ties', density: 1.5 }, 'density'],
    [{ kind: 'dare_ties', density: 0.5 }, 'key'],
    [{ kind: 'dare_linear', density: 0, key }, 'nothing'],
    [{ kind: 'svd', rank: 1.5 }, '1.5'],
    [{ kind: 'svd', clamp: 0.5 }, 'clamp'],
  ];
  for (const [options, part] of refused)
    expect(() => combined([[1, a]], options)).toThrow(refusal('invalid-argument', part));
  expect(() => combineUpdates([])).toThrow(refusal('invalid-argument', 'nothing to combine'));
});
