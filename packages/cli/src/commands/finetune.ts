import { save, saveTokenizer } from '@lorikeet/model-zoo/node';
import { merge } from '@lorikeet/peft-lora';
import { saveAdapter } from '@lorikeet/peft-lora/node';
import { Command } from 'commander';
import { useBackendOption } from '../backends.ts';
import { withFields } from '../fields/readFields.ts';
import { printFigures } from '../printFigures.ts';
import { describeTrial } from '../training/describeTrial.ts';
import { type FinetuneConfig, finetuneFields } from '../training/finetuneFields.ts';
import { prepareTrial, runTrial, type Trial, type TrialResult } from '../training/trial.ts';

export function finetuneCommand(): Command {
  const command = new Command('finetune')
    .description(
      'Fine-tune a model for a task by LoRA or another method, and save the adapter in the format of Hugging Face PEFT.',
    )
    .addHelpText(
      'after',
      `
What the method trains is saved as PEFT does. For full, head and bitfit, which have no such file, the model is saved.

Examples:
  lorikeet finetune --model checkpoints/lorikeet-bert --data mail.jsonl --output spam-lora
  lorikeet finetune --model bert --task tagging --data train.conll --method dora --rank 16 --output ner
  lorikeet finetune --model bert --data stdlib:spam --examples 100 --method adapters --output few
  lorikeet finetune --config spam.yaml --seed 2`,
    );
  return withFields(command, finetuneFields, finetune);
}

async function finetune(config: FinetuneConfig): Promise<void> {
  const start = performance.now();
  const backend = await useBackendOption(config.backend);
  const trial = await prepareTrial(config);
  console.error(await describeTrial(trial, backend));
  const result = await runTrial(trial, backend);
  await saveResult(trial, result, config);

  const { steps } = result.fit;
  const before = Object.entries(result.before ?? {}).filter(
    ([, value]) => typeof value === 'number',
  );
  const figures = {
    [trial.method.hasFile ? 'adapter' : 'model']: config.output,
    classes: trial.data.classes,
    trainable_parameters: trial.trainable,
    total_parameters: trial.total,
    steps: steps.length,
    final_loss: steps.at(-1)?.loss,
    ...Object.fromEntries(before.map(([name, value]) => [`${name}_before`, value])),
    ...result.after,
    total_s: (performance.now() - start) / 1000,
  };
  const summary = `${config.method} on ${config.model}, trained on ${trial.examples.training.length} examples of ${config.data}.`;
  await printFigures(figures, { ...config, title: 'Fine-tuning', summary, steps });
}

/** The adapter, or the model with its tokenizer where files of PEFT do not hold what was trained. */
async function saveResult(
  { method, task, tokenizer }: Trial,
  { model }: TrialResult,
  { output, model: baseModel }: FinetuneConfig,
): Promise<void> {
  if (method.hasFile) {
    await saveAdapter(model, output, { baseModel, taskType: task.peftType });
    return;
  }
  await save(method.spec === null ? model : merge(model), output);
  await saveTokenizer(tokenizer, output);
}
