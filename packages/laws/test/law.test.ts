import { describeLaws, type Law, LawViolation, law } from '@lorikeet/laws';
import fc from 'fast-check';
import { expect, test } from 'vitest';

const isSmall: Law = law('is below 100', fc.nat({ max: 10_000 }), (n) => {
  if (n >= 100) throw new Error(`${n} is not below 100`);
});

async function violationOf(options: Parameters<Law['check']>[0]): Promise<LawViolation> {
  try {
    await isSmall.check(options);
  } catch (error) {
    if (error instanceof LawViolation) return error;
    throw error;
  }
  throw new Error('the law holds');
}

test('a violation shows the smallest case, the reason, and how to see it again', async () => {
  const { message } = await violationOf({ seed: 7 });
  expect(
    message.replace(/after:.*/, 'after:   ...').replace(/'[\d:]+'|(?<=7,)[\d:]+/g, 'PATH'),
  ).toMatchInlineSnapshot(`
    "the law does not hold: is below 100
      case:    100
      because: 100 is not below 100
      after:   ...
      replay:  law.check({ seed: 7, path: PATH }), or run this test alone with LORIKEET_REPLAY=7,PATH"
  `);
});

test('a violation can be replayed by its seed and path', async () => {
  const first = await violationOf({ seed: 7 });
  const again = await violationOf({ seed: first.seed, path: first.path });
  expect(again.message).toContain('case:    100\n');
  expect(again.message).toContain('after:   1 cases, and 0 steps');
});

test('the environment can replay a violation and ask for more runs', async () => {
  const { seed, path } = await violationOf({ seed: 7 });
  process.env.LORIKEET_REPLAY = `${seed},${path}`;
  try {
    expect((await violationOf({})).message).toContain('after:   1 cases, and 0 steps');
  } finally {
    delete process.env.LORIKEET_REPLAY;
  }
  let runs = 0;
  const counted = law('is counted', fc.nat(), () => {
    runs += 1;
  });
  process.env.LORIKEET_RUNS = '123';
  try {
    await counted.check();
  } finally {
    delete process.env.LORIKEET_RUNS;
  }
  expect(runs).toBe(123);
});

test('a law that holds is tried as often as asked', async () => {
  let runs = 0;
  const counted = law('is counted', fc.nat(), () => {
    runs += 1;
  });
  await counted.check({ runs: 17 });
  expect(runs).toBe(17);
});

test('describeLaws registers one test for each law with the functions it is given', async () => {
  const titles: string[] = [];
  const bodies: (() => Promise<void>)[] = [];
  describeLaws('a number', [isSmall], {
    describe(title, body) {
      titles.push(title);
      body();
    },
    test(title, body) {
      titles.push(title);
      bodies.push(body);
    },
  });
  expect(titles).toEqual(['a number', 'is below 100']);
  await expect(bodies[0]?.()).rejects.toThrow(LawViolation);
});
