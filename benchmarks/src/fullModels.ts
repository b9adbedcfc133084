import { initModel, lossOf } from '@lorikeet/model-zoo';
import { adam, Context, MLP, paths, sgd } from '@lorikeet/nn';
import { crossEntropy, mapTensors, randomKey, sizeOf, tensor } from '@lorikeet/tensor-core';
import { type CompiledStep, compiledStep } from './makeStep.ts';
import type { GptTask, HostTensor, MlpTask } from './peers/webgpu/peer.ts';

/** A model all of whose weights are trained, small enough for a software adapter. */
export interface FullModel {
  /** What the rivals are told to do. */
  readonly task: MlpTask | GptTask;
  readonly batch: number;
  readonly seq: number;
  /** The same with Lorikeet. */
  makeStep(): Promise<CompiledStep>;
}

/** 784-1024-10 with ReLU, batch 256, cross-entropy, SGD. */
function mlp(): FullModel {
  const [batch, inFeatures, hiddenFeatures, outFeatures] = [256, 784, 1024, 10];
  const draw = drawer();
  const model = MLP.init(
    { inFeatures, hiddenFeatures, outFeatures, activation: 'relu' },
    randomKey(0),
  );
  const task: MlpTask = {
    kind: 'mlp',
    weights: drawWeights(model, draw),
    x: { shape: [batch, inFeatures], values: draw(batch * inFeatures, 0, 1) },
    labels: {
      shape: [batch],
      values: Int32Array.from({ length: batch }, (_, i) => (i * 7) % outFeatures),
    },
    learningRate: 0.1,
  };
  return {
    task,
    batch,
    seq: 1,
    makeStep: () =>
      compiledStep({
        initial: withWeights(model, task.weights),
        optimizer: sgd({ learningRate: task.learningRate }),
        inputs: {
          x: tensor(task.x.values, task.x.shape),
          labels: tensor(task.labels.values, task.labels.shape, 'i32'),
        },
        loss: (live, { x, labels }) => crossEntropy(live.call(x, Context.evaluation), labels),
      }),
  };
}

/** Two layers of GPT-2, 128 wide, 4 heads, a tied head, no dropout; batch 8, 64 tokens, next-token loss, Adam. */
function gptSmall(): FullModel {
  const [batch, seq, layers, heads, width, vocabulary] = [8, 64, 2, 4, 128, 512];
  const epsilon = 1e-5;
  const config = {
    model_type: 'gpt2',
    architectures: ['GPT2LMHeadModel'],
    vocab_size: vocabulary,
    n_positions: seq,
    n_embd: width,
    n_layer: layers,
    n_head: heads,
    layer_norm_epsilon: epsilon,
  };
  const model = initModel(config, randomKey(0));
  const task: GptTask = {
    kind: 'gpt',
    weights: drawWeights(model, drawer()),
    ids: {
      shape: [batch, seq],
      values: Int32Array.from({ length: batch * seq }, (_, i) => (i * 7919) % vocabulary),
    },
    layers,
    heads,
    epsilon,
    learningRate: 1e-3,
  };
  return {
    task,
    batch,
    seq,
    makeStep() {
      const ids = tensor(task.ids.values, task.ids.shape, 'i32');
      return compiledStep({
        initial: withWeights(model, task.weights),
        optimizer: adam({ learningRate: task.learningRate }),
        inputs: { input_ids: ids, labels: ids },
        loss: (live, inputs) => lossOf(live.call(inputs, Context.evaluation)),
      });
    },
  };
}

export const fullModels: Readonly<Record<string, () => FullModel>> = {
  mlp,
  'gpt-small': gptSmall,
};

type Draw = (size: number, middle: number, width: number) => Float32Array;

function drawer(): Draw {
  let seed = 1;
  return (size, middle, width) =>
    new Float32Array(size).map(() => {
      seed = (Math.imul(seed, 1664525) + 1013904223) | 0;
      return middle + (width * seed) / 2 ** 31;
    });
}

/** Scales of norms around 1, all else around 0. */
function drawWeights(model: unknown, draw: Draw): Readonly<Record<string, HostTensor>> {
  return Object.fromEntries(
    paths(model).map(([path, { shape }]) => {
      const isScale = shape.length === 1 && path.endsWith('weight');
      const values = draw(sizeOf(shape), isScale ? 1 : 0, shape.length === 1 ? 0.1 : 0.035);
      return [path, { shape, values }];
    }),
  );
}

function withWeights<T>(model: T, weights: Readonly<Record<string, HostTensor>>): T {
  const names = new Map(paths(model).map(([path, leaf]) => [leaf, path]));
  return mapTensors(model, (leaf) => {
    const host = weights[names.get(leaf) ?? ''];
    return host === undefined ? leaf : tensor(host.values, host.shape);
  });
}
