import { describe, expect, test } from 'vitest';
import { budgetAt, budgetDrops } from '../../src/adalora/budget.ts';

const schedule = { tInit: 1, tFinal: 2, totalSteps: 8 };

describe('the budget', () => {
  test('is that of PEFT after each step', () => {
    const budgets = Array.from({ length: 9 }, (_, step) => budgetAt(step, schedule, 20, 8));
    expect(budgets).toEqual([20, 20, 14, 10, 8, 8, 8, 8, 8]);
  });

  test('has fallen as often as drops lie behind a step, in long schedules too', () => {
    for (const long of [schedule, { tInit: 200, tFinal: 500, totalSteps: 3000 }]) {
      const drops = budgetDrops(long, 864, 576);
      for (let step = 0; step < long.totalSteps; step++) {
        const gone = drops.filter((drop) => step >= drop).length;
        expect(864 - gone).toBe(budgetAt(step, long, 864, 576));
      }
    }
  });

  test('never falls if it starts where it ends, or below', () => {
    expect(budgetDrops(schedule, 8, 8)).toEqual([]);
    expect(budgetDrops(schedule, 7, 8)).toEqual([]);
  });
});
