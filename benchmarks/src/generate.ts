import { generate, initModel } from '@lorikeet/model-zoo';
import { currentBackend, evaluate, LorikeetError, randomKey, tensor } from '@lorikeet/tensor-core';
import { Command, Option } from 'commander';
import { coresBusyElsewhere } from './machineLoad.ts';
import { measureAll, peakRssMib, report } from './measure.ts';
import { adapterFigures, openBackend } from './openBackend.ts';
import { countOption, positiveOption } from './options.ts';
import { type PythonPeer, startPython } from './peers/pythonPeer.ts';
import { benchmarkModels } from './sizes.ts';

interface GenerateFlags {
  readonly model: string;
  readonly batch: number;
  readonly prompt: number;
  readonly new: number;
  readonly seconds: number;
  readonly backend?: string;
  readonly peer?: string;
  readonly python: string;
  readonly threads: number;
  readonly json?: string;
}

const gpt2 = benchmarkModels.gpt2?.config;

/** Decoders that generate, with random weights. */
const models: Readonly<Record<string, Readonly<Record<string, unknown>> | undefined>> = {
  'gpt2-mini': { ...gpt2, n_embd: 256, n_layer: 4, n_head: 4, vocab_size: 8192 },
  gpt2,
  'llama-160m': benchmarkModels['llama-160m']?.config,
};

export function generateCommand(): Command {
  return new Command('generate')
    .description('Greedy generation with a cache of keys and values, from random weights.')
    .addOption(
      new Option('--model <name>', 'sizes of the model')
        .choices(Object.keys(models))
        .default('gpt2'),
    )
    .option('--batch <n>', 'rows', countOption, 1)
    .option('--prompt <n>', 'tokens of the prompt', countOption, 32)
    .option('--new <n>', 'tokens to generate', countOption, 64)
    .option('--seconds <n>', 'time to measure for', positiveOption, 20)
    .option('--backend <name>', 'onnx, webgpu or reference')
    .addOption(new Option('--peer <name>', 'measure a rival in turn with us').choices(['pytorch']))
    .option('--python <path>', 'a Python with torch and transformers', 'python3')
    .option('--threads <n>', "our threads, and the rival's", countOption, 2)
    .option('--json <file>', 'write the figures')
    .action(async (flags: GenerateFlags) => {
      await report(await measureGeneration(flags), flags.json);
    });
}

async function measureGeneration(flags: GenerateFlags): Promise<Record<string, unknown>> {
  const { batch, prompt, new: count, threads, seconds } = flags;
  await openBackend(flags);
  const config = models[flags.model] ?? {};
  const model = await evaluate(initModel(config, randomKey(0)));
  const vocabulary = Number(config.vocab_size);
  const ids = Int32Array.from({ length: batch * prompt }, (_, i) => (i * 7919) % vocabulary);
  const input_ids = tensor(ids, [batch, prompt], 'i32');
  const options = { max_new_tokens: count, eos_token_id: null };
  const work = async (): Promise<void> => {
    const { sequences } = await generate(model, { input_ids }, options);
    if (sequences.some((row) => row.length !== prompt + count))
      throw new LorikeetError('internal', 'there are too few tokens');
  };
  const order = { config, batch, prompt, new: count, threads };
  const peer =
    flags.peer === undefined
      ? undefined
      : startPython(flags.python, './pytorch_generate.py', order);
  const version = (await peer?.read()) as { readonly version: string } | undefined;
  // What is not there takes no time.
  const idle = async (): Promise<number> => seconds;
  const theirs = (asked: PythonPeer) => async (): Promise<number> => {
    const said = (await asked.ask('run')) as { readonly seconds: number };
    return said.seconds;
  };
  const [timing, rival] = await measureAll(
    [work, peer === undefined ? idle : theirs(peer)],
    seconds,
  );
  const end = (await peer?.ask('end')) as { readonly cpu_s: number } | undefined;
  peer?.close();
  return {
    backend: currentBackend().name,
    ...adapterFigures(currentBackend()),
    model: flags.model,
    batch,
    prompt,
    new: count,
    threads,
    ...timing,
    tokens_per_s: (batch * count) / timing.median_s,
    ms_per_token: (1000 * timing.median_s) / count,
    peak_rss_mib: peakRssMib(),
    cores_busy_elsewhere: coresBusyElsewhere(end?.cpu_s),
    rivals:
      end === undefined
        ? []
        : [
            {
              name: 'transformers on torch',
              ...version,
              threads,
              ...end,
              ...rival,
              tokens_per_s: (batch * count) / rival.median_s,
              ratio: rival.median_s / timing.median_s,
              ratio_of_min: rival.min_s / timing.min_s,
            },
          ],
  };
}
