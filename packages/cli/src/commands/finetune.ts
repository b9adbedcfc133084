import { logitsOf, lossOf, type Model } from '@lorikeet/model-zoo';
import { downloadBar, load, loadTokenizer } from '@lorikeet/model-zoo/node';
import { adamw, Context, chain, clipByGlobalNorm, linearSchedule, paths } from '@lorikeet/nn';
import {
  adapt,
  adapterOptimizer,
  adapterPenalty,
  describe,
  isTrainable,
  loraVariant,
  method,
  train,
} from '@lorikeet/peft-lora';
import { saveAdapter } from '@lorikeet/peft-lora/node';
import { add, LorikeetError, randomKey } from '@lorikeet/tensor-core';
import {
  type ClassificationInputs,
  evaluateClassifier,
  fit,
  permutation,
  tokenBatches,
} from '@lorikeet/train';
import { checkpointFolder, jsonlLog } from '@lorikeet/train/node';
import { progressBar } from '@lorikeet/train/progress';
import { htmlReport } from '@lorikeet/train/report';
import { Command, Option } from 'commander';
import { useBackendOption } from '../backends.ts';
import { findVariant } from '../findVariant.ts';
import { integerOption, listOption, positiveOption, recordOption } from '../options.ts';
import { readLabelledTexts } from '../readLabelledTexts.ts';
import { writeText } from '../writeText.ts';

interface FinetuneFlags {
  readonly model: string;
  readonly data: string;
  readonly output: string;
  readonly targets: readonly string[];
  readonly head: string;
  readonly method: string;
  readonly options: Readonly<Record<string, unknown>>;
  readonly rank?: number;
  readonly alpha?: number;
  readonly epochs: number;
  readonly batchSize: number;
  readonly learningRate: number;
  readonly maxLength: number;
  readonly evaluation: number;
  readonly accumulate: number;
  readonly clip?: number;
  readonly precision?: 'f16' | 'bf16';
  readonly checkpoints?: string;
  readonly checkpointEvery?: number;
  readonly log?: string;
  readonly report?: string;
  readonly seed: number;
  readonly backend?: string;
  readonly json?: true;
}

export function finetuneCommand(): Command {
  return new Command('finetune')
    .description(
      'Fine-tune a text classifier with LoRA or another method, and save the adapter in the format of Hugging Face PEFT.',
    )
    .requiredOption(
      '--model <dir>',
      'folder of the base model, with tokenizer.json, or its name on the hub',
    )
    .requiredOption('--data <file>', 'JSON lines with the fields text and label')
    .requiredOption('--output <dir>', 'folder for the adapter')
    .option('--targets <selectors>', 'modules to adapt', listOption, ['**.query', '**.value'])
    .option('--head <selector>', 'module that trains as a whole', 'classifier')
    .option('--method <name>', 'how modules are adapted: any method that changes weights', 'lora')
    .option('--options <json>', "the method's options", recordOption, {})
    .option(
      '--rank <n>',
      'rank of the update, where the method has one; 8 for lora',
      integerOption(1),
    )
    .option('--alpha <x>', 'scale of the update; twice the rank for lora', positiveOption)
    .option('--epochs <n>', 'times through the data', integerOption(1), 3)
    .option('--batch-size <n>', 'texts in a step', integerOption(1), 16)
    .option('--learning-rate <x>', 'highest learning rate', positiveOption, 1e-3)
    .option('--max-length <n>', 'tokens of a text that count', integerOption(2), 128)
    .option('--evaluation <n>', 'texts held out, drawn by the seed', integerOption(1), 100)
    .option('--accumulate <n>', 'batches whose gradients make one step', integerOption(1), 1)
    .option('--clip <x>', 'largest norm of all gradients together', positiveOption)
    .addOption(
      new Option('--precision <dtype>', 'what the model is computed in').choices(['f16', 'bf16']),
    )
    .option(
      '--checkpoints <dir>',
      'folder for states of the run; a run that was stopped goes on from the last, to the same bits',
    )
    .option(
      '--checkpoint-every <n>',
      'steps between them; one an epoch if not given',
      integerOption(1),
    )
    .option('--log <file>', 'a line of JSON for each step and evaluation')
    .option('--report <file>', 'a page with the curves of the run')
    .option('--seed <n>', 'makes everything random repeatable', integerOption(0), 0)
    .option('--backend <name>', 'backend to compute on')
    .option('--json', 'print the figures as one JSON object')
    .addHelpText(
      'after',
      `
Examples:
  lorikeet finetune --model bert --data mail.jsonl --output spam-lora --rank 8
  lorikeet finetune --model bert --data mail.jsonl --output spam-oft --method oft --options '{"blockSize":32}'`,
    )
    .action(finetune);
}

