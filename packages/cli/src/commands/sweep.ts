import { Command } from 'commander';
import { z } from 'zod';
import { useBackendOption } from '../backends.ts';
import { type Fields, field, fieldsOf } from '../fields/fields.ts';
import { withFields } from '../fields/readFields.ts';
import type { RunFields } from '../fields/runFields.ts';
import { findTask } from '../tasks/findTask.ts';
import { type TrialFields, trialShape, tuningShape } from '../training/finetuneFields.ts';
import { reportTrials } from '../training/reportTrials.ts';
import { runTrials } from '../training/trials.ts';
import { withSettings } from '../training/withSettings.ts';

interface SweepConfig extends TrialFields, RunFields {
  readonly grid: Readonly<Record<string, readonly unknown[]>>;
  readonly seeds: readonly number[];
  readonly output: string;
}

const sweepFields: Fields<SweepConfig> = fieldsOf<SweepConfig>({
  ...trialShape,
  ...tuningShape,
  grid: field(z.record(z.string(), z.array(z.unknown()).min(1)), {
    about: 'values of fields; each is tried with each',
    example: { rank: [4, 8], learning_rate: [0.001, 0.003] },
  }),
  seeds: field(z.array(z.int().min(0)).min(1).default([0]), {
    about: 'seeds: each setting runs with each',
    example: [0, 1, 2],
  }),
  output: field(z.string().min(1), {
    about: 'folder for results.jsonl, table.md and report.html; what is in it is not run again',
    example: 'runs/sweep',
    value: 'dir',
  }),
});

export function sweepCommand(): Command {
  const command = new Command('sweep')
    .description(
      'Train with all combinations of some settings, and show a table and a plot, the best first.',
    )
    .addHelpText(
      'after',
      `
Example:
  lorikeet sweep --model checkpoints/lorikeet-bert --data stdlib:spam --examples 200 --output runs/sweep \\
    --grid '{"rank": [4, 16], "learning_rate": [0.001, 0.003], "targets": [["**.query"], ["**.query", "**.value"]]}'`,
    );
  return withFields(command, sweepFields, sweep);
}

async function sweep(config: SweepConfig): Promise<void> {
  const { grid, seeds, output, ...shared } = config;
  const combinations = combinationsOf(grid);
  const trials = combinations.flatMap((settings) =>
    seeds.map((seed) => ({
      settings,
      config: { ...withSettings(shared, settings, 'grid'), seed },
    })),
  );
  const backend = await useBackendOption(config.backend);
  const task = findTask(config.task);
  const { name: metric, isBetter } = task.metric;
  const rows = await runTrials(trials, output, backend);
  const title = `${task.name}: ${config.data}`;
  const summary = `${combinations.length} settings of ${config.method} on ${config.data} from ${config.model}, seeds ${seeds.join(', ')}.`;
  await reportTrials([{ title, metric, isBetter, rows }], {
    output,
    json: config.json,
    title: 'Sweep',
    summary,
  });
}

function combinationsOf(grid: SweepConfig['grid']): readonly Readonly<Record<string, unknown>>[] {
  return Object.entries(grid).reduce<readonly Readonly<Record<string, unknown>>[]>(
    (found, [name, values]) =>
      found.flatMap((settings) => values.map((value) => ({ ...settings, [name]: value }))),
    [{}],
  );
}
