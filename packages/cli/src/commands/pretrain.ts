import { initModel, lossOf, type Model, type ModelInputs } from '@lorikeet/model-zoo';
import { downloadBar, loadTokenizer, save, saveTokenizer } from '@lorikeet/model-zoo/node';
import type { Tokenizer } from '@lorikeet/model-zoo/tokenizers';
import { Context, paths } from '@lorikeet/nn';
import { compile, evaluate, LorikeetError, randomKey } from '@lorikeet/tensor-core';
import { fit, permutation } from '@lorikeet/train';
import { Command } from 'commander';
import { useBackendOption } from '../backends.ts';
import { withFields } from '../fields/readFields.ts';
import { tokenizerFor } from '../pretrain/newTokenizer.ts';
import { type Objective, objectiveOf, type TokenList } from '../pretrain/objective.ts';
import { type PretrainConfig, pretrainFields } from '../pretrain/pretrainFields.ts';
import { withTextEmbeddings } from '../pretrain/textEmbeddings.ts';
import { printFigures } from '../printFigures.ts';
import { readJson } from '../readJson.ts';
import { readTexts } from '../readTexts.ts';
import { fitOptionsOf, optimizerOf } from '../runOptions.ts';

export function pretrainCommand(): Command {
  const command = new Command('pretrain')
    .description(
      'Train a new model on plain text: masked words for an encoder, the next words for a decoder, lost spans for both.',
    )
    .addHelpText(
      'after',
      `
Example:
  lorikeet pretrain --model-config bert-small.json --data stdlib:prose --output bert --steps 2000 --dtype f16`,
    );
  return withFields(command, pretrainFields, pretrain);
}

async function pretrain(config: PretrainConfig): Promise<void> {
  const { seed, steps, batch_size: size, output } = config;
  const start = performance.now();
  const backend = await useBackendOption(config.backend);
  const texts = await readTexts(config.data);
  const given = await modelConfig(config.model_config);
  const kind = initModel({ ...given, vocab_size: config.vocabulary }, randomKey(seed));
  const tokenizer =
    config.tokenizer === undefined
      ? tokenizerFor(kind, texts, config.vocabulary)
      : await loadTokenizer(config.tokenizer, { onProgress: downloadBar() });
  const vocabulary = tokenizer.size;
  const tokens = texts.map((text) => tokenizer.encode(text, { addSpecialTokens: false }).ids);
  const complete = { ...given, ...specialIds(tokenizer, kind), vocab_size: vocabulary };
  const random = await evaluate(initModel(complete, randomKey(seed)));
  const model =
    config.embeddings === 'random'
      ? random
      : await withTextEmbeddings(random, tokens, randomKey(seed));
  const objective = objectiveOf(model, tokenizer, config);
  const rows = await objective.rows(tokens);
  const { training, heldOut } = await split(rows, config);
  console.error(
    `${objective.name}: ${texts.length} texts, ${training.length} rows, ${parameterCount(model)} parameters`,
  );

  const stepsPerEpoch = Math.floor(Math.floor(training.length / size) / config.accumulate);
  const result = await fit<Model, ModelInputs, { readonly loss: number }>({
    ...(await fitOptionsOf(config, steps, backend)),
    model,
    trainable: () => true,
    loss: (current, inputs, context) => lossOf(current.call(inputs, context)),
    optimizer: optimizerOf(config, steps),
    batches: (epoch) => objective.batches(training, { seed, epoch, size }),
    epochs: Math.ceil(steps / Math.max(1, stepsPerEpoch)),
    maxSteps: steps,
    evaluate: async (current) => ({ loss: await meanLoss(current, objective, heldOut, config) }),
    evaluateEvery: config.evaluate_every,
  });
  await save(result.model, output, { dtype: config.dtype });
  await saveTokenizer(tokenizer, output);
  const loss = result.evaluations.at(-1)?.metrics.loss;
  const figures = {
    model: output,
    objective: objective.name,
    parameters: parameterCount(model),
    vocabulary,
    steps: result.steps.length,
    tokens: result.steps.reduce((sum, step) => sum + step.tokens, 0),
    final_loss: result.steps.at(-1)?.loss,
    evaluation_loss: loss,
    perplexity: loss === undefined ? undefined : Math.exp(loss),
    total_s: (performance.now() - start) / 1000,
  };
  const summary = `${objective.name} on ${config.data.join(', ')}.`;
  await printFigures(figures, { ...config, title: 'Pretraining', summary, steps: result.steps });
}

async function modelConfig(
  given: PretrainConfig['model_config'],
): Promise<Readonly<Record<string, unknown>>> {
  if (typeof given !== 'string') return given;
  const content = await readJson(given);
  if (typeof content === 'object' && content !== null)
    return Object.fromEntries(Object.entries(content));
  throw new LorikeetError('invalid-file', `cannot read the config of a model in '${given}'`, {
    expected: 'a JSON object, as in config.json',
    received: content === undefined ? 'no file' : JSON.stringify(content),
  });
}

/** What a config says of the tokens with a meaning. */
function specialIds({ special }: Tokenizer, model: Model): Record<string, number> {
  const { pad, bos, eos } = special;
  return {
    ...(pad === undefined ? {} : { pad_token_id: pad }),
    ...(bos === undefined ? {} : { bos_token_id: bos }),
    ...(eos === undefined ? {} : { eos_token_id: eos }),
    ...(model.decoderStart === undefined ? {} : { decoder_start_token_id: pad ?? 0 }),
  };
}

async function split(
  rows: readonly TokenList[],
  { evaluation, batch_size: size, seed }: PretrainConfig,
): Promise<Record<'training' | 'heldOut', readonly TokenList[]>> {
  if (rows.length < evaluation + size) {
    throw new LorikeetError('invalid-argument', 'there is too little text', {
      expected: `${evaluation} rows to evaluate on and ${size} for a batch`,
      received: `${rows.length} rows`,
      hint: 'a lower --length, --batch-size or --evaluation',
    });
  }
  const order = await permutation(randomKey(seed), rows.length);
  const pick = (places: readonly number[]): TokenList[] => places.flatMap((i) => rows[i] ?? []);
  return { heldOut: pick(order.slice(0, evaluation)), training: pick(order.slice(evaluation)) };
}

/** What is lost of held-out rows, always the same of them. */
async function meanLoss(
  model: Model,
  objective: Objective,
  rows: readonly TokenList[],
  { batch_size: most, evaluation }: PretrainConfig,
): Promise<number> {
  const loss = compile((inputs: ModelInputs) => lossOf(model.call(inputs, Context.evaluation)));
  const size = Math.min(most, evaluation);
  let [sum, count] = [0, 0];
  for await (const { inputs } of objective.batches(rows, { seed: 0, epoch: 0, size })) {
    sum += (await loss(inputs).data())[0] ?? 0;
    count += 1;
  }
  return sum / count;
}

function parameterCount(model: Model): number {
  return paths(model).reduce((sum, [, leaf]) => sum + leaf.size, 0);
}
