import { Command } from 'commander';
import { z } from 'zod';
import { useBackendOption } from '../backends.ts';
import { type Fields, field, fieldsOf } from '../fields/fields.ts';
import { withFields } from '../fields/readFields.ts';
import type { RunFields } from '../fields/runFields.ts';
import { findTask } from '../tasks/findTask.ts';
import { type TrialFields, trialShape, tuningShape } from '../training/finetuneFields.ts';
import { reportTrials } from '../training/reportTrials.ts';
import { type PlannedTrial, runTrials } from '../training/trials.ts';
import { withSettings } from '../training/withSettings.ts';

type Settings = Readonly<Record<string, unknown>>;

interface CompareConfig extends TrialFields, RunFields {
  readonly methods: readonly string[];
  readonly method_settings: Readonly<Record<string, Settings>>;
  readonly seeds: readonly number[];
  readonly output: string;
}

const compareFields: Fields<CompareConfig> = fieldsOf<CompareConfig>({
  ...trialShape,
  ...tuningShape,
  methods: field(
    z
      .array(z.string())
      .min(1)
      .default(['full', 'lora', 'dora', 'adapters', 'prefix', 'ia3', 'bitfit']),
    { about: 'methods to compare', example: ['full', 'lora', 'ia3'], value: 'names' },
  ),
  method_settings: field(z.record(z.string(), z.record(z.string(), z.unknown())).default({}), {
    about: 'fields that are others for a method, such as its learning rate',
    example: { full: { learning_rate: 0.0003 } },
  }),
  seeds: field(z.array(z.int().min(0)).min(1).default([0, 1, 2]), {
    about: 'seeds, of first values, order and drawn examples: each method runs with each',
    example: [0, 1, 2],
  }),
  output: field(z.string().min(1), {
    about: 'folder for results.jsonl, table.md and report.html; what is in it is not run again',
    example: 'runs/compare-spam',
    value: 'dir',
  }),
});

export function compareCommand(): Command {
  const command = new Command('compare')
    .description(
      'Train by several methods on one task, with several seeds, and show a table and a plot.',
    )
    .addHelpText(
      'after',
      `
Example:
  lorikeet compare --model checkpoints/lorikeet-bert --data stdlib:spam --methods full,lora,ia3 --output runs/spam`,
    );
  return withFields(command, compareFields, compare);
}

async function compare(config: CompareConfig): Promise<void> {
  const { methods, method_settings: own, seeds, output, json, ...shared } = config;
  const backend = await useBackendOption(config.backend);
  const trials = methods.flatMap((method) =>
    seeds.map((seed): PlannedTrial => {
      const changed = withSettings(
        { ...shared, json },
        own[method] ?? {},
        `method_settings.${method}`,
      );
      return { settings: { method }, config: { ...changed, method, seed } };
    }),
  );
  const task = findTask(config.task);
  const { name: metric, isBetter } = task.metric;
  const rows = await runTrials(trials, output, backend);
  const summary = `${task.name} on ${config.data} from ${config.model}, seeds ${seeds.join(', ')}; figures are means over the seeds, ± is their standard deviation.`;
  const title = `${task.name}: ${config.data}`;
  await reportTrials([{ title, metric, isBetter, rows }], {
    output,
    json,
    title: 'Comparison of methods',
    summary,
  });
}
