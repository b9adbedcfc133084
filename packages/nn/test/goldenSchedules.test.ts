import { readFile } from 'node:fs/promises';
import {
  constantSchedule,
  cosineRestartsSchedule,
  cosineSchedule,
  inverseSqrtSchedule,
  linearSchedule,
  polynomialSchedule,
  type Schedule,
  warmupStableDecaySchedule,
} from '@lorikeet/nn';
import { tensor } from '@lorikeet/tensor-core';
import { describe, expect, test } from 'vitest';
import { expectClose, refusal } from './support.ts';

// Made with the schedules of transformers 4.57.6.
interface Golden {
  readonly base_lr: number;
  readonly warmup_steps: number;
  readonly total_steps: number;
  readonly learning_rate_at_step: Readonly<Record<string, readonly number[]>>;
}

const file = new URL('golden/schedules.json', import.meta.url);
const golden: Golden = JSON.parse(await readFile(file, 'utf8'));
const options = {
  learningRate: golden.base_lr,
  warmupSteps: golden.warmup_steps,
  totalSteps: golden.total_steps,
};

const schedules: Readonly<Record<string, Schedule>> = {
  linear: linearSchedule(options),
  cosine: cosineSchedule(options),
  'cosine_half_cycle_0.75': cosineSchedule({ ...options, cycles: 0.75 }),
  cosine_restarts_2: cosineRestartsSchedule({ ...options, cycles: 2 }),
  constant_with_warmup: constantSchedule(options),
  polynomial_power2: polynomialSchedule({ ...options, power: 2, minimumRate: 1e-4 }),
  inverse_sqrt: inverseSqrtSchedule(options),
};

/** The rates of a schedule before step 0, 1, ... */
async function rates(
  schedule: Schedule,
  count: number,
  dtype: 'f32' | 'f64' = 'f64',
): Promise<number[]> {
  const steps = Array.from({ length: count }, (_, step) => schedule(tensor(step, [], dtype)));
  return await Promise.all(steps.map((rate) => rate.item()));
}

describe('the rates of transformers are given by', () => {
  test.each(Object.entries(golden.learning_rate_at_step))('%s', async (name, expected) => {
    const schedule = schedules[name] ?? constantSchedule({ learningRate: Number.NaN });
    expectClose(await rates(schedule, expected.length), expected, 1e-9);
    expectClose(await rates(schedule, expected.length, 'f32'), expected, 1e-6);
  });
});

describe('cosineRestartsSchedule', () => {
  test('starts each cycle in its very step, also where thirds of the time are no numbers', async () => {
    const schedule = cosineRestartsSchedule({ learningRate: 1, totalSteps: 1701, cycles: 7 });
    const found = await rates(schedule, 1701, 'f32');
    const starts = found.flatMap((rate, step) => (rate === 1 ? [step] : []));
    expect(starts).toEqual([0, 243, 486, 729, 972, 1215, 1458]);
  });

  test('ends at 0 and stays there', async () => {
    const schedule = cosineRestartsSchedule({ learningRate: 1, totalSteps: 4, cycles: 2 });
    expectClose(await rates(schedule, 7), [1, 0.5, 1, 0.5, 0, 0, 0]);
  });

  test.each([0, 1.5])('refuses %d cycles', (cycles) => {
    const schedule = cosineRestartsSchedule({ learningRate: 1, totalSteps: 4, cycles });
    expect(() => schedule(tensor(0))).toThrow(refusal('invalid-argument', `received: ${cycles}`));
  });
});

test('cosine falls to its lowest rate, and stays there', async () => {
  const schedule = cosineSchedule({ learningRate: 2, totalSteps: 2, minimumRate: 0.5 });
  expectClose(await rates(schedule, 5), [2, 1.25, 0.5, 0.5, 0.5]);
});

test('polynomial falls evenly to 1e-7, and stays there', async () => {
  const schedule = polynomialSchedule({ learningRate: 1, totalSteps: 2 });
  expectClose(await rates(schedule, 4), [1, 0.50000005, 1e-7, 1e-7], 1e-10);
});

test('the inverse root has a time of its own, 10000 steps without a warm-up', async () => {
  const own = inverseSqrtSchedule({ learningRate: 1, warmupSteps: 2, timescale: 4 });
  expectClose(await rates(own, 5), [0, 0.5, 1, Math.sqrt(4 / 5), Math.sqrt(4 / 6)]);
  const long = inverseSqrtSchedule({ learningRate: 1 });
  expectClose([await long(tensor(30_000)).item()], [0.5]);
});

describe('warmupStableDecaySchedule', () => {
  const long = { learningRate: 1, warmupSteps: 4, decaySteps: 4, totalSteps: 10 };

  test('warms up evenly, stays, and falls by half a wave', async () => {
    const falling = [1, 2, 3, 4, 5].map(
      (i) => 0.5 + 0.5 * Math.cos((Math.PI * Math.min(i, 4)) / 4),
    );
    const expected = [0, 0.25, 0.5, 0.75, 1, 1, 1, ...falling];
    expectClose(await rates(warmupStableDecaySchedule(long), 12), expected);
  });

  test('takes other ways up and down, from and to a lowest rate', async () => {
    const linear = warmupStableDecaySchedule({
      ...long,
      warmupKind: 'cosine',
      decayKind: 'linear',
      minimumRate: 0.2,
    });
    const wave = [0, 1, 2, 3].map((i) => 0.2 + 0.8 * (0.5 - 0.5 * Math.cos((Math.PI * i) / 4)));
    expectClose(await rates(linear, 12), [...wave, 1, 1, 1, 0.8, 0.6, 0.4, 0.2, 0.2]);
    const root = warmupStableDecaySchedule({ ...long, warmupKind: '1-sqrt', decayKind: '1-sqrt' });
    const rising = [0, 1, 2, 3].map((i) => 1 - Math.sqrt(1 - i / 4));
    const falling = [1, 2, 3, 4].map((i) => 1 - Math.sqrt(i / 4));
    expectClose(await rates(root, 11), [...rising, 1, 1, 1, ...falling]);
  });

  test('refuses a decay that does not fit', () => {
    const schedule = warmupStableDecaySchedule({ ...long, decaySteps: 7 });
    expect(() => schedule(tensor(0))).toThrow(refusal('invalid-argument', 'of at most 6'));
  });
});

test('a lowest rate above the highest is refused', () => {
  const given = { learningRate: 1, totalSteps: 2, minimumRate: 3 };
  expect(() => cosineSchedule(given)(tensor(0))).toThrow(
    refusal('invalid-argument', 'received: 3'),
  );
  expect(() => polynomialSchedule(given)).toThrow(refusal('invalid-argument', 'received: 3'));
});
