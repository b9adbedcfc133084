import { at, Convolution, Embedding, Linear } from '@lorikeet/nn';
import { adapt, lora } from '@lorikeet/peft-lora';
import {
  matmul,
  normal,
  randomKey,
  sliceAxis,
  svd,
  type Tensor,
  zeros,
} from '@lorikeet/tensor-core';
import { describe, expect, test } from 'vitest';
import { filesOf } from '../peft/files.ts';
import { expectClose, refusal, trainablePaths, trainedForm } from '../support.ts';

describe('first values of mica', () => {
  const weight = normal(randomKey(5), [5, 4]).cast('f64');
  const model = { part: new Linear(weight, null), table: new Embedding(weight) };
  const tuned = adapt(model, { '{part,table}': lora({ rank: 2, initLoraWeights: 'mica' }) });

  test('are the directions of outputs with the smallest singular values, which do not train', async () => {
    expect(trainablePaths(tuned)).toEqual([
      'part.weight.parameters.A',
      'table.weight.parameters.A',
    ]);
    const { u, s, v } = svd(weight);
    const B = at(tuned, 'part.weight.frozen.B') as Tensor;
    // What the weight has along them are the two smallest singular values.
    const along = matmul(B.permute([1, 0]), weight);
    const squares = along.mul(along).sum(1);
    await expectClose(squares, sliceAxis(s, 0, 2, 2).mul(sliceAxis(s, 0, 2, 2)), 1e-9);
    await expectClose(B, sliceAxis(u, 1, 2, 2), 1e-12);
    await expectClose(at(tuned, 'table.weight.frozen.B') as Tensor, sliceAxis(v, 1, 2, 2), 1e-12);
  });

  test('are in the file as those of LoRA', async () => {
    const { entries, config } = await filesOf(await trainedForm(tuned));
    expect(config).toMatchObject({ init_lora_weights: 'mica' });
    expect([...entries.keys()].sort()).toEqual([
      'base_model.model.part.lora_A.weight',
      'base_model.model.part.lora_B.weight',
      'base_model.model.table.lora_embedding_A',
      'base_model.model.table.lora_embedding_B',
    ]);
  });

  test('are refused with DoRA, of too many directions and on convolutions', () => {
    const how = lora({ rank: 5, initLoraWeights: 'mica' });
    expect(() => lora({ initLoraWeights: 'mica', useDora: true })).toThrow(
      refusal('invalid-config', 'DoRA does not go with first values of mica'),
    );
    expect(() => adapt(model, { part: how })).toThrow(refusal('unsupported', 'at most 4, not 5'));
    const line = { part: new Convolution(zeros([3, 2, 1]), null) };
    expect(() => adapt(line, { part: how })).toThrow(refusal('unsupported', 'for linear layers'));
  });
});
