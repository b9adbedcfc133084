import type { Model, ModelInputs, ModelOutputs } from '@lorikeet/model-zoo';
import { load } from '@lorikeet/model-zoo/node';
import { Context, paths } from '@lorikeet/nn';
import { exportOnnx } from '@lorikeet/onnx';
import { runOnnx, saveOnnx } from '@lorikeet/onnx/node';
import { isTrainable, merge } from '@lorikeet/peft-lora';
import { LorikeetError, Tensor, tensor } from '@lorikeet/tensor-core';
import { Command, Option } from 'commander';
import { useBackendOption } from '../backends.ts';
import { CommandFailed } from '../commandFailed.ts';
import { loadTuned } from '../loadTuned.ts';
import { integerOption, listOption } from '../options.ts';

interface ExportFlags {
  readonly model: string;
  readonly adapter?: string;
  readonly output: string;
  readonly merged?: true;
  readonly adaptersAsInputs?: true;
  readonly dynamic: readonly string[];
  readonly batch: number;
  readonly sequence: number;
  readonly externalData?: true;
  readonly json?: true;
}

/** How far the exported model may be off, relative to the largest output. */
const tolerance = 1e-4;

const axes = ['batch', 'sequence'];

export function exportCommand(): Command {
  return new Command('export')
    .description('Write a model as an ONNX file, and check it by running it.')
    .requiredOption('--model <dir>', 'folder of the model')
    .option('--adapter <dir>', 'folder of an adapter')
    .requiredOption('--output <file>', 'the .onnx file to write')
    .option('--merged', 'work the adapter into the weights (the default)')
    .addOption(
      new Option(
        '--adapters-as-inputs',
        "the adapter's tensors are given with each call, so that one session serves many",
      ).conflicts('merged'),
    )
    .option('--dynamic <list>', 'sides that may differ from call to call', listOption, axes)
    .option('--batch <n>', 'rows of a batch, where they are fixed', integerOption(1), 1)
    .option('--sequence <n>', 'tokens of a row, where they are fixed', integerOption(1), 8)
    .option(
      '--external-data',
      'weights in a file of their own; always where one would be too large',
    )
    .option('--json', 'print one JSON object')
    .addHelpText(
      'after',
      '\nExample:\n  lorikeet export --model bert --adapter spam-lora --output spam.onnx',
    )
    .action(exportModel);
}

async function exportModel(flags: ExportFlags): Promise<void> {
  const unknown = flags.dynamic.filter((name) => !axes.includes(name));
  if (unknown.length > 0)
    throw new LorikeetError('invalid-argument', `--dynamic: no side '${unknown.join()}'`, {
      expected: axes.join(', '),
      received: unknown.join(', '),
    });
  await useBackendOption('reference');
  const asInputs = flags.adaptersAsInputs === true;
  const model = await modelOf(flags, asInputs);
  const inputs = inputsOf(model, flags.batch, flags.sequence);
  const open = Object.fromEntries(
    axes.flatMap((name, axis) => (flags.dynamic.includes(name) ? [[axis, name]] : [])),
  );
  const outputs = Object.keys(shownOutputs(model.call(inputs, Context.evaluation)));
  const exported = await exportOnnx(model, inputs, {
    dynamicAxes: { input_ids: open, attention_mask: open },
    outputs,
    ...(asInputs ? { asInputs: isTrainable } : {}),
  });
  const saving = flags.externalData === true ? { externalData: true } : {};
  const files = await saveOnnx(exported, flags.output, saving);
  // Where sides are open, at other sizes too.
  const others = inputsOf(
    model,
    flags.batch + (flags.dynamic.includes('batch') ? 1 : 0),
    flags.sequence + (flags.dynamic.includes('sequence') ? 3 : 0),
  );
  let largest_difference = 0;
  for (const example of [inputs, others]) {
    const given = Object.fromEntries([...paths(example), ...paths(model)]);
    const expected = shownOutputs(model.call(example, Context.evaluation));
    const difference = await differenceOf(await runOnnx(flags.output, given), expected);
    largest_difference = Math.max(largest_difference, difference);
  }
  const summary = {
    files,
    inputs: exported.inputs.map(({ name, dims }) => `${name} [${dims.join(', ')}]`),
    outputs: exported.outputs.map(({ name, dims }) => `${name} [${dims.join(', ')}]`),
    weight_bytes: exported.weightBytes,
    largest_difference,
  };
  console.log(flags.json === true ? JSON.stringify(summary) : format(summary));
  if (!(largest_difference <= tolerance)) throw new CommandFailed();
}

async function modelOf({ model, adapter }: ExportFlags, asInputs: boolean): Promise<Model> {
  const base = await load(model);
  if (adapter === undefined) {
    if (!asInputs) return base;
    throw new LorikeetError('invalid-argument', '--adapters-as-inputs: there is no adapter', {
      expected: '--adapter DIR',
      received: 'none',
    });
  }
  const tuned = await loadTuned(base, adapter);
  return asInputs ? tuned : merge(tuned);
}

/** Ids all over the vocabulary; the first row ends with padding. */
function inputsOf({ config }: Model, batch: number, sequence: number): ModelInputs {
  const vocabulary = Number(config.vocab_size);
  const size = batch * sequence;
  const ids = Int32Array.from({ length: size }, (_, i) => (i * 7919 + 17) % vocabulary);
  const mask = new Int32Array(size).fill(1);
  if (sequence > 1) mask[sequence - 1] = 0;
  return {
    input_ids: tensor(ids, [batch, sequence], 'i32'),
    attention_mask: tensor(mask, [batch, sequence], 'i32'),
  };
}

/** All but the states between the layers. */
function shownOutputs(outputs: ModelOutputs): Record<string, Tensor> {
  const there = Object.entries(outputs).flatMap(([name, output]) =>
    output instanceof Tensor ? [[name, output] as const] : [],
  );
  return Object.fromEntries(there);
}

/** Between the file in ONNX Runtime and the model on the reference backend, relative to the largest element. */
async function differenceOf(
  got: Readonly<Record<string, Tensor>>,
  expected: Readonly<Record<string, Tensor>>,
): Promise<number> {
  let largest = 0;
  for (const [name, output] of Object.entries(expected)) {
    const ours = Array.from(await output.data());
    const theirs = await got[name]?.data();
    const scale = ours.reduce((most, value) => Math.max(most, Math.abs(value)), 1e-6);
    ours.forEach((value, i) => {
      const difference = Math.abs(value - (theirs?.[i] ?? Number.NaN)) / scale;
      if (!(difference <= largest)) largest = difference;
    });
  }
  return largest;
}

function format(summary: Readonly<Record<string, unknown>>): string {
  return Object.entries(summary)
    .map(
      ([name, value]) =>
        `${name.padEnd(20)} ${Array.isArray(value) ? value.slice(0, 6).join('\n'.padEnd(22)) : String(value)}`,
    )
    .join('\n');
}
