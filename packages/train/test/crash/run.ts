/** A run of training for `crash.test.ts`, which kills it: its folder, and milliseconds that each batch takes, by command line. */
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout } from 'node:timers/promises';
import { adamw, Context, chain, clipByGlobalNorm, Linear, linearSchedule } from '@lorikeet/nn';
import {
  createReferenceBackend,
  evaluate,
  meanSquaredError,
  randomKey,
  type Tensor,
  tanh,
  tensor,
  useBackend,
} from '@lorikeet/tensor-core';
import { type Batch, fit } from '@lorikeet/train';
import { type Dataset, map, shuffle } from '@lorikeet/train/data';
import { checkpointFolder, jsonlLog } from '@lorikeet/train/node';

class Network {
  readonly up: Linear;
  readonly down: Linear;

  constructor(up: Linear, down: Linear) {
    this.up = up;
    this.down = down;
  }

  call(x: Tensor, context: Context): Tensor {
    const hidden = context.dropout(tanh(this.up.call(x, context)), 0.2);
    return this.down.call(hidden, context);
  }
}

const [dir = '', delay = '0'] = process.argv.slice(2);
useBackend(createReferenceBackend());
const linear = (inFeatures: number, outFeatures: number, seed: number): Linear =>
  Linear.init({ inFeatures, outFeatures }, randomKey(seed));
const model = await evaluate(new Network(linear(8, 32, 1), linear(32, 8, 2)));
const rows = Array.from({ length: 23 }, (_, i) => i);

function batches(epoch: number): Dataset<Batch<Tensor>> {
  return map(shuffle(rows, { seed: 5, epoch }), async (row) => {
    await setTimeout(Number(delay));
    const x = Array.from({ length: 32 }, (_, j) => Math.sin(row + j * (1 + row / 7)));
    return { inputs: tensor(x, [4, 8]), tokens: 4, weight: 1 + (row % 3) };
  });
}

const result = await fit({
  model,
  trainable: () => true,
  loss: (own: Network, x: Tensor, context) => meanSquaredError(own.call(x, context), x),
  optimizer: chain(
    clipByGlobalNorm(1),
    adamw({ learningRate: linearSchedule({ learningRate: 1e-2, totalSteps: 120 }) }),
  ),
  batches,
  epochs: 10,
  accumulate: 2,
  seed: 3,
  ema: { decay: 0.9 },
  evaluate: async (own) => {
    const x = tensor(
      Array.from({ length: 8 }, (_, j) => Math.cos(j)),
      [1, 8],
    );
    return { error: await meanSquaredError(own.call(x, Context.evaluation), x).item() };
  },
  monitor: { value: ({ error }) => error, best: 'smallest' },
  checkpoints: await checkpointFolder(dir),
  checkpointEvery: 3,
  callbacks: [
    jsonlLog(join(dir, 'log.jsonl')),
    { onStart: ({ step }) => console.log(`start ${step}`) },
  ],
});
const weights = await Promise.all(
  [result.model, result.best?.model].flatMap((own) =>
    own === undefined
      ? []
      : [own.up.weight, own.down.weight].map(async (weight) => [
          ...(await (weight as Tensor).data()),
        ]),
  ),
);
const { steps, evaluations, best } = result;
await writeFile(
  join(dir, 'result.json'),
  JSON.stringify({
    weights,
    evaluations,
    best: best && [best.step, best.value],
    steps: steps.map(({ step, epoch, loss, gradientNorm, tokens, measures }) => {
      return { step, epoch, loss, gradientNorm, tokens, measures };
    }),
  }),
);
