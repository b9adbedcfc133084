import {
  type Backend,
  currentBackend,
  dot,
  evaluate,
  LorikeetError,
  memoryScope,
  type Tensor,
  tensor,
  useBackend,
} from '@lorikeet/tensor-core';
import { Command } from 'commander';
import { coresBusyElsewhere } from './machineLoad.ts';
import { measureAll, report, type Timing } from './measure.ts';
import { adapterFigures, createWebgpu, openBackend } from './openBackend.ts';
import { countOption, countsOption, positiveOption } from './options.ts';
import { type GemmPeer, type GemmWork, wasmGemmPeers } from './peers/gemm.ts';
import { webgpuGemmPeers } from './peers/webgpu/gemm.ts';

/** M, K and N of [M, K] times [K, N]: squares, and what a LoRA of rank 8 on a layer 768 wide multiplies, forward and backward. */
const shapes: readonly (readonly number[])[] = [
  [256, 256, 256],
  [512, 512, 512],
  [1024, 1024, 1024],
  [2048, 2048, 2048],
  [1024, 768, 8],
  [1024, 8, 768],
  [768, 1024, 8],
  [8, 1024, 768],
];

/** A software adapter takes its time. */
const webgpuShapes: readonly (readonly number[])[] = [
  [512, 512, 512],
  [1024, 1024, 1024],
  [1024, 768, 3072],
];

interface GemmFlags {
  readonly size?: readonly number[];
  readonly seconds: number;
  readonly threads: number;
  readonly backend?: string;
  readonly peers: boolean;
  readonly json?: string;
}

export function gemmCommand(): Command {
  return new Command('gemm')
    .description('Products of two f32 matrices that come anew with each call, beside the rivals.')
    .option('--size <list>', 'one product instead of all, as M,K,N', countsOption)
    .option('--seconds <n>', 'time to measure each product for', positiveOption, 2)
    .option('--backend <name>', 'onnx, webgpu or reference')
    .option('--threads <n>', 'our threads; the rivals have one in Node', countOption, 2)
    .option('--no-peers', 'without the rivals')
    .option('--json <file>', 'write the figures')
    .action(async (flags: GemmFlags) => {
      const { size, seconds, threads } = flags;
      const webgpu = await openBackend(flags);
      const backend = currentBackend();
      // Which of both a GPU gets, is decided elsewhere: here both are measured.
      const variants = webgpu === undefined ? [] : await tilings();
      const peers = flags.peers ? await (webgpu ? webgpuGemmPeers() : wasmGemmPeers()) : [];
      const products: Record<string, unknown>[] = [];
      const all = webgpu === undefined ? shapes : webgpuShapes;
      for (const shape of size === undefined ? all : [size])
        products.push(await measureProduct(shape, { backend, variants, peers }, seconds));
      let rivalSeconds = 0;
      for (const peer of peers) rivalSeconds += await peer.end();
      await report(
        {
          backend: backend.name,
          ...adapterFigures(backend),
          threads,
          products,
          cores_busy_elsewhere: coresBusyElsewhere(rivalSeconds),
        },
        flags.json,
      );
    });
}

interface Variant {
  readonly tiling: 'workgroup' | 'register';
  readonly backend: Backend;
}

async function tilings(): Promise<readonly Variant[]> {
  const variants: Variant[] = [];
  for (const tiling of ['workgroup', 'register'] as const)
    variants.push({ tiling, backend: await createWebgpu({ tiling }) });
  return variants;
}

interface Contestants {
  readonly backend: Backend;
  readonly variants: readonly Variant[];
  readonly peers: readonly GemmPeer[];
}

async function measureProduct(
  [m = 512, k = m, n = m]: readonly number[],
  { backend, variants, peers }: Contestants,
  seconds: number,
): Promise<Record<string, unknown>> {
  const [a, b] = [noise(m * k, 1), noise(k * n, 2)];
  const names = [
    'Lorikeet',
    ...variants.map(({ tiling }) => `Lorikeet, ${tiling} tiles,`),
    ...peers.map(({ name }) => name),
  ];
  const works: GemmWork[] = [];
  for (const own of [backend, ...variants.map((variant) => variant.backend)])
    works.push(await ownWork(own, a, b, [m, k, n]));
  for (const peer of peers) works.push(await peer.prepare(a, b, [m, k, n]));
  const [first, ...others] = works;
  await first?.run();
  const expected = Float32Array.from((await first?.read()) ?? []);
  for (const [i, other] of others.entries()) {
    await other.run();
    requireEqual(await other.read(), expected, names[i + 1] ?? '');
  }
  const [own, ...timings] = await measureAll(
    works.map(({ run }) => run),
    seconds,
  );
  for (const { dispose } of works) dispose();
  if (own === undefined) throw new Error('nothing was measured');
  const gflops = (time: number): number => (2 * m * n * k) / time / 1e9;
  const figures = (timing: Timing | undefined): Timing & { gflops: number } => {
    const known = timing ?? own;
    return { ...known, gflops: gflops(known.median_s) };
  };
  const tiled = variants.map(({ tiling, backend: on }, i) => ({
    tiling,
    ...adapterFigures(on),
    ...figures(timings[i]),
  }));
  const rivals = peers.map(({ name, version, runsOn }, i) => {
    const timing = figures(timings[variants.length + i]);
    return { name, version, ...runsOn, ...timing, ratio: timing.median_s / own.median_s };
  });
  console.log(
    [`${m}x${k}x${n}`, `us ${gflops(own.median_s).toFixed(1)}`]
      .concat(
        tiled.map((tile) => `${tile.tiling} ${tile.gflops.toFixed(1)}`),
        rivals.map(
          (rival) => `${rival.name} ${rival.gflops.toFixed(1)} (x ${rival.ratio.toFixed(1)})`,
        ),
      )
      .join('  '),
    'GFLOP/s',
  );
  return {
    m,
    k,
    n,
    ...adapterFigures(backend),
    ...figures(own),
    ...(tiled.length === 0 ? {} : { tilings: tiled }),
    rivals,
    ...(rivals.length === 0
      ? {}
      : { ratio_to_best: Math.min(...rivals.map(({ ratio }) => ratio)) }),
  };
}

async function ownWork(
  backend: Backend,
  a: Float32Array,
  b: Float32Array,
  [m, k, n]: readonly [m: number, k: number, n: number],
): Promise<GemmWork> {
  useBackend(backend);
  const operands = await evaluate([tensor(a, [m, k]), tensor(b, [k, n])] as const);
  let values: ArrayLike<number> = [];
  return {
    async run() {
      useBackend(backend);
      using _ = memoryScope();
      values = await product(...operands).data();
    },
    read: async () => values,
    dispose: () => {},
  };
}

/** What differs is not the same product. Rounding differs by far less. */
function requireEqual(values: ArrayLike<number>, expected: ArrayLike<number>, rival: string): void {
  const isEqual =
    values.length === expected.length &&
    Array.from(values).every((value, i) => Math.abs(value - (expected[i] ?? 0)) < 1e-3);
  if (!isEqual)
    throw new LorikeetError('internal', `${rival} and Lorikeet do not give the same product`);
}

function product(a: Tensor, b: Tensor): Tensor {
  return dot(a, b, { contract: [[1], [0]] });
}

function noise(size: number, seed: number): Float32Array {
  let state = seed;
  return new Float32Array(size).map(() => {
    state = (Math.imul(state, 1664525) + 1013904223) | 0;
    return state / 2 ** 31;
  });
}
