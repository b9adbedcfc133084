import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import {
  constantSchedule,
  cosineRestartsSchedule,
  cosineSchedule,
  type DecayOptions,
  inverseSqrtSchedule,
  linearSchedule,
  polynomialSchedule,
  type Schedule,
} from '@lorikeet/nn';
import { tensor, vmap } from '@lorikeet/tensor-core';
import { z } from 'zod';
import { compare } from './compare.ts';
import type { ParityRow } from './row.ts';

const description = z.object({
  base_lr: z.number(),
  warmup_steps: z.number(),
  total_steps: z.number(),
  learning_rate_at_step: z.record(z.string(), z.array(z.number())),
});

/** The rates are of the size of 0.1, in f32. */
const tolerance = { rtol: 1e-5, atol: 1e-6 };

type Make = (options: DecayOptions, parameter: number) => Schedule;

/** Schedules by the start of their names; what follows is a parameter. */
const schedules: readonly (readonly [name: RegExp, make: Make])[] = [
  [/^linear$/, linearSchedule],
  [/^cosine$/, cosineSchedule],
  [/^cosine_half_cycle_([\d.]+)$/, (options, cycles) => cosineSchedule({ ...options, cycles })],
  [/^cosine_restarts_(\d+)$/, (options, cycles) => cosineRestartsSchedule({ ...options, cycles })],
  [/^constant(?:_with_warmup)?$/, constantSchedule],
  [
    /^polynomial_power([\d.]+)$/,
    // The file does not say that the lowest rate was set to this.
    (options, power) => polynomialSchedule({ ...options, power, minimumRate: 1e-4 }),
  ],
  [/^inverse_sqrt$/, inverseSqrtSchedule],
];

/** The learning rate at each step of every schedule in `schedules.json`. */
export async function* checkSchedules(root: string): AsyncGenerator<ParityRow> {
  const text = await readFile(join(root, 'schedules.json'), 'utf8');
  const { base_lr, warmup_steps, total_steps, learning_rate_at_step } = description.parse(
    JSON.parse(text),
  );
  const options = { learningRate: base_lr, warmupSteps: warmup_steps, totalSteps: total_steps };
  for (const [name, rates] of Object.entries(learning_rate_at_step)) {
    const row: ParityRow = {
      kind: 'schedule',
      case: `schedules/${name}`,
      tensor: 'learning_rate',
      error: null,
      tolerance: null,
      pass: false,
      reason: null,
    };
    const schedule = scheduleOf(name, options);
    if (schedule === undefined) {
      yield { ...row, reason: `not supported: the schedule '${name}'` };
      continue;
    }
    const got = await vmap(schedule)(tensor(rates.map((_, step) => step))).data();
    yield { ...row, ...compare(got, Float32Array.from(rates), tolerance) };
  }
}

function scheduleOf(name: string, options: DecayOptions): Schedule | undefined {
  for (const [pattern, make] of schedules) {
    const found = pattern.exec(name);
    if (found !== null) return make(options, Number(found[1]));
  }
  return undefined;
}