async function finetune(flags: FinetuneFlags): Promise<void> {
  const backend = await useBackendOption(flags.backend);
  const start = performance.now();
  const { seed, batchSize, maxLength, epochs, learningRate } = flags;
  const { texts, labels, classes } = await readLabelledTexts(flags.data);
  const tokenizer = await loadTokenizer(flags.model, { onProgress: downloadBar() });
  const examples = texts.map((text, i) => ({
    ids: [...tokenizer.encode(text).ids],
    label: labels[i] ?? 0,
  }));
  const order = await permutation(randomKey(seed), examples.length);
  const pick = (places: readonly number[]): typeof examples =>
    places.flatMap((i) => examples[i] ?? []);
  const [heldOut, training] = [
    pick(order.slice(0, flags.evaluation)),
    pick(order.slice(flags.evaluation)),
  ];
  if (training.length === 0) {
    throw new LorikeetError(
      'invalid-argument',
      'holding out the evaluation leaves nothing to train on',
      { received: `${examples.length} rows, --evaluation ${flags.evaluation}` },
    );
  }

  const base = await load(flags.model, { key: randomKey(seed), onProgress: downloadBar() });
  requireClasses(base, classes.length);
  const adapter = method(findVariant(flags.method), optionsOf(flags));
  const spec = {
    ...Object.fromEntries(flags.targets.map((selector) => [selector, adapter])),
    [flags.head]: train(),
  };
  const tuned = adapt(base, spec, { key: randomKey(seed) });
  const described = describe(tuned);
  console.error(String(described));

  const { accumulate, clip, precision, checkpointEvery } = flags;
  const stepsPerEpoch = Math.ceil(Math.ceil(training.length / batchSize) / accumulate);
  const totalSteps = epochs * stepsPerEpoch;
  const batching = { batchSize, maxLength, padId: tokenizer.special.pad ?? 0 };
  const evaluate = (model: typeof tuned) =>
    evaluateClassifier(
      (inputs: ClassificationInputs) => logitsOf(model.call(inputs, Context.evaluation)),
      tokenBatches(heldOut, batching),
      classes.length,
    );
  const before = await evaluate(tuned);
  const result = await fit({
    model: tuned,
    trainable: isTrainable,
    loss: (model, inputs: ClassificationInputs, context) =>
      add(lossOf(model.call(inputs, context)), adapterPenalty(model)),
    optimizer: adapterOptimizer(
      chain(
        ...(clip === undefined ? [] : [clipByGlobalNorm(clip)]),
        adamw({ learningRate: linearSchedule({ learningRate, totalSteps }) }),
      ),
    ),
    batches: (epoch) => tokenBatches(training, { ...batching, shuffle: { seed, epoch } }),
    epochs,
    seed,
    accumulate,
    ...(precision === undefined ? {} : { precision }),
    ...(flags.checkpoints === undefined
      ? {}
      : { checkpoints: await checkpointFolder(flags.checkpoints, { onBroken: warnOfBroken }) }),
    ...(checkpointEvery === undefined ? {} : { checkpointEvery }),
    evaluate,
    callbacks: [progressBar(totalSteps), ...(flags.log === undefined ? [] : [jsonlLog(flags.log)])],
    gradientCheckpointing: 'auto',
    // Only a GPU can be taken away.
    ...(backend.name === 'webgpu' ? { recover: () => useBackendOption(flags.backend) } : {}),
  });
  const after = result.evaluations.at(-1)?.metrics ?? (await evaluate(result.model));
  await saveAdapter(result.model, flags.output, { baseModel: flags.model, taskType: 'SEQ_CLS' });

  const figures = {
    adapter: flags.output,
    classes,
    trainable_parameters: described.trainable,
    total_parameters: described.total,
    steps: result.steps.length,
    final_loss: result.steps.at(-1)?.loss,
    accuracy_before: before.accuracy,
    accuracy: after.accuracy,
    f1: after.f1,
    confusion: after.confusion,
    total_s: (performance.now() - start) / 1000,
  };
  if (flags.report !== undefined) {
    const summary = `${flags.method} on ${flags.model}, trained on ${training.length} texts of ${flags.data}.`;
    const rows = Object.entries(figures).map(([name, value]) => [name, JSON.stringify(value)]);
    const content = { title: 'Fine-tuning', summary, steps: result.steps };
    await writeText(flags.report, htmlReport({ ...content, tables: [{ title: 'Figures', rows }] }));
  }
  console.log(
    flags.json
      ? JSON.stringify(figures)
      : Object.entries(figures)
          .map(([name, value]) => `${name}: ${JSON.stringify(value)}`)
          .join('\n'),
  );
}

/** What is said of the method by options of their own and all together. */
function optionsOf({ method: name, options, rank, alpha }: FinetuneFlags): Record<string, unknown> {
  // Of LoRA alone there is a habit to follow.
  const isLora = name === loraVariant.name;
  const own = rank ?? (isLora ? 8 : undefined);
  const scale = alpha ?? (isLora ? 2 * (own ?? 0) : undefined);
  return {
    ...(own === undefined ? {} : { rank: own }),
    ...(scale === undefined ? {} : { alpha: scale }),
    ...options,
  };
}

function warnOfBroken(path: string, reason: string): void {
  console.error(`passed over ${path}: ${reason}`);
}

/** Refuses data with more classes than the head of the model has rows. */
function requireClasses(model: Model, count: number): void {
  const bias = new Map(paths(model)).get('classifier.bias');
  if (bias === undefined || count <= bias.size) return;
  throw new LorikeetError('invalid-argument', `the model tells ${bias.size} classes apart`, {
    expected: `data with at most ${bias.size} labels`,
    received: `${count} labels`,
    hint: 'set id2label in the config of the model, and leave the classifier out of its checkpoint',
  });
}
