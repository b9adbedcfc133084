import * as t from '@lorikeet/tensor-core';
import {
  compile,
  grad,
  matmul,
  mul,
  randomKey,
  sub,
  sum,
  swapAxes,
  type Tensor,
  tensor,
} from '@lorikeet/tensor-core';
import { describe, expect, test } from 'vitest';
import { near, nested } from '../nested.ts';

const f64 = (rows: readonly (readonly number[])[]): Tensor => tensor(rows, undefined, 'f64');
const normal = (shape: number[], seed = 1): Tensor =>
  t.cast(t.normal(randomKey(seed), shape), 'f64');
const largest = async (x: Tensor): Promise<number> => t.max(t.abs(x)).item();
const rebuilt = ({ u, s, v }: t.Svd): Tensor => matmul(mul(u, t.expandDims(s, -2)), swapAxes(v));
const gram = (x: Tensor): Tensor =>
  sub(matmul(swapAxes(x), x), t.eye(x.shape.at(-1) ?? 0, undefined, { dtype: x.dtype }));

describe('svd', () => {
  test.each([[[5, 3]], [[3, 5]], [[1, 4]], [[4, 1]], [[2, 3, 4, 2]], [[60, 40]]])(
    '%j is the product of its parts',
    async (shape) => {
      const x = normal(shape);
      const parts = t.svd(x);
      expect(await largest(sub(rebuilt(parts), x))).toBeLessThan(1e-13);
      expect(await largest(gram(parts.u))).toBeLessThan(1e-13);
      expect(await largest(gram(parts.v))).toBeLessThan(1e-13);
      const s = await parts.s.data();
      const width = parts.s.shape.at(-1) ?? 1;
      s.forEach((value, i) => {
        expect(value).toBeGreaterThanOrEqual(i % width === width - 1 ? 0 : (s[i + 1] as number));
      });
    },
  );

  test('of a matrix of less than full rank, of zeros, of repeated values, tiny and huge', async () => {
    const lowRank = matmul(normal([6, 2]), normal([2, 4], 2));
    for (const x of [
      lowRank,
      t.zeros([3, 2], 'f64'),
      t.eye(4, 4, { dtype: 'f64' }),
      mul(normal([4, 3]), 1e-150),
      mul(normal([4, 3]), 1e150),
    ]) {
      const scale = Math.max(await largest(x), 1e-300);
      expect((await largest(sub(rebuilt(t.svd(x)), x))) / scale).toBeLessThan(1e-13);
    }
    expect(
      await nested(
        t.singularValues(
          f64([
            [3, 0],
            [0, -4],
          ]),
        ),
      ),
    ).toEqual(near([4, 3]));
  });

  test('the largest element of each left vector is positive', async () => {
    const { u } = t.svd(mul(normal([4, 3]), -1));
    const columns = (await nested(swapAxes(u))) as number[][];
    for (const column of columns) {
      const sorted = [...column].sort((a, b) => Math.abs(b) - Math.abs(a));
      expect(sorted[0]).toBeGreaterThan(0);
    }
  });

  test('the derivative of the sum of singular values is u v^T, of repeated ones too', async () => {
    const nuclear = grad((x: Tensor) => sum(t.singularValues(x)));
    expect(await nested(nuclear(t.eye(2, 2, { dtype: 'f64' })))).toEqual(
      near([
        [1, 0],
        [0, 1],
      ]),
    );
    const x = normal([4, 3]);
    const { u, v } = t.svd(x);
    expect(await largest(sub(nuclear(x), matmul(u, swapAxes(v))))).toBeLessThan(1e-12);
  });

  test('NaN gives NaN, and ends', async () => {
    expect(
      await t
        .singularValues(
          f64([
            [Number.NaN, 1],
            [2, 3],
          ]),
        )
        .data(),
    ).toEqual(new Float64Array([Number.NaN, Number.NaN]));
  });
});

