import { type Part, paths } from '@lorikeet/nn';
import { formatType, LorikeetError, mapTensors, type Tensor, tensor } from '@lorikeet/tensor-core';
import type { ReadUpTo } from './batchGroups.ts';
import type { Checkpoint } from './checkpoints.ts';
import type { StepState } from './compileStep.ts';
import type { Evaluation, StepReport } from './fitOptions.ts';
import type { Watch } from './monitor.ts';

/** Where a run stands in its data. */
interface RunPosition extends ReadUpTo {
  /** From 1. */
  readonly epoch: number;
  /** Steps that are done. */
  readonly step: number;
}

/** A state of a run from which it can go on. */
export interface Snapshot<Model, Metrics> {
  readonly position: RunPosition;
  readonly state: StepState<Model>;
  readonly steps: readonly StepReport[];
  readonly evaluations: readonly Evaluation<Metrics>[];
  /** With a monitor, after the first evaluation. */
  readonly watch: Watch | undefined;
  /** What trained in the best model, if one is kept. */
  readonly best: Part<Model> | undefined;
}

/** What must be the same in a run and in one that goes on with it. */
export interface RunSettings {
  readonly seed: number;
  readonly accumulate: number;
  readonly precision: string | null;
}

interface SavedState<Metrics> extends RunSettings {
  readonly position: RunPosition;
  readonly evaluations: readonly Evaluation<Metrics>[];
  readonly watch: Watch | null;
  readonly hasBest: boolean;
  /** What optimisers say of steps. */
  readonly measures: readonly string[];
}

/** Columns of the table of steps. */
const columns = ['epoch', 'loss', 'gradientNorm', 'tokens', 'seconds', 'liveBytes'] as const;
const prefix = 'steps.';

export function checkpointOf<Model, Metrics>(
  { position, state, steps, evaluations, watch, best }: Snapshot<Model, Metrics>,
  settings: RunSettings,
): Checkpoint {
  const column = (value: (report: StepReport) => number): Tensor =>
    tensor(Float64Array.from(steps, value), [steps.length], 'f64');
  const measures = Object.keys(steps[0]?.measures ?? {});
  const saved: SavedState<Metrics> = {
    ...settings,
    position,
    evaluations,
    watch: watch ?? null,
    hasBest: best !== undefined,
    measures,
  };
  return {
    step: position.step,
    state: saved,
    tensors: new Map([
      ...paths({ state, best: best ?? null }),
      ...columns.map((name) => [prefix + name, column((report) => report[name])] as const),
      ...measures.map(
        (name) => [prefix + name, column(({ measures: own }) => own[name] ?? Number.NaN)] as const,
      ),
    ]),
  };
}

/**
 * What a checkpoint holds.
 *
 * @param fresh the state that a new run would start with.
 * @throws LorikeetError `tree-mismatch` for one of another run, saying in what it differs.
 */
export async function snapshotOf<Model, Metrics>(
  { tensors, state }: Checkpoint,
  fresh: StepState<Model>,
  settings: RunSettings,
): Promise<Snapshot<Model, Metrics>> {
  const saved = state as SavedState<Metrics>;
  for (const field of ['seed', 'accumulate', 'precision'] as const)
    if (saved[field] !== settings[field])
      throw mismatch(field, String(settings[field]), String(saved[field]));
  const skeleton = { state: fresh, best: saved.hasBest ? fresh.trainable : null };
  const names = new Set(paths(skeleton).map(([name]) => name));
  for (const [name, { type }] of tensors)
    if (!names.has(name) && !name.startsWith(prefix))
      throw mismatch(name, 'no such tensor', formatType(type));
  const found = mapTensors(skeleton, (leaf, path) => {
    const name = path.join('.');
    const kept = tensors.get(name);
    const [expected, received] = [formatType(leaf.type), kept && formatType(kept.type)];
    if (kept === undefined || expected !== received)
      throw mismatch(name, expected, received ?? 'nothing');
    return kept;
  });
  return {
    position: saved.position,
    state: found.state,
    best: found.best ?? undefined,
    evaluations: saved.evaluations,
    watch: saved.watch ?? undefined,
    steps: await stepsOf(saved, tensors),
  };
}

async function stepsOf<Metrics>(
  { position, measures }: SavedState<Metrics>,
  tensors: ReadonlyMap<string, Tensor>,
): Promise<StepReport[]> {
  const table = new Map<string, ArrayLike<number>>();
  for (const name of [...columns, ...measures])
    table.set(name, (await tensors.get(prefix + name)?.data()) ?? []);
  const cell = (name: string, i: number): number => table.get(name)?.[i] ?? Number.NaN;
  return Array.from({ length: position.step }, (_, i) => ({
    step: i + 1,
    epoch: cell('epoch', i),
    loss: cell('loss', i),
    gradientNorm: cell('gradientNorm', i),
    tokens: cell('tokens', i),
    seconds: cell('seconds', i),
    liveBytes: cell('liveBytes', i),
    measures: Object.fromEntries(measures.map((name) => [name, cell(name, i)])),
  }));
}

function mismatch(path: string, expected: string, received: string): LorikeetError {
  return new LorikeetError('tree-mismatch', 'the checkpoint is of another run', {
    path,
    expected,
    received,
    hint: 'go on with the model, the method, the optimiser and the options that it was made with, or give an empty folder',
  });
}
