import { constantSchedule, cosineSchedule, linearSchedule, type Schedule } from '@lorikeet/nn';
import { tensor } from '@lorikeet/tensor-core';
import { describe, expect, test } from 'vitest';
import { expectClose, refusal } from './support.ts';

/** The rates of a schedule before step 0, 1, ... */
async function rates(schedule: Schedule, count: number): Promise<number[]> {
  const steps = Array.from({ length: count }, (_, step) => schedule(tensor(step, [], 'f64')));
  return await Promise.all(steps.map((rate) => rate.item()));
}

// Made with the schedules of transformers 4.57.6.
const options = { learningRate: 0.1, warmupSteps: 3, totalSteps: 12 };
const golden = {
  linear: [
    0.0, 0.03333333333333333, 0.06666666666666667, 0.1, 0.08888888888888889, 0.07777777777777778,
    0.06666666666666667, 0.05555555555555556, 0.044444444444444446, 0.03333333333333333,
    0.022222222222222223, 0.011111111111111112, 0.0,
  ],
  cosine: [
    0.0, 0.03333333333333333, 0.06666666666666667, 0.1, 0.09698463103929543, 0.0883022221559489,
    0.07500000000000001, 0.058682408883346526, 0.041317591116653486, 0.025000000000000012,
    0.011697777844051106, 0.0030153689607045845, 0.0,
  ],
  constant: [
    0.0, 0.03333333333333333, 0.06666666666666667, 0.1, 0.1, 0.1, 0.1, 0.1, 0.1, 0.1, 0.1, 0.1, 0.1,
  ],
};

describe('with a warm-up', () => {
  test.each<[name: keyof typeof golden, schedule: Schedule]>([
    ['linear', linearSchedule(options)],
    ['cosine', cosineSchedule(options)],
    ['constant', constantSchedule(options)],
  ])('%s gives the rates of transformers', async (name, schedule) => {
    expectClose(await rates(schedule, 13), golden[name], 1e-6);
    expectClose([await schedule(tensor(5)).item()], [golden[name][5] ?? NaN], 1e-6);
  });
});

test('a warm-up of one step is that step', async () => {
  const schedule = constantSchedule({ learningRate: 0.5, warmupSteps: 1 });
  expectClose(await rates(schedule, 3), [0, 0.5, 0.5]);
});

describe('without a warm-up', () => {
  test('constant starts at its rate and stays there', async () => {
    expectClose(await rates(constantSchedule({ learningRate: 0.3 }), 3), [0.3, 0.3, 0.3]);
  });

  test('linear falls evenly from its rate', async () => {
    const schedule = linearSchedule({ learningRate: 2, totalSteps: 4 });
    expectClose(await rates(schedule, 5), [2, 1.5, 1, 0.5, 0]);
  });

  test('cosine falls by half a wave', async () => {
    const schedule = cosineSchedule({ learningRate: 2, totalSteps: 4 });
    const expected = [0, 1, 2, 3, 4].map((step) => 1 + Math.cos((Math.PI * step) / 4));
    expectClose(await rates(schedule, 5), expected);
  });
});

test('after its last step the rate stays 0', async () => {
  for (const schedule of [linearSchedule(options), cosineSchedule(options)])
    expectClose((await rates(schedule, 20)).slice(12), new Array<number>(8).fill(0));
});

test.each([
  ['no longer than its warm-up', 3],
  ['of no step', 0],
  ['of NaN steps', Number.NaN],
])('a decay %s is refused', (_, totalSteps) => {
  for (const make of [linearSchedule, cosineSchedule]) {
    const run = () => make({ learningRate: 1, warmupSteps: 3, totalSteps })(tensor(0));
    expect(run).toThrow(refusal('invalid-argument', 'expected: totalSteps above 3'));
    expect(run).toThrow(refusal('invalid-argument', `received: ${totalSteps}`));
  }
});
