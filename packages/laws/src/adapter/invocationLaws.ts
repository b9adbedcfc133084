import { Context } from '@lorikeet/nn';
import { invokeAdapters, type Method, merge, type Variant } from '@lorikeet/peft-lora';
import { evaluate, isLorikeetError, type Tensor, tensor } from '@lorikeet/tensor-core';
import { requireClose, requireSame } from '../closeness.ts';
import type { Law } from '../law.ts';
import { noiseTensor } from '../noise.ts';
import { adaptAll, adapterLaw, trainedForm } from './adapterCase.ts';
import type { Probe } from './probe.ts';

const invocation = [7, 8];
/** With the place of the last invocation: in the middle, twice, nowhere. */
const rows: readonly (readonly [ids: readonly number[], start: number])[] = [
  [[1, 7, 8, 2, 3], 1],
  [[7, 8, 4, 7, 8], 3],
  [[7, 4, 8, 8, 7], 5],
];
const length = 5;

/** As aLoRA: what was read before the invocation is the base's, so that its keys and values serve any such adapter. */
export function waitsForItsInvocation<C>(variant: Variant<C>): Law {
  const name = 'is the base to the bit before its invocation, and itself from there on';
  const plain: Variant<C> = {
    ...variant,
    kinds: ['linear'],
    refusal: (config, shape) =>
      variant.bias?.isUsed(config) === true ? 'a bias' : variant.refusal?.(config, shape),
  };
  return adapterLaw(
    name,
    plain,
    async ({ model, inputs, method }) => {
      const waiting: Method<C> = {
        ...method,
        target: { ...method.target, invocationTokens: invocation },
      };
      const tuned = trainedForm(adaptAll(model, waiting));
      const sequences = inputs.map(({ shape }, i) =>
        noiseTensor([rows.length, length, shape.at(-1) ?? 1], 30 + i),
      );
      const ids = tensor(
        Int32Array.from(rows.flatMap(([row]) => row)),
        [rows.length, length],
        'i32',
      );
      const before = await outputsOf(model, sequences);
      const after = await outputsOf(trainedForm(adaptAll(model, method)), sequences);
      const invoked = await outputsOf(invokeAdapters(tuned, ids), sequences);
      for (const [part, output] of invoked.entries()) {
        const width = output.length / (rows.length * length);
        for (const [row, [, start]] of rows.entries()) {
          const cut = (all: readonly number[] = [], from: number, to: number): number[] =>
            all.slice((row * length + from) * width, (row * length + to) * width);
          const path = [...model.adapted, model.plain][part];
          requireSame(
            `${path} before the invocation in row ${row}`,
            cut(output, 0, start),
            cut(before[part], 0, start),
          );
          requireClose(
            `${path} from the invocation on in row ${row}`,
            cut(output, start, length),
            cut(after[part], start, length),
            1e-10,
          );
        }
      }
      requireRefusal('merging', () => merge(tuned));
      requireRefusal('a call without ids', () => tuned.call(sequences, Context.evaluation));
    },
    5,
  );
}

async function outputsOf(model: Probe, inputs: readonly Tensor[]): Promise<number[][]> {
  const outputs = await evaluate(model.call(inputs, Context.evaluation));
  return await Promise.all(outputs.map(async (output) => [...(await output.data())]));
}

function requireRefusal(what: string, act: () => unknown): void {
  try {
    act();
  } catch (error) {
    if (isLorikeetError(error, 'unsupported')) return;
    throw error;
  }
  throw new Error(`${what} is not refused`);
}
