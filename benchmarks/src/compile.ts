import {
  add,
  compile,
  currentBackend,
  grad,
  matmul,
  mul,
  sin,
  sum,
  type Tensor,
  tanh,
  tensor,
} from '@lorikeet/tensor-core';
import { Command } from 'commander';
import { peakRssMib, report } from './measure.ts';
import { countsOption } from './options.ts';

const x = tensor([
  [0.1, 0.2],
  [0.3, 0.4],
]);

/** Programs of about `nodes` ops, none of which can be folded away or merged with another. */
const programs: Readonly<Record<string, (nodes: number) => (x: Tensor) => Tensor>> = {
  forward: (nodes) => (input) => {
    let state = input;
    for (let i = 0; i < nodes / 4; i++) state = tanh(matmul(add(sin(state), i + 0.5), x));
    return state;
  },
  gradient: (nodes) =>
    grad((input: Tensor) => {
      let state = input;
      for (let i = 0; i < nodes / 8; i++) state = tanh(mul(matmul(state, x), i + 0.5));
      return sum(state);
    }),
  wide: (nodes) => (input) => {
    const parts = Array.from({ length: nodes / 2 }, (_, i) => mul(input, i + 0.5));
    return parts.reduce((total, part) => add(total, part));
  },
};

export function compileCommand(): Command {
  return new Command('compile')
    .description('Tracing, optimising and planning of programs of growing length.')
    .option(
      '--nodes <list>',
      'about how many ops each program has',
      countsOption,
      [1250, 2500, 5000, 10000, 20000, 40000],
    )
    .option('--json <file>', 'write the figures')
    .action(async ({ nodes, json }: { nodes: readonly number[]; json?: string }) => {
      const rows = Object.entries(programs).map(([program, make]) => {
        compileOnce(make(1000));
        const runs = nodes.map((size) => compileOnce(make(size)));
        return {
          program,
          instructions: runs.map(({ instructions }) => instructions),
          compile_s: runs.map(({ compile_s }) => Number(compile_s.toFixed(4))),
          growth: Number(growth(runs).toFixed(2)),
        };
      });
      await report(
        { backend: currentBackend().name, programs: rows, peak_rss_mib: peakRssMib() },
        json,
      );
    });
}

interface Row {
  readonly instructions: number;
  readonly compile_s: number;
}

/** The best of three, each with a trace of its own. */
function compileOnce(fn: (x: Tensor) => Tensor): Row {
  const rows = Array.from({ length: 3 }, () => {
    const start = performance.now();
    const { instructions } = compile(fn).program(x);
    return { instructions: instructions.length, compile_s: (performance.now() - start) / 1000 };
  });
  return rows.reduce((best, row) => (row.compile_s < best.compile_s ? row : best));
}

/** Time grows as length to this power, by least squares of the logarithms: 1 is linear. */
function growth(rows: readonly Row[]): number {
  const points = rows.map(({ instructions, compile_s }) => [
    Math.log(instructions),
    Math.log(compile_s),
  ]) as [number, number][];
  const mean = (values: readonly number[]): number =>
    values.reduce((total, value) => total + value, 0) / values.length;
  const [mx, my] = [mean(points.map(([u]) => u)), mean(points.map(([, v]) => v))];
  const covariance = mean(points.map(([u, v]) => (u - mx) * (v - my)));
  return covariance / mean(points.map(([u]) => (u - mx) ** 2));
}
