import {
  Context,
  Conv1D,
  Convolution,
  combine,
  Embedding,
  LayerNorm,
  Linear,
  partition,
  paths,
} from '@lorikeet/nn';
import { isTrainable } from '@lorikeet/peft-lora';
import {
  type ErrorCode,
  evaluate,
  foldIn,
  mapTensors,
  normal,
  randomKey,
  type Tensor,
  tensor,
} from '@lorikeet/tensor-core';
import {
  bytesSource,
  encodeSafetensors,
  readSafetensors,
  type SafetensorsFile,
  type TensorInMemory,
} from '@lorikeet/tensor-core/safetensors';
import { expect } from 'vitest';

const key = (label: string): Tensor => foldIn(randomKey(1), label);

/** A layer of the small transformer below. */
export class Block {
  readonly query: Linear = linear('query', 6, 6);
  readonly value: Linear = linear('value', 6, 6);
  readonly mlp: Conv1D = new Conv1D(normal(key('mlp'), [6, 8]), normal(key('mlp.bias'), [8]));
  readonly out: Linear = linear('out', 8, 6);
  readonly norm: LayerNorm = LayerNorm.init(6, 1e-5);

  call(x: Tensor, context: Context): Tensor {
    const mixed = this.query
      .call(x, context.child('query'))
      .mul(this.value.call(x, context.child('value')));
    const hidden = this.mlp.call(mixed, context.child('mlp'));
    return this.norm.call(this.out.call(hidden, context.child('out')).add(x));
  }
}

/** All kinds of layers, and paths like those of a transformer. */
export class Small {
  readonly words: Embedding = new Embedding(normal(key('words'), [7, 6]));
  readonly encoder: { readonly layer: readonly Block[] } = { layer: [new Block(), new Block()] };
  readonly line: Convolution = new Convolution(
    normal(key('line'), [6, 6, 3]),
    normal(key('b'), [6]),
    {
      padding: 1,
    },
  );
  readonly plane: Convolution = new Convolution(normal(key('plane'), [4, 1, 2, 2]), null, {
    stride: 2,
  });
  readonly classifier: Linear = linear('classifier', 4, 3);

  /** @param ids [B, T] with an even T. */
  call(ids: Tensor, context: Context = Context.evaluation): Tensor {
    let x = this.words.call(ids, context.child('words')); // [B, T, 6]
    for (const [i, block] of this.encoder.layer.entries()) x = block.call(x, context.child(i));
    x = this.line.call(x.permute([0, 2, 1]), context.child('line')); // [B, 6, T]
    const [batch = 0, ...sides] = x.shape;
    x = this.plane.call(x.reshape([batch, 1, ...sides]), context.child('plane')); // [B, 4, 3, T / 2]
    return this.classifier.call(x.mean([2, 3]), context.child('classifier'));
  }
}

export const ids: Tensor = tensor([1, 2, 0, 6, 3, 3, 5, 4], [2, 4], 'i32');

function linear(label: string, inputs: number, outputs: number): Linear {
  return new Linear(
    normal(key(label), [outputs, inputs], 0, 0.5),
    normal(key(`${label}.bias`), [outputs]),
  );
}

/** The adapted model with noise in all that trains, as after some training. */
export async function trainedForm<T>(tuned: T, seed = 3): Promise<T> {
  const [live, frozen] = partition(tuned, isTrainable);
  const trained = mapTensors(live, ({ shape }, path) =>
    normal(foldIn(randomKey(seed), path.join('.')), shape, 0, 0.3),
  );
  return evaluate(combine(trained, frozen));
}

/** Paths of the tensors that train. */
export function trainablePaths(tuned: unknown): string[] {
  return paths(partition(tuned, isTrainable)[0]).map(([path]) => path);
}

export async function numbers(value: Tensor): Promise<number[]> {
  return [...(await value.data())];
}

/** Requires numbers that differ by no more than a share of the largest. */
export async function expectClose(actual: Tensor, expected: Tensor, share = 1e-5): Promise<void> {
  expect(actual.shape).toEqual(expected.shape);
  const [a, b] = [await numbers(actual), await numbers(expected)];
  const scale = Math.max(0.05, ...b.map(Math.abs));
  const worst = Math.max(0, ...b.map((value, i) => Math.abs(value - (a[i] ?? Number.NaN))));
  expect(worst).toBeLessThanOrEqual(share * scale);
}

/** What equals a `LorikeetError` of a code whose whole text holds `part`. */
export function refusal(code: ErrorCode, part = ''): Error {
  return expect.objectContaining({
    name: 'LorikeetError',
    code,
    message: expect.stringContaining(part),
  });
}

/** A safetensors file in memory. */
export function fileOf(
  tensors: Iterable<readonly [string, TensorInMemory]>,
): Promise<SafetensorsFile> {
  return readSafetensors(bytesSource(encodeSafetensors(tensors)));
}
