import {
  adamw,
  applyUpdates,
  Context,
  chain,
  clipByGlobalNorm,
  combine,
  cosineSchedule,
  MLP,
  type Optimizer,
  parameterGroups,
  partition,
  paths,
  sgd,
} from '@lorikeet/nn';
import {
  compile,
  currentBackend,
  evaluate,
  foldIn,
  memoryScope,
  normal,
  randomKey,
  type Tensor,
  valueAndGrad,
} from '@lorikeet/tensor-core';
import { describe, expect, test } from 'vitest';
import { numbers } from './support.ts';

const sizes = { inFeatures: 3, hiddenFeatures: 8, outFeatures: 1, activation: 'gelu' };
const x = await evaluate(normal(randomKey(1), [16, 3]));
const target = await evaluate(x.sum(-1, { keepAxes: true }));
const schedule = cosineSchedule({ learningRate: 0.05, warmupSteps: 5, totalSteps: 50 });

const optimizers: readonly (readonly [name: string, optimizer: Optimizer])[] = [
  ['sgd with momentum', sgd({ learningRate: 0.05, momentum: 0.9, nesterov: true })],
  ['clipped adamw on a schedule', chain(clipByGlobalNorm(1), adamw({ learningRate: schedule }))],
  [
    'groups',
    parameterGroups([
      { select: '**.bias', optimizer: sgd({ learningRate: 0.05 }) },
      { select: '**', optimizer: adamw({ learningRate: 0.05 }) },
    ]),
  ],
];

describe.each(optimizers)('50 compiled steps of %s', (_, optimizer) => {
  test('reduce the loss, take no memory, make one plan, and leave frozen parameters alone', async () => {
    const model = await evaluate(MLP.init(sizes, foldIn(randomKey(2), 'model')));
    const [trainable, frozen] = partition(model, (_leaf, { path }) => path !== 'up.bias');
    const frozenBefore = await Promise.all(paths(frozen).map(([, leaf]) => numbers(leaf)));
    const loss = valueAndGrad((part: typeof trainable, inputs: Tensor, wanted: Tensor): Tensor => {
      const y = combine(part, frozen).call(inputs, Context.evaluation);
      return y.sub(wanted).pow(2).mean();
    });
    const step = compile(
      (part: typeof trainable, state: unknown, inputs: Tensor, wanted: Tensor) => {
        const { value, gradient } = loss(part, inputs, wanted);
        const next = optimizer.update(gradient, state, part);
        return { value, part: applyUpdates(part, next.updates), state: next.state };
      },
      { donate: [0, 1] },
    );

    const types = paths(trainable).map(([path, { type }]) => [path, type]);
    let parameters = await evaluate({ part: trainable, state: optimizer.init(trainable) });
    const { liveBytes } = currentBackend().limits();
    const live: number[] = [];
    const losses: number[] = [];
    for (let i = 0; i < 50; i++) {
      using scope = memoryScope();
      const { value, part, state } = step(parameters.part, parameters.state, x, target);
      losses.push(await value.item());
      parameters = scope.keep({ part, state });
      live.push(liveBytes());
    }
    // What was made before the steps may be collected during them.
    expect(Math.max(...live.slice(1))).toBe(live[1]);
    expect(losses.at(-1)).toBeLessThan(0.2 * (losses[0] ?? 0));
    expect(step.planCount()).toBe(1);
    expect(paths(parameters.part).map(([path, { type }]) => [path, type])).toEqual(types);
    expect(await Promise.all(paths(frozen).map(([, leaf]) => numbers(leaf)))).toEqual(frozenBefore);
  });
});