describe('leadingSvd', () => {
  test.each([
    [[30, 50], 7],
    [[50, 30], 7],
    [[30, 30], 29],
    [[4, 9], 1],
    [[4, 9], 4],
    [[2, 12, 10], 2],
    [[2, 12, 10], 3],
  ])('of %j gives the first %i of all', async (shape, rank) => {
    const x = normal(shape);
    const [some, all] = [t.leadingSvd(x, rank), t.svd(x)];
    for (const part of ['u', 's', 'v'] as const)
      expect(
        await largest(sub(some[part], t.sliceAxis(all[part], -1, 0, rank))),
        part,
      ).toBeLessThan(1e-11);
  });

  test('has orthonormal vectors where values are equal, are zero, are tiny or huge', async () => {
    const lowRank = matmul(normal([20, 2]), normal([2, 18], 2));
    for (const x of [
      lowRank,
      t.zeros([16, 20], 'f64'),
      t.zeros([5, 7], 'f64'),
      t.eye(16, 19, { dtype: 'f64' }),
      mul(normal([20, 17]), 1e-200),
      mul(normal([20, 17]), 1e200),
    ]) {
      const { u, s, v } = t.leadingSvd(x, 4);
      expect(await largest(gram(u))).toBeLessThan(1e-13);
      expect(await largest(gram(v))).toBeLessThan(1e-13);
      const best = t.sliceAxis(t.singularValues(x), -1, 0, 4);
      const scale = Math.max(await largest(x), 1e-300);
      expect((await largest(sub(s, best))) / scale).toBeLessThan(1e-12);
    }
  });

  test('refuses a rank that there is not', () => {
    expect(() => t.leadingSvd(normal([3, 2]), 3)).toThrow('leadingSvd: rank 3 of a matrix [3,2]');
    expect(() => t.leadingSvd(normal([3, 2]), 0)).toThrow('a whole number from 1 to 2');
  });

  test('NaN gives NaN, and ends', async () => {
    expect(
      await t
        .leadingSvd(
          f64([
            [Number.NaN, 1],
            [2, 3],
          ]),
          1,
        )
        .s.data(),
    ).toEqual(new Float64Array([Number.NaN]));
  });
});

describe('randomizedSvd', () => {
  test('finds a low rank exactly, and the best approximation nearly', async () => {
    const exact = matmul(normal([40, 5]), normal([5, 30], 2));
    expect(
      await largest(sub(rebuilt(t.randomizedSvd(exact, 5, { key: randomKey(3) })), exact)),
    ).toBeLessThan(1e-12);
    const x = normal([40, 30]);
    const [all, some] = [
      await t.singularValues(x).data(),
      await t.randomizedSvd(x, 4, { key: randomKey(3), iterations: 8 }).s.data(),
    ];
    expect(Array.from(some, (value, i) => value / (all[i] as number))).toEqual(
      [1, 1, 1, 1].map((one) => expect.closeTo(one, 2)),
    );
  });

  test('gives the same for the same key, and takes no more than there is', async () => {
    const x = normal([6, 4]);
    const once = await t.randomizedSvd(x, 4, { key: randomKey(3) }).s.data();
    expect(await t.randomizedSvd(x, 4, { key: randomKey(3) }).s.data()).toEqual(once);
    expect(() => t.randomizedSvd(x, 5, { key: randomKey(3) })).toThrow(
      /randomizedSvd: rank 5 of a matrix \[6,4\]\n {2}expected: a whole number from 1 to 4/,
    );
  });
});

test.each([[[5, 3]], [[3, 5]], [[2, 3, 3]]])('qr of %j', async (shape) => {
  const x = normal(shape);
  const { q, r } = t.qr(x);
  expect(await largest(sub(matmul(q, r), x))).toBeLessThan(1e-14);
  expect(await largest(gram(q))).toBeLessThan(1e-14);
  expect(await largest(t.tril(r, -1))).toBe(0);
});

