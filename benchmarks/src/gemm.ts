import {
  currentBackend,
  dot,
  evaluate,
  LorikeetError,
  memoryScope,
  type Tensor,
  tensor,
} from '@lorikeet/tensor-core';
import { Command } from 'commander';
import { chooseBackend } from './backends.ts';
import { coresBusyElsewhere } from './machineLoad.ts';
import { measureAll, report } from './measure.ts';
import { countOption, countsOption, positiveOption } from './options.ts';
import { gemmPeers } from './peers/gemm.ts';

/** M, K and N of [M, K] times [K, N]: squares, and what a LoRA of rank 8 on a layer 768 wide multiplies, forward and backward. */
const shapes: readonly (readonly [m: number, k: number, n: number])[] = [
  [256, 256, 256],
  [512, 512, 512],
  [1024, 1024, 1024],
  [2048, 2048, 2048],
  [1024, 768, 8],
  [1024, 8, 768],
  [768, 1024, 8],
  [8, 1024, 768],
];

export function gemmCommand(): Command {
  return new Command('gemm')
    .description('Products of two f32 matrices that come anew with each call, beside the rivals.')
    .option('--size <list>', 'one product instead of all, as M,K,N', countsOption)
    .option('--seconds <n>', 'time to measure each product for', positiveOption, 2)
    .option('--backend <name>', 'onnx or reference')
    .option('--threads <n>', 'our threads; the rivals have one in Node', countOption, 2)
    .option('--no-peers', 'without the rivals')
    .option('--json <file>', 'write the figures')
    .action(
      async (flags: {
        size?: readonly number[];
        seconds: number;
        threads: number;
        backend?: string;
        peers: boolean;
        json?: string;
      }) => {
        const { size, seconds, threads } = flags;
        await chooseBackend(flags.backend, threads);
        const products: Record<string, unknown>[] = [];
        const peers = flags.peers ? await gemmPeers() : [];
        for (const shape of size === undefined ? shapes : [size])
          products.push(await measureProduct(shape, peers, seconds));
        await report(
          {
            backend: currentBackend().name,
            threads,
            products,
            cores_busy_elsewhere: coresBusyElsewhere(),
          },
          flags.json,
        );
      },
    );
}

async function measureProduct(
  [m = 512, k = m, n = m]: readonly number[],
  peers: Awaited<ReturnType<typeof gemmPeers>>,
  seconds: number,
): Promise<Record<string, unknown>> {
  const [a, b] = [noise(m * k, 1), noise(k * n, 2)];
  const operands = await evaluate([tensor(a, [m, k]), tensor(b, [k, n])] as const);
  const ours = async (): Promise<ArrayLike<number>> => {
    using _ = memoryScope();
    return await product(...operands).data();
  };
  const others = await Promise.all(peers.map((peer) => peer.prepare(a, b, [m, k, n])));
  const expected = Float32Array.from(await ours());
  for (const [i, { run }] of others.entries())
    requireEqual(await run(), expected, peers[i]?.name ?? '');
  const works = [ours, ...others.map(({ run }) => run)];
  const [own, ...theirs] = await measureAll(
    works.map((work) => async () => void (await work())),
    seconds,
  );
  for (const { dispose } of others) dispose();
  if (own === undefined) throw new Error('nothing was measured');
  const gflops = (seconds_: number): number => (2 * m * n * k) / seconds_ / 1e9;
  const rivals = peers.map(({ name, version, threads }, i) => {
    const timing = theirs[i] ?? own;
    const ratio = timing.median_s / own.median_s;
    return { name, version, threads, ...timing, gflops: gflops(timing.median_s), ratio };
  });
  console.log(
    [`${m}x${k}x${n}`, `us ${gflops(own.median_s).toFixed(1)}`]
      .concat(
        rivals.map(
          (rival) => `${rival.name} ${rival.gflops.toFixed(1)} (x ${rival.ratio.toFixed(1)})`,
        ),
      )
      .join('  '),
    'GFLOP/s',
  );
  return { m, k, n, ...own, gflops: gflops(own.median_s), rivals };
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
