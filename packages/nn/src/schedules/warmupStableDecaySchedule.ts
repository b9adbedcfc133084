import {
  add,
  cos,
  LorikeetError,
  minimum,
  mul,
  sqrt,
  sub,
  type Tensor,
} from '@lorikeet/tensor-core';
import {
  type DecayOptions,
  decayProgress,
  lowestRatio,
  raisedTo,
  type Schedule,
  warmupFactor,
} from './schedule.ts';

/** How a part of a schedule goes from its start to its end. */
export type Ramp = 'linear' | 'cosine' | '1-sqrt';

export interface WarmupStableDecayOptions extends DecayOptions {
  /** The last steps, in which the rate falls. */
  readonly decaySteps: number;
  /** Defaults to `linear`. */
  readonly warmupKind?: Ramp;
  /** Defaults to `cosine`. */
  readonly decayKind?: Ramp;
  /** The rate before the first and after the last step. Defaults to 0. */
  readonly minimumRate?: number;
}

/** From 1 to 0 as the time goes from 0 to 1. */
const falls: Readonly<Record<Ramp, (time: Tensor) => Tensor>> = {
  linear: (time) => sub(1, time),
  cosine: (time) => mul(add(cos(mul(time, Math.PI)), 1), 0.5),
  '1-sqrt': (time) => sub(1, sqrt(time)),
};

/** A warm-up, a long time at the highest rate, then a fall: `get_wsd_schedule` of transformers. Hu et al. 2024. */
export function warmupStableDecaySchedule(options: WarmupStableDecayOptions): Schedule {
  const { learningRate, totalSteps, decaySteps, warmupSteps = 0 } = options;
  const { warmupKind = 'linear', decayKind = 'cosine' } = options;
  return (step) => {
    if (warmupSteps + decaySteps > totalSteps) {
      throw new LorikeetError(
        'invalid-argument',
        'warm-up and decay are longer than the schedule',
        {
          expected: `decaySteps of at most ${totalSteps - warmupSteps}`,
          received: String(decaySteps),
        },
      );
    }
    const fall = { learningRate, totalSteps, warmupSteps: totalSteps - decaySteps };
    const warmed = falls[warmupKind](sub(1, warmupFactor(step, options)));
    const fallen = falls[decayKind](decayProgress(step, fall));
    return mul(raisedTo(lowestRatio(options), minimum(warmed, fallen)), learningRate);
  };
}
