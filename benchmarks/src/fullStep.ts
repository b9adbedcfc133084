import { currentBackend, LorikeetError } from '@lorikeet/tensor-core';
import type { WebgpuBackend } from '@lorikeet/tensor-core/webgpu';
import { countDevice } from './deviceCounts.ts';
import type { FullModel } from './fullModels.ts';
import { coresBusyElsewhere } from './machineLoad.ts';
import type { CompiledStep } from './makeStep.ts';
import { measureAll, medianOf, peakRssMib } from './measure.ts';
import { adapterFigures } from './openBackend.ts';
import { type StartedPeer, startPeer } from './peers/webgpu/startPeer.ts';
import { productFlops } from './productFlops.ts';

/** How far the losses of rivals may be from ours, relative. Rounding differs by far less. */
const tolerance = 1e-4;

/** After that many steps the losses must still be the same. */
const comparedSteps = 3;

/** Steps of a model all of whose weights are trained, beside the rivals that take the same steps. */
export async function measureFullStep(
  model: FullModel,
  { seconds, peers }: { readonly seconds: number; readonly peers: boolean },
  webgpu: WebgpuBackend | undefined,
): Promise<Record<string, unknown>> {
  const step = await model.makeStep();
  const losses: number[] = [];
  for (let i = 0; i < comparedSteps; i++) losses.push((await step.run()).loss);
  const rivals = webgpu !== undefined && peers ? await startRivals(model, losses) : [];
  const counts = countDevice(webgpu);
  const hostTimes: number[] = [];
  const works = [() => ownStep(step, hostTimes), ...rivals.map(({ peer }) => peer.run)];
  const [own, ...timings] = await measureAll(works, seconds);
  if (own === undefined) throw new Error('nothing was measured');
  const ends = await Promise.all(rivals.map(({ peer }) => peer.end()));
  const peak_rss_mib = peakRssMib();
  const gflop = productFlops(step.program) / 1e9;
  const compared = rivals.map(({ peer: { name, version, adapter }, losses: theirs }, i) => {
    const timing = timings[i] ?? own;
    const ratio = timing.median_s / own.median_s;
    const peak = ends[i]?.peak_rss_mib;
    return { name, version, adapter, ...timing, losses: theirs, peak_rss_mib: peak, ratio };
  });
  return {
    backend: currentBackend().name,
    ...adapterFigures(currentBackend()),
    batch: model.batch,
    seq: model.seq,
    trainable: step.trainable,
    instructions: step.program.instructions.length,
    compile_s: step.compile_s,
    second_compile_ms: step.second_compile_ms,
    ...own,
    host_ms: 1000 * medianOf(hostTimes.slice(1)),
    // One run does not count, but was made.
    ...counts(own.runs + 1),
    gflop_per_step: gflop,
    gflops: gflop / own.median_s,
    losses,
    peak_rss_mib,
    cores_busy_elsewhere: coresBusyElsewhere(ends.reduce((sum, { cpu_s }) => sum + cpu_s, 0)),
    rivals: compared,
    ...(compared.length === 0
      ? {}
      : { ratio_to_best: Math.min(...compared.map(({ ratio }) => ratio)) }),
  };
}

async function ownStep(step: CompiledStep, hostTimes: number[]): Promise<void> {
  const { loss, host_s } = await step.run();
  if (!Number.isFinite(loss)) throw new LorikeetError('not-finite', `the loss is ${loss}`);
  // The rivals wait for all of their work, too.
  await currentBackend().synchronize();
  hostTimes.push(host_s);
}

interface Rival {
  readonly peer: StartedPeer;
  readonly losses: readonly number[];
}

/** Starts who can take such steps, from the same weights, and lets them show that they do. */
async function startRivals({ task }: FullModel, expected: readonly number[]): Promise<Rival[]> {
  const rivals: Rival[] = [];
  for (const name of task.kind === 'mlp' ? (['jax-js', 'tfjs'] as const) : (['jax-js'] as const)) {
    const peer = await startPeer(name);
    await peer.prepare(task);
    const losses: number[] = [];
    for (const _ of expected) {
      await peer.run();
      losses.push((await peer.read())[0] ?? Number.NaN);
    }
    const isSame = expected.every(
      (loss, i) => Math.abs((losses[i] ?? Number.NaN) - loss) <= tolerance * Math.abs(loss),
    );
    if (!isSame)
      throw new LorikeetError('internal', `${peer.name} does not take the same steps`, {
        expected: `the losses ${expected.join(', ')}`,
        received: losses.join(', '),
      });
    rivals.push({ peer, losses });
  }
  return rivals;
}
