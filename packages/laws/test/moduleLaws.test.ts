import { type CallableModule, describeLaws, LawViolation, moduleLaws } from '@lorikeet/laws';
import { type Context, Dropout, Linear } from '@lorikeet/nn';
import {
  full,
  gather,
  mean,
  mul,
  normal,
  randomKey,
  stopGradient,
  sub,
  type Tensor,
  tensor,
} from '@lorikeet/tensor-core';
import { describe, expect, test } from 'vitest';

const linear = Linear.init({ inFeatures: 3, outFeatures: 2 }, randomKey(4));

/** A module with a buffer of indices, which has no derivative. */
class Reordered {
  readonly weight: Tensor = normal(randomKey(1), [3]);
  readonly order: Tensor = tensor([2, 0, 1], [3], 'i32');

  call(x: Tensor): Tensor {
    return mul(gather(x, this.order, -1), this.weight);
  }
}

const reordered = moduleLaws({
  make: () => new Reordered(),
  input: (draw) => [draw.integer(1, 3), 3],
});
describeLaws('a module with indices', reordered, { describe, test });

// A law that no mistake can break is no law.

const again = 'gives the same output again, and is not changed by it';
const compiled = 'gives the same output compiled';
const random = 'draws random numbers in training only, by its key';
const gradients = 'has gradients that equal differences';
const batch = 'gives for a batch what it gives for its rows';

class Blocked {
  readonly weight: Tensor = full([3], 0.5);

  call(x: Tensor): Tensor {
    return mul(x, stopGradient(this.weight));
  }
}

/** Learns while it is called. */
class Restless {
  weight: Tensor = full([3], 0.5);

  call(x: Tensor): Tensor {
    const before = this.weight;
    this.weight = before.add(1);
    return mul(x, before.sub(before));
  }
}

class Forgetful {
  readonly rate = 0.5;

  call(x: Tensor, _: Context): Tensor {
    return x;
  }
}

let calls = 0;
const lastFirst = tensor([2, 1, 0], [3], 'i32');
const calling = (call: CallableModule['call']): CallableModule => ({ call });

const mutants: readonly (readonly [mistake: string, module: CallableModule, killer: string])[] = [
  [
    'an output that grows with every call',
    calling((x, c) => mul(linear.call(x, c), ++calls)),
    again,
  ],
  ['a tensor that a call replaces', new Restless(), again],
  [
    'an output that depends on the time of tracing',
    calling((x, c) => mul(linear.call(x, c), ++calls)),
    compiled,
  ],
  [
    'randomness without a key',
    calling((x, c) => (c.isTraining ? mul(linear.call(x, c), ++calls) : linear.call(x, c))),
    random,
  ],
  ['training that is another function', calling((x, c) => (c.isTraining ? mul(x, 2) : x)), random],
  ['dropout that nobody declared', new Dropout(0.5), random],
  ['a gradient of a weight that is held back', new Blocked(), gradients],
  ['a gradient of the input that is held back', calling((x) => stopGradient(x)), gradients],
  [
    'a gradient that is held back in training',
    calling((x, c) => (c.isTraining ? stopGradient(x) : x)),
    gradients,
  ],
  ['a mean over the batch', calling((x) => sub(x, mean(x, 0, { keepAxes: true }))), batch],
  ['rows in another order', calling((x) => gather(x, lastFirst)), batch],
];

function lawOf(name: string, module: CallableModule, isStochastic = false) {
  const laws = moduleLaws({
    make: () => module,
    input: () => [3, 3],
    isStochastic: () => isStochastic,
  });
  return laws.find((law) => law.name === name);
}

describe('a law finds', () => {
  test.each(mutants)('%s', async (_, module, killer) => {
    await expect(lawOf(killer, module)?.check({ runs: 5 })).rejects.toThrow(LawViolation);
  });

  test('dropout that never acts', async () => {
    const law = lawOf(random, new Forgetful(), true);
    await expect(law?.check({ runs: 5 })).rejects.toThrow(LawViolation);
  });
});

test('every law finds some mistake', () => {
  const killers = new Set(mutants.map(([, , killer]) => killer));
  expect(reordered.filter(({ name }) => !killers.has(name))).toEqual([]);
});
