import {
  add,
  compile,
  currentBackend,
  evaluate,
  memoryScope,
  type Tensor,
  tensor,
} from '@lorikeet/tensor-core';
import { Command } from 'commander';
import { measureGptStep } from './gptOverhead.ts';
import { coresBusyElsewhere } from './machineLoad.ts';
import { measure, report } from './measure.ts';
import { adapterFigures, openBackend } from './openBackend.ts';
import { countOption, positiveOption } from './options.ts';

interface OverheadFlags {
  readonly backend?: string;
  readonly dawn?: string;
  readonly vocabulary: number;
  readonly batch: number;
  readonly seconds: number;
  readonly threads: number;
  readonly json?: string;
}

export function overheadCommand(): Command {
  return new Command('overhead')
    .description('What a call of a compiled function costs besides its arithmetic.')
    .option('--backend <name>', 'onnx, webgpu or reference')
    .option('--dawn <backend>', 'of WebGPU: null for no device at all, with a step of GPT-2')
    .option(
      '--vocabulary <n>',
      "of that GPT-2: Dawn's null device has 512 MiB, less than the whole takes",
      countOption,
      8192,
    )
    .option('--batch <n>', 'rows of that step, of 128 tokens', countOption, 1)
    .option('--seconds <n>', 'time to measure each for', positiveOption, 2)
    .option('--threads <n>', 'threads of the backend', countOption, 2)
    .option('--json <file>', 'write the figures')
    .action(async (flags: OverheadFlags) => {
      const { seconds, threads, dawn, json } = flags;
      const options = dawn === undefined ? {} : { dawn: [`backend=${dawn}`] };
      const webgpu = await openBackend(flags, options);
      if (webgpu !== undefined && dawn !== undefined) {
        const figures = await measureGptStep(webgpu, flags);
        await report({ backend: webgpu.name, dawn, ...adapterFigures(webgpu), ...figures }, json);
        return;
      }
      const one = await measureCall(1, seconds);
      const hundred = await measureCall(100, seconds);
      await report(
        {
          backend: currentBackend().name,
          ...adapterFigures(currentBackend()),
          threads,
          host_ms: one.call_ms,
          second_compile_ms: one.second_compile_ms,
          host_100_tensors_ms: hundred.call_ms,
          second_compile_100_tensors_ms: hundred.second_compile_ms,
          cores_busy_elsewhere: coresBusyElsewhere(),
        },
        json,
      );
    });
}

/** Median milliseconds of one call with `count` tensors of four elements, each plus 1, until the results are there. */
async function measureCall(
  count: number,
  seconds: number,
): Promise<{ call_ms: number; second_compile_ms: number }> {
  const tensors = Array.from({ length: count }, () => tensor(new Float32Array(4), [4]));
  await evaluate(tensors);
  const increment = compile((xs: readonly Tensor[]) => xs.map((x) => add(x, 1)));
  const call = await measure(async () => {
    using _ = memoryScope();
    increment(tensors);
    await currentBackend().synchronize();
  }, seconds);
  const again = await measure(async () => void increment.program(tensors), seconds / 4);
  return { call_ms: 1000 * call.median_s, second_compile_ms: 1000 * again.median_s };
}
