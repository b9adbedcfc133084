import { mkdir, writeFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import { initModel, type Model } from '@lorikeet/model-zoo';
import { load, loadTokenizer, save, saveTokenizer } from '@lorikeet/model-zoo/node';
import { onnxProvider } from '@lorikeet/onnx/node';
import { describe, merge } from '@lorikeet/peft-lora';
import { saveAdapter } from '@lorikeet/peft-lora/node';
import {
  evaluate as compute,
  randomKey,
  referenceProvider,
  selectBackend,
} from '@lorikeet/tensor-core';
import type { ClassificationMetrics, LabelledTokens } from '@lorikeet/train';
import { collect, shuffle, take } from '@lorikeet/train/data';
import { loadSpam } from '@lorikeet/train/data/node';
import { progressBar } from '@lorikeet/train/progress';
import { htmlReport } from '@lorikeet/train/report';
import {
  adaptToSpam,
  allLabels,
  fewLabels,
  judge,
  largestDifference,
  type Recipe,
  stepCount,
  tokensOf,
  trainSpam,
} from './trainSpam.ts';

const seed = 7;
const seeds = [1, 2, 3];
const fewCount = 100;
const classes = ['ham', 'spam'];
const checkpoint = fileURLToPath(new URL('../../../checkpoints/lorikeet-bert', import.meta.url));
const output = 'out/quickstart';

const started = performance.now();
const elapsed = (): number => (performance.now() - started) / 1000;
const log = (line: string): void => console.error(`[${elapsed().toFixed(1)} s] ${line}`);

const { name } = await selectBackend(
  [onnxProvider, referenceProvider],
  process.env.LORIKEET_BACKEND,
);
log(`reading the SpamAssassin corpus, to compute on ${name}`);
const tokenizer = await loadTokenizer(checkpoint);
const splits = await loadSpam();
const [training, heldOut] = [splits.train, splits.test].map((part) => tokensOf(part, tokenizer));
if (training === undefined || heldOut === undefined) throw new Error('the corpus has no parts');
log(`${training.length} mails to train on, ${heldOut.length} held out`);

const head = 'sequence-classification';
const id2label = Object.fromEntries(classes.entries());
const key = randomKey(seed);
const pretrained = await load(checkpoint, { head, newHead: true, config: { id2label }, key });

log(`${fewCount} labels, pretrained and not, with ${seeds.length} seeds`);
const few: { readonly with: number[]; readonly without: number[] } = { with: [], without: [] };
for (const own of seeds) {
  const some = await collect(take(shuffle(training, { seed: own, epoch: 0 }), fewCount));
  few.with.push((await learn(pretrained, some, fewLabels, own)).accuracy);
  few.without.push((await learn(await random(own), some, fewLabels, own)).accuracy);
}

log('all labels');
const tuned = adaptToSpam(pretrained, allLabels, seed);
const description = describe(tuned);
console.error(String(description));
const before = await judge(tuned, heldOut);
const callbacks = [progressBar(stepCount(training, allLabels))];
const result = await trainSpam(tuned, training, allLabels, { seed, callbacks });
const after = await judge(result.model, heldOut);

log('all labels, not pretrained');
const without = await learn(await random(seed), training, allLabels, seed);

log('merging');
const merged = await merge(result.model, { safe: true });
const difference = await largestDifference([result.model, merged], heldOut);

await mkdir(output, { recursive: true });
await save(pretrained, `${output}/base`);
await saveTokenizer(tokenizer, `${output}/base`);
await saveAdapter(result.model, `${output}/adapter`, {
  baseModel: `${output}/base`,
  taskType: 'SEQ_CLS',
});

const tables = [
  {
    title: 'Figures on the held-out mail',
    rows: [
      ['accuracy before', before.accuracy.toFixed(4)],
      ['accuracy after', after.accuracy.toFixed(4)],
      ['F1 before (spam)', before.f1.toFixed(4)],
      ['F1 after (spam)', after.f1.toFixed(4)],
      ['parameters trained', description.trainable],
      ['parameters in all', description.total],
      ['largest difference of merged and adapted logits', difference.toExponential(2)],
      ['steps', result.steps.length],
      ['seconds in all', elapsed().toFixed(1)],
    ],
  },
  {
    title: 'What pretraining is worth: accuracy',
    rows: [
      ['', 'pretrained', 'not pretrained'],
      [`all ${training.length} labels`, after.accuracy.toFixed(4), without.accuracy.toFixed(4)],
      ...seeds.map((own, i) => [
        `${fewCount} labels, seed ${own}`,
        few.with[i]?.toFixed(4) ?? '',
        few.without[i]?.toFixed(4) ?? '',
      ]),
      [`${fewCount} labels, mean`, mean(few.with).toFixed(4), mean(few.without).toFixed(4)],
    ],
  },
  { title: 'Confusion matrix after', rows: confusionRows(after) },
];
const summary = `A small BERT, pretrained by ourselves, fine-tuned with LoRA on ${training.length} messages of the SpamAssassin corpus to tell spam from ham.`;
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

/** The same model with new weights. */
function random(own: number): Promise<Model> {
  return compute(initModel(pretrained.config, randomKey(own)));
}

async function learn(
  base: Model,
  mails: readonly LabelledTokens[],
  recipe: Recipe,
  own: number,
): Promise<ClassificationMetrics> {
  const { model } = await trainSpam(adaptToSpam(base, recipe, own), mails, recipe, { seed: own });
  return judge(model, heldOut ?? []);
}

function mean(values: readonly number[]): number {
  return values.reduce((sum, value) => sum + value, 0) / values.length;
}

function confusionRows({ confusion }: ClassificationMetrics): (string | number)[][] {
  return [
    ['', ...classes.map((name) => `answered ${name}`)],
    ...confusion.map((row, truth) => [`is ${classes[truth]}`, ...row]),
  ];
}
