import { downloadBar, loadTokenizer } from '@lorikeet/model-zoo/node';
import { Command } from 'commander';
import { z } from 'zod';
import { useBackendOption } from '../backends.ts';
import { type Fields, field, fieldsOf } from '../fields/fields.ts';
import { withFields } from '../fields/readFields.ts';
import { loadTuned } from '../loadTuned.ts';
import { findTask } from '../tasks/findTask.ts';
import { chooseEvaluation } from '../training/examples.ts';
import { trialShape, tuningShape } from '../training/finetuneFields.ts';
import { mostTokens } from '../training/mostTokens.ts';
import { openModel, ownClasses, readModelConfig } from '../training/openModel.ts';

interface EvalConfig {
  readonly model: string;
  readonly adapter?: string | undefined;
  readonly task: string;
  readonly data: string;
  readonly evaluation?: number | undefined;
  readonly max_length: number;
  readonly batch_size: number;
  readonly seed: number;
  readonly backend?: string | undefined;
  readonly json: boolean;
}

const evalFields: Fields<EvalConfig> = fieldsOf<EvalConfig>({
  model: trialShape.model,
  adapter: field(z.string().optional(), {
    about: 'folder of an adapter of the model',
    example: 'spam-lora',
    value: 'dir',
  }),
  task: trialShape.task,
  data: trialShape.data,
  evaluation: field(z.int().min(1).optional(), {
    about:
      'so many examples, drawn by the seed; all if not given, of data with parts those of the test',
    example: 200,
  }),
  max_length: trialShape.max_length,
  batch_size: tuningShape.batch_size,
  seed: tuningShape.seed,
  backend: tuningShape.backend,
  json: tuningShape.json,
});

export function evalCommand(): Command {
  const command = new Command('eval')
    .description("Evaluate a model, or an adapter of it, on a task's data.")
    .addHelpText(
      'after',
      `
Examples:
  lorikeet eval --model checkpoints/lorikeet-bert --adapter spam-lora --data mail-test.jsonl
  lorikeet eval --model bert-squad --task question-answering --data dev-v1.1.json --json`,
    );
  return withFields(command, evalFields, evaluateModel);
}

async function evaluateModel(config: EvalConfig): Promise<void> {
  const { seed, batch_size: size } = config;
  await useBackendOption(config.backend);
  const task = findTask(config.task);
  const modelConfig = await readModelConfig(config.model);
  const data = await task.read(config.data, ownClasses(modelConfig, task));
  const tokenizer = await loadTokenizer(config.model, { onProgress: downloadBar() });
  const open = data.open(tokenizer, mostTokens(modelConfig, config.max_length));
  const opening = { classes: data.classes, seed, random: false };
  const { model: base } = await openModel(config.model, modelConfig, task, opening);
  const model = config.adapter === undefined ? base : await loadTuned(base, config.adapter);
  const examples = await chooseEvaluation(data, config);
  const figures = { examples: examples.length, ...(await open.evaluate(model, examples, size)) };
  const lines = Object.entries(figures).map(([name, value]) => `${name}: ${JSON.stringify(value)}`);
  console.log(config.json ? JSON.stringify(figures) : lines.join('\n'));
}
