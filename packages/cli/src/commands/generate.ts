import { randomInt } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { createInterface } from 'node:readline';
import { type GenerateOptions, generate, type Model, stream } from '@lorikeet/model-zoo';
import { load, loadGenerationConfig, loadTokenizer } from '@lorikeet/model-zoo/node';
import type { ChatMessage, Tokenizer } from '@lorikeet/model-zoo/tokenizers';
import { LorikeetError, tensor } from '@lorikeet/tensor-core';
import { Command } from 'commander';
import { useBackendOption } from '../backends.ts';
import {
  type GenerationFlags,
  generationOptions,
  withGenerationFlags,
} from '../generationFlags.ts';
import { loadTuned } from '../loadTuned.ts';

interface GenerateFlags extends GenerationFlags {
  readonly model: string;
  readonly adapter?: readonly string[];
  readonly prompt?: string;
  readonly promptFile?: string;
  readonly chat?: true;
  readonly system?: string;
  readonly json?: true;
  readonly backend?: string;
}

export function generateCommand(): Command {
  const command = new Command('generate')
    .description('Go on with a text, or talk, with a model and its adapters.')
    .requiredOption('--model <dir>', 'folder of the model, or its name on the hub')
    .option('--adapter <dirs...>', 'folders of adapters, which act together')
    .option('--prompt <text>', 'the text to go on with')
    .option('--prompt-file <file>', 'a file with the text')
    .option(
      '--chat',
      "talk: each line of standard input is a message, in the model's chat template",
    )
    .option('--system <text>', 'of a talk: what the model is told first')
    .option('--json', 'print one object for each answer, with its tokens')
    .option('--backend <name>', 'backend to compute on');
  return withGenerationFlags(command)
    .addHelpText(
      'after',
      `
The options of the model's generation_config.json hold where no flag says otherwise.

Examples:
  lorikeet generate --model gpt2 --prompt "The parrot said" --max-new-tokens 40
  lorikeet generate --model gpt2 --adapter tales-lora --prompt "Once" --sample --top-p 0.9 --seed 1
  lorikeet generate --model t5-small --prompt "translate English to German: Good day" --num-beams 4
  lorikeet generate --model qwen3-0.6b --chat --system "Answer in one sentence."`,
    )
    .action(async (flags: GenerateFlags) => {
      const text = await promptOf(flags);
      await useBackendOption(flags.backend);
      const talker = await open(flags);
      if (text === undefined) await talk(talker, flags);
      else await answer(talker, talker.tokenizer.encode(text).ids, flags);
    });
}

interface Talker {
  readonly model: Model;
  readonly tokenizer: Tokenizer;
  readonly options: GenerateOptions;
  readonly seed: number;
}

/** The text to go on with; `undefined` for a talk. */
async function promptOf(flags: GenerateFlags): Promise<string | undefined> {
  const { prompt, promptFile, chat, system } = flags;
  if (system !== undefined && chat === undefined)
    throw new LorikeetError('invalid-argument', '--system is for a talk', { expected: '--chat' });
  const given = [prompt, promptFile, chat].filter((way) => way !== undefined);
  if (given.length !== 1)
    throw new LorikeetError('invalid-argument', 'generate needs something to go on with', {
      expected: 'one of --prompt, --prompt-file and --chat',
      received: `${given.length} of them`,
    });
  return promptFile === undefined ? prompt : await readFile(promptFile, 'utf8');
}

async function open(flags: GenerateFlags): Promise<Talker> {
  let model = await load(flags.model);
  const adapters = flags.adapter ?? [];
  for (const [i, dir] of adapters.entries())
    model = await loadTuned(model, dir, i === 0 ? {} : { name: `adapter${i}` });
  const tokenizer = await loadTokenizer(flags.model);
  const own = await loadGenerationConfig(flags.model);
  const seed = flags.seed ?? randomInt(2 ** 31);
  const decode = (ids: readonly number[]): string => tokenizer.decode(ids);
  const options = { ...generationOptions(flags, own), key: seed, decode };
  return { model, tokenizer, options, seed };
}

/** Prints what comes next, and gives it. */
async function answer(
  { model, tokenizer, options, seed }: Talker,
  ids: readonly number[],
  { json }: Pick<GenerateFlags, 'json'>,
): Promise<string> {
  const prompt = { input_ids: tensor(Int32Array.from(ids), [1, ids.length], 'i32') };
  const start = performance.now();
  const show = (text: string): void => {
    if (json === undefined) process.stdout.write(text);
  };
  const tokens: number[] = [];
  if ((options.num_beams ?? 1) > 1) {
    tokens.push(...((await generate(model, prompt, options)).tokens[0] ?? []));
    show(tokenizer.decode(tokens));
  } else {
    const words = tokenizer.decodeStream();
    for await (const { token } of stream(model, prompt, options)) {
      tokens.push(token);
      show(words.push(token));
    }
    show(words.end());
  }
  const text = tokenizer.decode(tokens);
  const seconds = (performance.now() - start) / 1000;
  if (json === undefined) show('\n');
  else {
    const tokens_per_s = tokens.length / seconds;
    const drawn = options.do_sample === true ? { seed } : {};
    console.log(JSON.stringify({ text, tokens, ...drawn, seconds, tokens_per_s }));
  }
  return text;
}

async function talk(talker: Talker, flags: GenerateFlags): Promise<void> {
  const { system } = flags;
  const said: ChatMessage[] = system === undefined ? [] : [{ role: 'system', content: system }];
  for await (const line of createInterface({ input: process.stdin })) {
    if (line.trim() === '') continue;
    said.push({ role: 'user', content: line });
    const text = talker.tokenizer.applyChatTemplate(said, { addGenerationPrompt: true });
    const { ids } = talker.tokenizer.encode(text, { addSpecialTokens: false });
    said.push({ role: 'assistant', content: await answer(talker, ids, flags) });
  }
}
