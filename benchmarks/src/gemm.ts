import { currentBackend, dot, evaluate, normal, randomKey, split } from '@lorikeet/tensor-core';
import { Command } from 'commander';
import { measure, peakRssMib, report } from './measure.ts';

export function gemmCommand(): Command {
  return new Command('gemm')
    .description('The product of two f32 matrices, [M, K] times [N, K] transposed.')
    .option('--size <list>', 'M,N,K', '512,512,512')
    .option('--seconds <n>', 'time to measure for', '3')
    .option('--json <file>', 'write the figures')
    .action(async ({ size, seconds, json }: { size: string; seconds: string; json?: string }) => {
      const [m = 512, n = m, k = m] = size.split(',').map(Number);
      const [keyA = randomKey(1), keyB = randomKey(2)] = split(randomKey(0));
      const [a, b] = await evaluate([normal(keyA, [m, k]), normal(keyB, [n, k])] as const);
      const timing = await measure(
        async () => void (await evaluate(dot(a, b, { contract: [[1], [1]] }))),
        Number(seconds),
      );
      const gflops = (2 * m * n * k) / timing.median_s / 1e9;
      await report(
        { backend: currentBackend().name, m, n, k, ...timing, gflops, peak_rss_mib: peakRssMib() },
        json,
      );
    });
}
