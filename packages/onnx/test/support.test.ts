import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { everyOp, fastCheckDraw } from '@lorikeet/laws';
import { lowerings, refusalOf } from '@lorikeet/onnx';
import {
  type AnyOp,
  type Attributes,
  dtypes,
  isLorikeetError,
  record,
  type TensorType,
  zeros,
} from '@lorikeet/tensor-core';
import fc from 'fast-check';
import { expect, test } from 'vitest';

const page = fileURLToPath(new URL('../../../docs/reference/onnx.md', import.meta.url));
const asBody = 'as its body';
const heading = '## Operators\n';

/** After a change of what is served: `npx vitest run packages/onnx/test/support.test.ts -u` */
test('the page about ONNX lists what each op becomes', async () => {
  const [text = ''] = readFileSync(page, 'utf8').split(heading);
  await expect(`${text}${heading}${table()}`).toMatchFileSnapshot(page);
});

function table(): string {
  const rows = everyOp
    .map((op) => `| \`${op.name}\` | ${formOf(op)} | ${reasonsOf(op).join(', ')} |`)
    .toSorted();
  return ['', '| op | in ONNX | on the host |', '| --- | --- | --- |', ...rows, ''].join('\n');
}

function formOf(op: AnyOp): string {
  const rule = lowerings.find((one) => one.op === op);
  if (rule !== undefined) return rule.nodes;
  return op.kind === 'composite' ? asBody : '';
}

/** Why calls are refused, as they are found among calls of all dtypes. f64 always is. */
function reasonsOf(op: AnyOp): string[] {
  if (formOf(op) === '') return ['all'];
  if (formOf(op) === asBody) return [];
  const samples = fc.sample(
    fc.gen().map((gen) => op.sample(fastCheckDraw(gen))),
    { seed: 1, numRuns: 25 },
  );
  const calls = samples.flatMap(({ inputs, attributes }) =>
    dtypes.flatMap((free) => [
      { inputs: inputs.map(({ shape, dtype = free }) => ({ shape, dtype })), attributes },
      { inputs: inputs.map(({ shape }) => ({ shape, dtype: free })), attributes },
    ]),
  );
  const reasons = calls.map(({ inputs, attributes }) => refusal(op, inputs, attributes));
  return [...new Set(reasons)].filter(
    (reason): reason is string => reason !== undefined && reason !== 'f64',
  );
}

function refusal(
  op: AnyOp,
  inputs: readonly TensorType[],
  attributes: Attributes,
): string | undefined {
  try {
    const operands = inputs.map(({ shape, dtype }) => zeros(shape, dtype));
    const { type } = record(op, operands, attributes);
    return refusalOf({ op, inputs, attributes, type });
  } catch (error) {
    // The op has no meaning for this dtype.
    if (isLorikeetError(error)) return undefined;
    throw error;
  }
}
