import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import {
  type DType,
  evaluate,
  realize,
  type Tensor,
  type TypedArray,
  tensor,
  vjp,
} from '@lorikeet/tensor-core';
import { openSafetensors } from '@lorikeet/tensor-core/safetensors/node';
import { expect, test } from 'vitest';
import { get, meanings, type Operands, type Parameters } from './goldenOps.ts';

// Outputs and gradients of single operations that PyTorch computed in f64, from the golden data of the project.

interface Case {
  readonly name: string;
  readonly op: string;
  readonly params: Parameters;
  readonly inputs: readonly string[];
  readonly upstream_for_outputs: readonly number[];
  readonly gradients: readonly string[];
}

const folder = fileURLToPath(new URL('golden/ops/', import.meta.url));
const { cases }: { cases: readonly Case[] } = JSON.parse(readFileSync(`${folder}ops.json`, 'utf8'));
const file = await openSafetensors(`${folder}ops.safetensors`);

const dtypes: Readonly<Record<string, DType>> = { F32: 'f32', I32: 'i32', U8: 'bool' };

async function stored(name: string): Promise<Tensor> {
  const entry = file.entries.get(name);
  const dtype = dtypes[entry?.dtype ?? ''] ?? 'f32';
  return tensor(await file.readAs(name, dtype), entry?.shape ?? [], dtype);
}

function requireGolden(what: string, actual: TypedArray, expected: TypedArray): void {
  expect(actual.length, what).toBe(expected.length);
  const largest = Math.max(0.05, ...[...expected].map(Math.abs));
  for (let i = 0; i < expected.length; i++) {
    const [got, wanted] = [actual[i] as number, expected[i] as number];
    const bound = 1e-4 * Math.abs(wanted) + 2e-5 * largest;
    expect(Math.abs(got - wanted), `${what}, element ${i}`).toBeLessThanOrEqual(bound);
  }
}

test.each(cases.map((golden) => [golden.name, golden] as const))('%s', async (name, golden) => {
  const meaning = meanings[golden.op];
  if (meaning === undefined) throw new Error(`no meaning for ${golden.op}`);
  const operands: Record<string, Tensor> = {};
  for (const input of golden.inputs) operands[input] = await stored(`${name}.in.${input}`);
  const { value, pullback } = vjp((o: Operands) => [...meaning(o, golden.params)], operands);
  realize(...value);
  for (const [i, output] of value.entries()) {
    const expected = await stored(`${name}.out.${i}`);
    expect(output.shape).toEqual(expected.shape);
    requireGolden(`output ${i}`, await output.data(), await expected.data());
  }
  if (golden.gradients.length === 0) return;
  const weights = value.map((output, i) =>
    golden.upstream_for_outputs.includes(i)
      ? stored(`${name}.up.${i}`)
      : Promise.resolve(tensor(new Float32Array(output.size), output.shape, output.dtype)),
  );
  const gradients = await evaluate(pullback(await Promise.all(weights)));
  for (const input of golden.gradients) {
    const expected = await stored(`${name}.grad.${input}`);
    requireGolden(
      `gradient by ${input}`,
      await get(gradients, input).data(),
      await expected.data(),
    );
  }
});

test('every golden case has a meaning, and every meaning a case', () => {
  expect([...new Set(cases.map(({ op }) => op))].sort()).toEqual(Object.keys(meanings).sort());
});
