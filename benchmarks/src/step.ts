import { initModel, lossOf, type ModelInputs } from '@lorikeet/model-zoo';
import { adamw, applyUpdates, Context, combine, partition } from '@lorikeet/nn';
import { adapt, isTrainable, lora } from '@lorikeet/peft-lora';
import {
  compile,
  currentBackend,
  evaluate,
  randomKey,
  type Tensor,
  tensor,
  valueAndGrad,
} from '@lorikeet/tensor-core';
import { Command, Option } from 'commander';
import { measure, peakRssMib, report } from './measure.ts';

interface StepFlags {
  readonly model: string;
  readonly batch: string;
  readonly seq: string;
  readonly rank: string;
  readonly seconds: string;
  readonly json?: string;
}

const bert = {
  model_type: 'bert',
  architectures: ['BertForSequenceClassification'],
  vocab_size: 30522,
  num_labels: 2,
};

const configs: Readonly<Record<string, Readonly<Record<string, unknown>>>> = {
  'bert-tiny': {
    ...bert,
    hidden_size: 128,
    num_hidden_layers: 2,
    num_attention_heads: 2,
    intermediate_size: 512,
  },
  'bert-base': {
    ...bert,
    hidden_size: 768,
    num_hidden_layers: 12,
    num_attention_heads: 12,
    intermediate_size: 3072,
  },
};

export function stepCommand(): Command {
  return new Command('step')
    .description(
      'One LoRA training step (forward, backward, AdamW) on query and value; no dropout, random weights.',
    )
    .addOption(
      new Option('--model <name>', 'sizes of the model')
        .choices(Object.keys(configs))
        .default('bert-tiny'),
    )
    .option('--batch <n>', 'rows of a batch', '16')
    .option('--seq <n>', 'tokens of a row', '64')
    .option('--rank <n>', 'rank of the update', '8')
    .option('--seconds <n>', 'time to measure for', '5')
    .option('--json <file>', 'write the figures')
    .action(async (flags: StepFlags) => {
      await report(await measureStep(flags), flags.json);
    });
}

async function measureStep({
  model,
  batch,
  seq,
  rank,
  seconds,
}: StepFlags): Promise<Record<string, unknown>> {
  const [B, T] = [Number(batch), Number(seq)];
  const base = await evaluate(initModel({ ...configs[model] }, randomKey(0)));
  const tuned = adapt(base, { '**.{query,value}': lora({ rank: Number(rank), alpha: 16 }) });
  const [initial, frozen] = partition(tuned, isTrainable);
  type Live = typeof initial;
  const optimizer = adamw({ learningRate: 1e-3 });
  const loss = (live: Live, inputs: ModelInputs): Tensor =>
    lossOf(combine(live, frozen).call(inputs, Context.evaluation));
  const step = compile(
    (live: Live, state: readonly unknown[], inputs: ModelInputs) => {
      const { value, gradient } = valueAndGrad((part: Live) => loss(part, inputs))(live);
      const update = optimizer.update(gradient, state, live);
      return { loss: value, live: applyUpdates(live, update.updates), state: update.state };
    },
    { donate: [0, 1] },
  );
  const inputs: ModelInputs = {
    input_ids: tensor(
      Int32Array.from({ length: B * T }, (_, i) => (i * 7919) % 30522),
      [B, T],
      'i32',
    ),
    attention_mask: tensor(new Int32Array(B * T).fill(1), [B, T], 'i32'),
    labels: tensor(
      Int32Array.from({ length: B }, (_, i) => i % 2),
      [B],
      'i32',
    ),
  };
  let live = await evaluate(initial);
  let state = await evaluate(optimizer.init(live));
  const start = performance.now();
  const program = step.program(live, state, inputs);
  const compile_s = (performance.now() - start) / 1000;
  const timing = await measure(async () => {
    const next = step(live, state, inputs);
    ({ live, state } = next);
    await next.loss.item();
  }, Number(seconds));
  return {
    backend: currentBackend().name,
    model,
    batch: B,
    seq: T,
    rank: Number(rank),
    instructions: program.instructions.length,
    compile_s,
    ...timing,
    tokens_per_s: (B * T) / timing.median_s,
    peak_rss_mib: peakRssMib(),
  };
}
