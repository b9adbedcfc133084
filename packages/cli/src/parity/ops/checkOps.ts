import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import {
  type DType,
  formatShape,
  isLorikeetError,
  LorikeetError,
  sameShape,
  type Tensor,
  tensor,
  vjp,
  zeros,
} from '@lorikeet/tensor-core';
import type { SafetensorsFile } from '@lorikeet/tensor-core/safetensors';
import { openSafetensors } from '@lorikeet/tensor-core/safetensors/node';
import { z } from 'zod';
import { compare, type Tolerance } from '../compare.ts';
import type { ParityRow } from '../row.ts';
import type { Operands } from './meaning.ts';
import { meanings } from './meanings.ts';

const opCase = z.object({
  name: z.string(),
  op: z.string(),
  params: z.record(z.string(), z.unknown()),
  inputs: z.array(z.string()),
  outputs: z.number(),
  upstream_for_outputs: z.array(z.number()).default([]),
  gradients: z.array(z.string()).default([]),
});
type OpCase = z.infer<typeof opCase>;

const description = z.object({
  tolerance: z.object({ rtol: z.number(), atol: z.number() }),
  cases: z.array(opCase),
});

const dtypes: Readonly<Record<string, DType>> = { F32: 'f32', I32: 'i32', U8: 'bool' };

/** Outputs and gradients of every operation in `ops.json`. */
export async function* checkOps(root: string): AsyncGenerator<ParityRow> {
  const text = await readFile(join(root, 'ops.json'), 'utf8');
  const { cases, tolerance } = description.parse(JSON.parse(text));
  const file = await openSafetensors(join(root, 'ops.safetensors'));
  try {
    for (const one of cases) yield* checkOp(one, file, tolerance);
  } finally {
    await file.close();
  }
}

async function* checkOp(
  one: OpCase,
  file: SafetensorsFile,
  tolerance: Tolerance,
): AsyncGenerator<ParityRow> {
  const row = (name: string): ParityRow => ({
    kind: 'op',
    case: `ops/${one.name}`,
    tensor: name,
    error: null,
    tolerance: null,
    pass: false,
    reason: null,
  });
  try {
    for (const [name, got] of await resultsOf(one, file)) {
      const expected = await stored(file, `${one.name}.${name}`);
      if (!sameShape(got.shape, expected.shape)) {
        const reason = `shape ${formatShape(got.shape)} instead of ${formatShape(expected.shape)}`;
        yield { ...row(name), reason };
      } else {
        yield { ...row(name), ...compare(await got.data(), await expected.data(), tolerance) };
      }
    }
  } catch (error) {
    if (!isLorikeetError(error)) throw error;
    const reason = error.code === 'unsupported' ? `not supported: ${error.summary}` : error.message;
    yield { ...row('*'), reason };
  }
}

/** What is computed for a case, by the names that it has in the file. */
async function resultsOf(
  { name, op, params, inputs, outputs, upstream_for_outputs: upstream, gradients }: OpCase,
  file: SafetensorsFile,
): Promise<[name: string, got: Tensor][]> {
  const meaning = meanings[op];
  if (meaning === undefined) throw new LorikeetError('unsupported', `the operation '${op}'`);
  const pairs = inputs.map(async (input) => [input, await stored(file, `${name}.in.${input}`)]);
  const operands: Operands = Object.fromEntries(await Promise.all(pairs));
  const { value, pullback } = vjp((o: Operands) => [...meaning(o, params)], operands);
  if (value.length !== outputs) {
    throw new LorikeetError('internal', `'${op}' gives another number of results`, {
      expected: String(outputs),
      received: String(value.length),
    });
  }
  const results = value.map((output, i): [string, Tensor] => [`out.${i}`, output]);
  if (gradients.length === 0) return results;
  const weights = value.map(async (output, i) =>
    upstream.includes(i) ? stored(file, `${name}.up.${i}`) : zeros(output.shape, output.dtype),
  );
  const slopes = pullback(await Promise.all(weights));
  for (const input of gradients) results.push([`grad.${input}`, slopes[input] ?? zeros([])]);
  return results;
}

async function stored(file: SafetensorsFile, name: string): Promise<Tensor> {
  const entry = file.entries.get(name);
  const dtype = dtypes[entry?.dtype ?? ''] ?? 'f32';
  return tensor(await file.readAs(name, dtype), entry?.shape ?? [], dtype);
}
