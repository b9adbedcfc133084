import { mkdir, writeFile } from 'node:fs/promises';
import { initModel, logitsOf, lossOf, type Model } from '@lorikeet/model-zoo';
import { save } from '@lorikeet/model-zoo/node';
import { adamw, Context, chain, clipByGlobalNorm, linearSchedule } from '@lorikeet/nn';
import { adapt, describe, isTrainable, lora, merge, train } from '@lorikeet/peft-lora';
import { saveAdapter } from '@lorikeet/peft-lora/node';
import { evaluate as compute, randomKey } from '@lorikeet/tensor-core';
import {
  type ClassificationInputs,
  type ClassificationMetrics,
  evaluateClassifier,
  fit,
  tokenBatches,
} from '@lorikeet/train';
import { progressBar } from '@lorikeet/train/progress';
import { htmlReport } from '@lorikeet/train/report';
import { type MailTask, mailTask } from './mailTask.ts';

const seed = 7;
const classes = ['ham', 'spam'];
const output = 'out/quickstart';
const batching = { batchSize: 16, maxLength: 64, padId: 0 };
const epochs = 1;

const started = performance.now();
const elapsed = (): number => (performance.now() - started) / 1000;
const log = (line: string): void => console.error(`[${elapsed().toFixed(1)} s] ${line}`);

log('reading the SpamAssassin corpus');
const task = await mailTask({ seed, heldOut: 0.2, vocabularySize: 6000 });
log(`${task.training.length} messages to train on, ${task.heldOut.length} held out`);

const base = await compute(initModel(modelConfig(task), randomKey(seed)));
const tuned = adapt(
  base,
  {
    '**.{query,value}': lora({ rank: 8, alpha: 16, dropout: 0.05 }),
    '**.word_embeddings': train(),
    classifier: train(),
  },
  { key: randomKey(seed) },
);
const description = describe(tuned);
console.error(String(description));

const evaluate = (model: Model): Promise<ClassificationMetrics> =>
  evaluateClassifier(
    (inputs) => logitsOf(model.call(inputs, Context.evaluation)),
    tokenBatches(task.heldOut, batching),
    2,
  );
log('evaluating before training');
const before = await evaluate(tuned);

const totalSteps = epochs * Math.ceil(task.training.length / batching.batchSize);
const result = await fit({
  model: tuned,
  trainable: isTrainable,
  loss: (model, inputs: ClassificationInputs, context) => lossOf(model.call(inputs, context)),
  optimizer: chain(
    clipByGlobalNorm(1),
    adamw({ learningRate: linearSchedule({ learningRate: 3e-3, warmupSteps: 20, totalSteps }) }),
  ),
  batches: (epoch) => tokenBatches(task.training, { ...batching, shuffle: { seed, epoch } }),
  epochs,
  seed,
  callbacks: [progressBar(totalSteps)],
});
log('evaluating after training');
const after = await evaluate(result.model);

log('merging');
const merged = await merge(result.model, { safe: true });
const difference = await largestDifference(result.model, merged);

await mkdir(output, { recursive: true });
await save(base, `${output}/base`);
await writeFile(`${output}/base/tokenizer.json`, JSON.stringify(task.tokenizerFile));
await saveAdapter(result.model, `${output}/adapter`, {
  baseModel: `${output}/base`,
  taskType: 'SEQ_CLS',
});

const figures: [string, string | number][] = [
  ['accuracy before', before.accuracy.toFixed(4)],
  ['accuracy after', after.accuracy.toFixed(4)],
  ['F1 before (spam)', before.f1.toFixed(4)],
  ['F1 after (spam)', after.f1.toFixed(4)],
  ['parameters trained', description.trainable],
  ['parameters in all', description.total],
  ['largest difference of merged and adapted logits', difference.toExponential(2)],
  ['steps', result.steps.length],
  ['seconds in all', elapsed().toFixed(1)],
];
const tables = [
  { title: 'Figures on the held-out mail', rows: figures },
  { title: 'Confusion matrix before', rows: confusionRows(before) },
  { title: 'Confusion matrix after', rows: confusionRows(after) },
];
const summary = `A two-layer BERT with random weights, fine-tuned with LoRA on ${task.training.length} messages of the SpamAssassin corpus to tell spam from ham.`;
await writeFile(
  `${output}/report.html`,
  htmlReport({ title: 'Lorikeet quickstart', summary, steps: result.steps, tables }),
);

for (const { title, rows } of tables) {
  console.log(`\n${title}`);
  for (const cells of rows) console.log(cells.map((cell) => String(cell).padEnd(50)).join(''));
}
console.log(
  `\nwritten: ${output}/adapter (Hugging Face PEFT), ${output}/base, ${output}/report.html`,
);

function modelConfig({ vocabularySize }: MailTask): Record<string, unknown> {
  return {
    model_type: 'bert',
    architectures: ['BertForSequenceClassification'],
    vocab_size: vocabularySize,
    hidden_size: 64,
    num_hidden_layers: 2,
    num_attention_heads: 2,
    intermediate_size: 128,
    max_position_embeddings: batching.maxLength,
    type_vocab_size: 2,
    hidden_dropout_prob: 0,
    attention_probs_dropout_prob: 0,
    id2label: Object.fromEntries(classes.entries()),
    label2id: Object.fromEntries(classes.map((name, id) => [name, id])),
  };
}

/** Of the logits of all held-out messages. */
async function largestDifference(adapted: Model, plain: Model): Promise<number> {
  let largest = 0;
  for await (const { inputs } of tokenBatches(task.heldOut, { ...batching, batchSize: 256 })) {
    const [a, b] = [adapted, plain].map((model) =>
      logitsOf(model.call(inputs, Context.evaluation)),
    );
    if (a === undefined || b === undefined) continue;
    const differences = await a.sub(b).data();
    for (const value of differences) largest = Math.max(largest, Math.abs(value));
  }
  return largest;
}

function confusionRows({ confusion }: ClassificationMetrics): (string | number)[][] {
  return [
    ['', ...classes.map((name) => `answered ${name}`)],
    ...confusion.map((row, truth) => [`is ${classes[truth]}`, ...row]),
  ];
}
