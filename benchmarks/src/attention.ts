import {
  attention,
  type Backend,
  compile,
  evaluate,
  LorikeetError,
  memoryScope,
  mul,
  normal,
  randomKey,
  sum,
  type Tensor,
  useBackend,
  valueAndGrad,
} from '@lorikeet/tensor-core';
import { Command } from 'commander';
import { measureAll, report } from './measure.ts';
import { adapterFigures, createWebgpu } from './openBackend.ts';
import { countsOption, positiveOption } from './options.ts';

interface AttentionFlags {
  readonly size: readonly number[];
  readonly seconds: number;
  readonly json?: string;
}

type Work = () => Promise<readonly ArrayLike<number>[]>;

const ways = [
  { name: 'body', options: { attention: 'never' } },
  { name: 'register', options: { attention: 'always', tiling: 'register' } },
  { name: 'workgroup', options: { attention: 'always', tiling: 'workgroup' } },
] as const;

export function attentionCommand(): Command {
  return new Command('attention')
    .description(
      'Causal attention on WebGPU with its weights in memory, and in one pass of both families.',
    )
    .option('--size <list>', 'batch, heads, tokens, size of a head', countsOption, [2, 4, 256, 64])
    .option('--seconds <n>', 'time to measure each for', positiveOption, 2)
    .option('--json <file>', 'write the figures')
    .action(async ({ size, seconds, json }: AttentionFlags) => {
      const [batch = 2, heads = 4, tokens = 256, width = 64] = size;
      const works: (() => Promise<void>)[] = [];
      const results: (readonly ArrayLike<number>[])[] = [];
      let adapter: Readonly<Record<string, unknown>> = {};
      for (const { options } of ways) {
        const backend = await createWebgpu(options);
        adapter = adapterFigures(backend);
        const [forward, step] = await worksOn(backend, [batch, heads, tokens, width]);
        results.push(await step());
        works.push(
          async () => void (await forward()),
          async () => void (await step()),
        );
      }
      for (const other of results.slice(1)) requireEqual(other, results[0] ?? []);
      const timings = await measureAll(works, seconds);
      const figures = ways.map(({ name }, i) => ({
        name,
        forward: timings[2 * i],
        step: timings[2 * i + 1],
      }));
      await report({ batch, heads, tokens, size: width, ...adapter, ways: figures }, json);
    });
}

/** What attention gives, and that with the derivatives of a weighted sum of it, read back. */
async function worksOn(
  backend: Backend,
  shape: readonly number[],
): Promise<readonly [forward: Work, step: Work]> {
  useBackend(backend);
  const inputs = [1, 2, 3, 4].map((seed) => normal(randomKey(seed), shape));
  await evaluate(inputs);
  const result = ([query, key, value]: readonly Tensor[]): Tensor =>
    attention(query as Tensor, key as Tensor, value as Tensor, { causal: true });
  const objective = (xs: readonly Tensor[]): Tensor => sum(mul(inputs[3] as Tensor, result(xs)));
  const work = (call: (xs: readonly Tensor[]) => readonly Tensor[]): Work => {
    const compiled = compile(call);
    return async () => {
      useBackend(backend);
      using _ = memoryScope();
      const found = await evaluate(await compiled(inputs.slice(0, 3)));
      return await Promise.all(found.map((x) => x.data()));
    };
  };
  return [
    work((xs) => [result(xs)]),
    work((xs) => {
      const { value, gradient } = valueAndGrad(objective)(xs);
      return [value, ...gradient];
    }),
  ];
}

function requireEqual(
  found: readonly ArrayLike<number>[],
  wanted: readonly ArrayLike<number>[],
): void {
  const isEqual = wanted.every((values, i) =>
    Array.from(values).every((value, j) => {
      const other = found[i]?.[j] ?? Number.NaN;
      return Math.abs(value - other) <= 1e-3 * Math.max(1, Math.abs(value));
    }),
  );
  if (!isEqual) throw new LorikeetError('internal', 'the ways do not give the same attention');
}
