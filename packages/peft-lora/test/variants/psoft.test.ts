import { Linear, materialize } from '@lorikeet/nn';
import {
  adapt,
  convertToLora,
  decodeAdapter,
  denseOf,
  type PsoftOptions,
  psoft,
  updateOf,
} from '@lorikeet/peft-lora';
import {
  matmul,
  sliceAxis,
  svd,
  swapAxes,
  type Tensor,
  tensor,
  zeros,
} from '@lorikeet/tensor-core';
import { expect, test } from 'vitest';
import { largestResult } from '../largestResult.ts';
import { filesOf, withConfig } from '../peft/files.ts';
import { expectClose, refusal, trainedForm } from '../support.ts';
import { changeOf, oneLayer, tensorOf, withParameters } from './oneLayer.ts';

const model = oneLayer(5, 4);
const put = (options: PsoftOptions): typeof model => adapt(model, { part: psoft(options) });

test.each(['psoft_init', 'pissa_init'] as const)(
  'with %s the two factors are the leading part of the weight',
  async (abSvdInit) => {
    const tuned = put({ rank: 4, alpha: 6, abSvdInit });
    const [A, B] = [tensorOf(tuned, 'frozen.A'), tensorOf(tuned, 'frozen.B')];
    await expectClose(matmul(B, A).mul(6 / 4), materialize(model.part.weight), 1e-5);
    const gram = matmul(A, swapAxes(A));
    const { s } = svd(materialize(model.part.weight));
    const lengths = abSvdInit === 'psoft_init' ? s.mul(0).add(1) : s.mul(4 / 6);
    await expectClose(
      gram.mul(tensor([1, 0, 0, 0, 0, 1, 0, 0, 0, 0, 1, 0, 0, 0, 0, 1], [4, 4])).sum(0),
      lengths,
      1e-5,
    );
  },
);

test('a turn by a quarter takes one singular direction to the other, and the scales stretch them', async () => {
  const { u, s, v } = svd(materialize(model.part.weight));
  const pair = (i: number, j: number): Tensor =>
    matmul(sliceAxis(u, 1, i, 1).mul(sliceAxis(s, 0, i, 1)), swapAxes(sliceAxis(v, 1, j, 1)));
  // (I + Q) (I - Q)^-1 of Q = [[0, 1], [-1, 0]] is Q.
  const parameters = {
    turn: tensor([1], [1]),
    scaleA: tensor([2, 3], [2]),
    scaleB: tensor([5, 7], [2]),
  };
  const tuned = withParameters(put({ rank: 2, alpha: 4 }), parameters);
  const expected = pair(0, 1).mul(15).sub(pair(1, 0).mul(14)).sub(pair(0, 0)).sub(pair(1, 1));
  await expectClose(changeOf(model, tuned), expected, 1e-5);
  const series = put({ rank: 2, alpha: 4, useCayleyNeumann: true, neumannTerms: 2 });
  // I + 2 Q alone.
  const cut = pair(0, 1)
    .mul(30)
    .sub(pair(1, 0).mul(28))
    .add(pair(0, 0).mul(9))
    .add(pair(1, 1).mul(20));
  await expectClose(changeOf(model, withParameters(series, parameters)), cut, 1e-5);
});

test('one feature is scaled, never turned', async () => {
  const tuned = await trainedForm(put({ rank: 1 }));
  expect(tensorOf(tuned, 'parameters.turn').shape).toEqual([0]);
  const [a, b] = ['A', 'B'].map((name) => tensorOf(tuned, `parameters.scale${name}`));
  if (a === undefined || b === undefined) throw new Error('there are no scales');
  const { u, s, v } = svd(materialize(model.part.weight));
  const leading = matmul(
    sliceAxis(u, 1, 0, 1).mul(sliceAxis(s, 0, 0, 1)),
    swapAxes(sliceAxis(v, 1, 0, 1)),
  );
  await expectClose(changeOf(model, tuned), leading.mul(a.mul(b).sub(1)), 1e-5);
});

test('files hold the singular vectors, whose signs no file of PEFT tells', async () => {
  const tuned = await trainedForm(put({ rank: 3 }));
  const files = await filesOf(tuned);
  const other = { part: new Linear(materialize(model.part.weight).mul(-1), null) };
  const loaded = await decodeAdapter(other, await withConfig(files));
  await expectClose(changeOf(other, loaded), changeOf(model, tuned), 1e-6);
  const entries = new Map([...files.entries].filter(([key]) => !/psoft_[AB]$/.test(key)));
  await expect(decodeAdapter(model, await withConfig({ ...files, entries }))).rejects.toThrow(
    refusal('missing-tensor', 'psoft_A'),
  );
});

test('as plain LoRA it is the same', async () => {
  const tuned = await trainedForm(put({ rank: 3 }));
  const { part } = updateOf(tuned).pairs;
  if (part === undefined) throw new Error('there is no update');
  await expectClose(denseOf(part), changeOf(model, tuned), 1e-5);
  await expectClose(changeOf(model, convertToLora(tuned)), changeOf(model, tuned), 1e-5);
});

test('no matrix of the size of the weight is made, nor by derivatives', () => {
  const { part } = adapt(oneLayer(192, 240), { part: psoft() });
  expect(largestResult(part, zeros([2, 240]))).toBeLessThan(192 * 240);
});

test('what PEFT refuses is refused, with the reason', () => {
  expect(() => psoft({ rank: 0 })).toThrow(refusal('invalid-config', 'rank'));
  expect(() => psoft({ alpha: 0 })).toThrow(refusal('invalid-config', 'alpha'));
  const beyond = { useCayleyNeumann: true, neumannEpsilon: 1 };
  expect(() => psoft(beyond)).toThrow(refusal('invalid-config', 'between 0 and 1'));
  expect(() => psoft({ neumannTerms: 0 })).toThrow(refusal('invalid-config', 'neumannTerms'));
  expect(() => put({ rank: 5 })).toThrow(
    refusal('unsupported', 'a weight of 5 by 4 has no 5 singular vectors'),
  );
});
