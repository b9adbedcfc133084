import { appendFile, mkdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Backend } from '@lorikeet/tensor-core';
import { z } from 'zod';
import type { RunFields } from '../fields/runFields.ts';
import type { Figures, TaskData } from '../tasks/task.ts';
import { collectGarbage } from './collectGarbage.ts';
import { mebibytes } from './describeTrial.ts';
import type { TrialFields } from './finetuneFields.ts';
import { prepareTrial, readTask, runTrial } from './trial.ts';

export type TrialConfig = TrialFields & RunFields;

/** One of several trainings, under the settings that tell it from the others. */
export interface PlannedTrial {
  readonly settings: Readonly<Record<string, unknown>>;
  readonly config: TrialConfig;
}

export interface TrialRow {
  readonly settings: Readonly<Record<string, unknown>>;
  readonly seed: number;
  readonly parameters: number;
  readonly figures: Figures;
  readonly final_loss: number;
  readonly steps: number;
  readonly seconds: number;
  /** The most that the backend held between steps. */
  readonly bytes: number;
}

/** A line of `results.jsonl`. */
const stored = z.object({
  key: z.string(),
  settings: z.record(z.string(), z.unknown()),
  seed: z.number(),
  parameters: z.number(),
  figures: z.record(z.string(), z.unknown()),
  final_loss: z.number(),
  steps: z.number(),
  seconds: z.number(),
  bytes: z.number(),
});

/**
 * Runs trainings one after another. Each result is a line of `results.jsonl`, at once; what is there already is not
 * done again.
 */
export async function runTrials(
  trials: readonly PlannedTrial[],
  folder: string,
  backend: Backend,
): Promise<readonly TrialRow[]> {
  await mkdir(folder, { recursive: true });
  const path = join(folder, 'results.jsonl');
  const done = await resultsIn(path);
  const cache = new Map<string, Promise<TaskData>>();
  const read: typeof readTask = (task, source, classes) => {
    const key = JSON.stringify([task.name, source, classes]);
    const found = cache.get(key) ?? readTask(task, source, classes);
    cache.set(key, found);
    return found;
  };
  const rows: TrialRow[] = [];
  for (const [i, { settings, config }] of trials.entries()) {
    const key = JSON.stringify(config);
    const known = done.get(key);
    if (known !== undefined) {
      rows.push(known);
      continue;
    }
    console.error(
      `\n${i + 1} of ${trials.length}: ${JSON.stringify(settings)}, seed ${config.seed}`,
    );
    await collectGarbage(backend);
    const row = { settings, ...(await resultOf(config, read, backend)) };
    await appendFile(path, `${JSON.stringify({ key, ...row })}\n`);
    rows.push(row);
  }
  return rows;
}

/** A function of its own, so that nothing of a model lives on when the next one is opened. */
async function resultOf(
  config: TrialConfig,
  read: typeof readTask,
  backend: Backend,
): Promise<Omit<TrialRow, 'settings'>> {
  const trial = await prepareTrial(config, read);
  const start = performance.now();
  const { fit, after } = await runTrial(trial, backend, { isJudgedBefore: false });
  return {
    seed: config.seed,
    parameters: trial.trainable,
    figures: after,
    final_loss: fit.steps.at(-1)?.loss ?? Number.NaN,
    steps: fit.steps.length,
    seconds: (performance.now() - start) / 1000,
    bytes: Math.max(0, ...fit.steps.map(({ liveBytes }) => liveBytes)),
  };
}

/** A last line that a crash cut off is passed over. */
async function resultsIn(path: string): Promise<ReadonlyMap<string, TrialRow>> {
  const text = await readFile(path, 'utf8').catch(() => '');
  const found = new Map<string, TrialRow>();
  for (const line of text.split('\n')) {
    const result = parsed(line);
    if (result === undefined) continue;
    const { key, ...row } = result;
    found.set(key, row);
  }
  return found;
}

function parsed(line: string): z.infer<typeof stored> | undefined {
  try {
    return stored.parse(JSON.parse(line));
  } catch {
    return undefined;
  }
}

/** Runs that differ in the seed alone. */
export interface TrialGroup {
  readonly settings: Readonly<Record<string, unknown>>;
  readonly seeds: readonly number[];
  readonly parameters: number;
  /** Of the task's metric. */
  readonly mean: number;
  /** Standard deviation over the seeds; 0 for one. */
  readonly deviation: number;
  readonly seconds: number;
  readonly bytes: number;
}

export function groupTrials(rows: readonly TrialRow[], metric: string): readonly TrialGroup[] {
  const groups = new Map<string, TrialRow[]>();
  for (const row of rows) {
    const key = JSON.stringify(row.settings);
    groups.set(key, [...(groups.get(key) ?? []), row]);
  }
  return [...groups.values()].map((same) => {
    const values = same.map(({ figures }) => Number(figures[metric]));
    const mean = meanOf(values);
    const squares = values.map((value) => (value - mean) ** 2);
    const spread =
      values.length < 2 ? 0 : Math.sqrt(meanOf(squares) * (values.length / (values.length - 1)));
    return {
      settings: same[0]?.settings ?? {},
      seeds: same.map(({ seed }) => seed),
      parameters: same[0]?.parameters ?? 0,
      mean,
      deviation: spread,
      seconds: meanOf(same.map(({ seconds }) => seconds)),
      bytes: Math.max(...same.map(({ bytes }) => bytes)),
    };
  });
}

function meanOf(values: readonly number[]): number {
  return values.reduce((sum, value) => sum + value, 0) / values.length;
}

/** Groups as the cells of a table, its heading first. */
export function trialTable(
  groups: readonly TrialGroup[],
  metric: string,
): readonly (readonly string[])[] {
  const names = Object.keys(groups[0]?.settings ?? {});
  const heading = [...names, metric, '±', 'parameters', 'seconds', 'memory'];
  const rows = groups.map((group) => [
    ...names.map((name) => shown(group.settings[name])),
    group.mean.toFixed(4),
    group.deviation.toFixed(4),
    String(group.parameters),
    group.seconds.toFixed(1),
    mebibytes(group.bytes),
  ]);
  return [heading, ...rows];
}

function shown(value: unknown): string {
  return typeof value === 'string' ? value : JSON.stringify(value);
}