test('the signs of a qr are those of LAPACK, of square matrices too', async () => {
  // Printed by PyTorch 2.13.
  const printed = [
    [
      [2, 1, 0, 1, -3, 2, 0, 1, -4],
      [3, 3],
      [-2.236068, 3.286335, -3.265986],
    ],
    [
      [1, 2, 3, 5, 4, 1],
      [3, 2],
      [-5.099019, -3.610881],
    ],
    [[-2], [1, 1], [-2]],
  ] as const;
  for (const [values, shape, diagonal] of printed) {
    const { r } = t.qr(t.tensor(values, shape));
    const rows = [...(await r.data())];
    for (const [i, value] of diagonal.entries())
      expect(rows[i * (diagonal.length + 1)]).toBeCloseTo(value, 5);
  }
});

test('the derivative of a qr where signs jump is that with the signs kept', async () => {
  const corner = f64([
    [0, 1],
    [0, 0],
  ]);
  // Q turns by dx[1, 0] / x[0, 0], which brings so much of x[1, 1] into the row above.
  const slope = grad((x: Tensor) => sum(mul(t.qr(x).r, corner)))(
    f64([
      [1, 0],
      [0, 2],
    ]),
  );
  expect([...(await slope.data())]).toEqual([0, 1, 2, 0]);
});

test('the derivative of a wide qr is that of its product', async () => {
  const x = normal([2, 4]);
  const slope = grad((y: Tensor) => {
    const { q, r } = t.qr(y);
    return sum(t.sin(matmul(q, r)));
  });
  expect(await largest(sub(slope(x), t.cos(x)))).toBeLessThan(1e-12);
});

describe('cholesky', () => {
  test('of a matrix known by hand', async () => {
    expect(
      await nested(
        t.cholesky(
          f64([
            [4, 2],
            [2, 10],
          ]),
        ),
      ),
    ).toEqual([
      [2, 0],
      [1, 3],
    ]);
  });

  test('refuses what is not positive definite, when it runs', async () => {
    await expect(
      t
        .cholesky(
          f64([
            [1, 2],
            [2, 1],
          ]),
        )
        .data(),
    ).rejects.toThrow(/cholesky: a matrix is not positive definite/);
  });
});

describe('solve', () => {
  const a = f64([
    [2, 1],
    [1, 3],
  ]);

  test('a vector, a matrix, a stack', async () => {
    expect(await nested(t.solve(a, tensor([3, 5], undefined, 'f64')))).toEqual(near([0.8, 1.4]));
    expect(
      await nested(
        t.solve(
          a,
          f64([
            [3, 2],
            [5, 1],
          ]),
        ),
      ),
    ).toEqual(
      near([
        [0.8, 1],
        [1.4, 0],
      ]),
    );
    const stack = normal([3, 2, 1]);
    expect(await largest(sub(matmul(a, t.solve(a, stack)), stack))).toBeLessThan(1e-14);
  });

  test('triangular, each way', async () => {
    const b = f64([[3], [5]]);
    expect(await nested(t.triangularSolve(a, b))).toEqual(near([[1.5], [3.5 / 3]]));
    expect(await nested(t.triangularSolve(a, b, { lower: false }))).toEqual(
      near([[2 / 3], [5 / 3]]),
    );
    expect(await nested(t.triangularSolve(a, b, { transposed: true }))).toEqual(
      near([[2 / 3], [5 / 3]]),
    );
  });

  test('the inverse', async () => {
    expect(await nested(t.inv(a))).toEqual(
      near([
        [0.6, -0.2],
        [-0.2, 0.4],
      ]),
    );
    await expect(
      t
        .inv(
          f64([
            [1, 2],
            [2, 4],
          ]),
        )
        .data(),
    ).rejects.toThrow(/solve: a matrix is singular/);
    expect(await nested(t.inv(t.zeros([0, 0])))).toEqual([]);
  });
});

