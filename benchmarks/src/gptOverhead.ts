import type { WebgpuBackend } from '@lorikeet/tensor-core/webgpu';
import { countDevice } from './deviceCounts.ts';
import { measure, medianOf, peakRssMib } from './measure.ts';
import { type BenchmarkModel, benchmarkModels } from './sizes.ts';
import { makeTrainingStep } from './trainingStep.ts';

export interface GptOverheadOptions {
  readonly seconds: number;
  readonly vocabulary: number;
  readonly batch: number;
}

/** What the host does for a LoRA step of GPT-2, 12 layers, 128 tokens, rank 8: all that it takes if a device takes no time. */
export async function measureGptStep(
  webgpu: WebgpuBackend,
  { seconds, vocabulary, batch }: GptOverheadOptions,
): Promise<Readonly<Record<string, unknown>>> {
  const { config, ...gpt2 } = benchmarkModels.gpt2 as BenchmarkModel;
  const model = { ...gpt2, config: { ...config, vocab_size: vocabulary } };
  const sizes = { batch, seq: 128, rank: 8 };
  const step = await makeTrainingStep(model, sizes);
  const start = performance.now();
  await step.run();
  const first_step_s = (performance.now() - start) / 1000;
  const counts = countDevice(webgpu);
  const hostTimes: number[] = [];
  const timing = await measure(async () => {
    hostTimes.push((await step.run()).host_s);
  }, seconds);
  return {
    model: 'gpt2',
    ...sizes,
    vocabulary,
    instructions: step.program.instructions.length,
    compile_s: step.compile_s,
    second_compile_ms: step.second_compile_ms,
    first_step_s,
    // Until the loss is read back, which is zero where nothing is computed.
    ...timing,
    host_ms: 1000 * medianOf(hostTimes.slice(1)),
    ...counts(timing.runs + 1),
    peak_rss_mib: peakRssMib(),
  };
}
