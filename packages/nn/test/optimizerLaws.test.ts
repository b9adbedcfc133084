import { describeLaws, type OptimizerLawOptions, optimizerLaws } from '@lorikeet/laws';
import {
  adafactor,
  adagrad,
  adam,
  adamw,
  addWeightDecay,
  applyIfFinite,
  chain,
  clipByGlobalNorm,
  clipByRms,
  clipByValue,
  cosineSchedule,
  lion,
  momentum,
  type Optimizer,
  parameterGroups,
  rmsprop,
  scaleByParameterRms,
  scaleByRms,
  sgd,
} from '@lorikeet/nn';
import { describe, test } from 'vitest';

const rate = { learningRate: 0.1 };
const schedule = cosineSchedule({ learningRate: 0.1, warmupSteps: 2, totalSteps: 30 });
const stage = { isStage: true };
const decays = { movesWithoutGradient: true };

const optimizers: readonly (readonly [
  name: string,
  optimizer: Optimizer,
  options?: OptimizerLawOptions,
])[] = [
  ['sgd', sgd(rate)],
  ['sgd with Nesterov momentum', sgd({ ...rate, momentum: 0.5, nesterov: true })],
  ['sgd with weight decay', sgd({ ...rate, weightDecay: 0.1 }), decays],
  ['adam', adam(rate)],
  ['adam by its largest mean square', adam({ ...rate, amsgrad: true })],
  ['adamw on a schedule', adamw({ learningRate: schedule }), decays],
  ['lion', lion(rate)],
  ['lion with weight decay', lion({ ...rate, weightDecay: 0.1 }), decays],
  ['rmsprop', rmsprop({ ...rate, decay: 0.9 })],
  [
    'rmsprop around the mean with momentum',
    rmsprop({ learningRate: 0.01, centered: true, momentum: 0.5 }),
  ],
  ['adagrad', adagrad(rate)],
  ['adafactor', adafactor()],
  ['adafactor with a mean of updates and a rate', adafactor({ ...rate, beta1: 0.5 })],
  ['adafactor with weight decay', adafactor({ weightDecay: 0.1 }), decays],
  [
    'clipped sgd',
    chain(clipByGlobalNorm(1), sgd({ learningRate: 0.1 })),
    { couplesParameters: true },
  ],
  ['adam that skips steps', applyIfFinite(adam(rate)), { couplesParameters: true }],
  [
    'groups',
    parameterGroups([
      { select: 'head.weight', optimizer: sgd({ ...rate, momentum: 0.5 }) },
      { select: '**', optimizer: adam(rate) },
    ]),
    { couplesParameters: true },
  ],
  ['momentum', momentum(0.9), stage],
  ['clipByValue', clipByValue(0.3), stage],
  ['clipByRms', clipByRms(0.3), stage],
  ['scaleByParameterRms', scaleByParameterRms(), stage],
  ['scaleByRms', scaleByRms(), stage],
  ['addWeightDecay', addWeightDecay(0.1), { ...stage, ...decays }],
];

for (const [name, optimizer, options] of optimizers)
  describeLaws(name, optimizerLaws(optimizer, options), { describe, test });