test('determinants, and those that leave the range of floats', async () => {
  expect(
    await t
      .det(
        f64([
          [2, 1],
          [1, 3],
        ]),
      )
      .item(),
  ).toBeCloseTo(5, 12);
  expect(
    await t
      .det(
        f64([
          [0, 1],
          [1, 0],
        ]),
      )
      .item(),
  ).toBe(-1);
  expect(await t.det(t.zeros([0, 0])).item()).toBe(1);
  const permutation = f64([
    [0, 1, 0],
    [0, 0, 1],
    [1, 0, 0],
  ]);
  for (const [x, sign, log] of [
    [permutation, 1, 0],
    [mul(permutation, -1), -1, 0],
    [mul(t.eye(200, 200, { dtype: 'f64' }), 1e-3), 1, 200 * Math.log(1e-3)],
    [
      f64([
        [1, 2],
        [2, 4],
      ]),
      0,
      Number.NEGATIVE_INFINITY,
    ],
  ] as const) {
    const found = t.slogdet(x);
    expect(await found.sign.item()).toBe(sign);
    expect(await found.logAbsDet.item()).toBeCloseTo(log, 9);
  }
});

test('eigenvalues and vectors of a symmetric matrix', async () => {
  const { values, vectors } = t.eigh(
    f64([
      [2, 1],
      [1, 2],
    ]),
  );
  expect(await nested(values)).toEqual(near([1, 3]));
  expect(await nested(vectors)).toEqual(
    near([
      [Math.SQRT1_2, Math.SQRT1_2],
      [-Math.SQRT1_2, Math.SQRT1_2],
    ]),
  );
  const half = normal([3, 6, 6]);
  const x = sub(half, mul(swapAxes(half), -1));
  const parts = t.eigh(x);
  const again = matmul(mul(parts.vectors, t.expandDims(parts.values, -2)), swapAxes(parts.vectors));
  expect(await largest(sub(again, x))).toBeLessThan(1e-13);
  expect(await largest(sub(t.eigvalsh(x), parts.values))).toBe(0);
});

describe('expm', () => {
  test('of zeros, of a rotation, of a large and of a nilpotent matrix', async () => {
    expect(await nested(t.expm(t.zeros([2, 2], 'f64')))).toEqual([
      [1, 0],
      [0, 1],
    ]);
    const turn = 20;
    expect(
      await nested(
        t.expm(
          f64([
            [0, -turn],
            [turn, 0],
          ]),
        ),
      ),
    ).toEqual(
      near([
        [Math.cos(turn), -Math.sin(turn)],
        [Math.sin(turn), Math.cos(turn)],
      ]),
    );
    expect(
      await nested(
        t.expm(
          f64([
            [0, 1, 5],
            [0, 0, 2],
            [0, 0, 0],
          ]),
        ),
      ),
    ).toEqual(
      near([
        [1, 1, 6],
        [0, 1, 2],
        [0, 0, 1],
      ]),
    );
  });

  test('its determinant is the exponential of the trace', async () => {
    const x = normal([5, 5]);
    expect(await t.slogdet(t.expm(x)).logAbsDet.item()).toBeCloseTo(await t.trace(x).item(), 10);
  });
});

test('kron puts the second matrix at each place of the first', async () => {
  expect(
    await nested(
      t.kron(
        tensor([[1, 2]]),
        tensor([
          [1, 0],
          [0, 3],
        ]),
      ),
    ),
  ).toEqual([
    [1, 0, 2, 0],
    [0, 3, 0, 6],
  ]);
  expect(t.kron(t.zeros([4, 1, 2, 3]), t.zeros([5, 2, 1])).shape).toEqual([4, 5, 4, 3]);
});

test('in f32 and f16 it is the result of f64, rounded', async () => {
  const x = tensor(
    [
      [1, 2],
      [3, 4],
    ],
    undefined,
    'f16',
  );
  expect(t.svd(x).s.dtype).toBe('f16');
  expect(await nested(t.singularValues(x))).toEqual([
    expect.closeTo(5.465, 2),
    expect.closeTo(0.366, 3),
  ]);
});

test('within a compiled function, differentiated', async () => {
  const distance = compile(grad((x: Tensor) => sum(t.abs(sub(x, rebuilt(t.svd(x)))))));
  expect(distance(normal([3, 2])).shape).toEqual([3, 2]);
});
