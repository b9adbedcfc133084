import type { Scalar, Tensor2D, Variable } from '@tensorflow/tfjs';
import { provideDawn } from './dawn.ts';
import { oneHot, transposed } from './hostArrays.ts';
import type { HostTensor, MlpTask, PeerTask, PeerWork, WebgpuPeer } from './peer.ts';

type Tensorflow = typeof import('@tensorflow/tfjs');

/** TensorFlow.js on WebGPU. */
export async function openPeer(): Promise<WebgpuPeer> {
  // It looks for WebGPU while it is imported.
  const adapter = await provideDawn();
  const tf = await import('@tensorflow/tfjs');
  const { WebGPUBackend } = await import('@tensorflow/tfjs-backend-webgpu');
  await tf.setBackend('webgpu');
  await tf.ready();
  const backend = tf.backend();
  if (!(backend instanceof WebGPUBackend)) throw new Error('TensorFlow.js has no WebGPU here');
  // To read the loss, it has submitted all that there was to do.
  const finish = async (): Promise<void> => void (await backend.queue.onSubmittedWorkDone());
  return {
    name: 'tfjs-backend-webgpu',
    version: tf.version_core,
    adapter,
    async prepare(task: PeerTask): Promise<PeerWork> {
      if (task.kind === 'mlp') return mlp(tf, task, finish);
      if (task.kind === 'gpt') throw new Error('TensorFlow.js has no GPT here');
      const [a, b] = [upload(tf, task.a), upload(tf, task.b)];
      return {
        async run() {
          const product = tf.matMul(a, b);
          const values = await product.data();
          product.dispose();
          return values;
        },
        dispose: () => tf.dispose([a, b]),
      };
    },
  };
}

function upload(tf: Tensorflow, { shape, values }: HostTensor): Tensor2D {
  const [rows = 1, columns = values.length] = shape;
  return tf.tensor2d(values, [rows, columns]);
}

function mlp(
  tf: Tensorflow,
  { weights, x, labels, learningRate }: MlpTask,
  finish: () => Promise<void>,
): PeerWork {
  const find = (name: string): HostTensor => {
    const tensor = weights[name];
    if (tensor === undefined) throw new Error(`no weight '${name}'`);
    return tensor;
  };
  const layer = (name: string): { weight: Variable; bias: Variable } => ({
    // In the layout of its own layers: [in, out].
    weight: tf.variable(upload(tf, transposed(find(`${name}.weight`)))),
    bias: tf.variable(tf.tensor1d(find(`${name}.bias`).values)),
  });
  const [up, down] = [layer('up'), layer('down')];
  const variables = [up.weight, up.bias, down.weight, down.bias];
  const input = upload(tf, x);
  const targets = upload(tf, oneHot(labels, down.bias.size));
  const optimizer = tf.train.sgd(learningRate);
  const loss = (): Scalar => {
    const hidden = tf.relu(tf.add(tf.matMul(input, up.weight), up.bias));
    const logits = tf.add(tf.matMul(hidden, down.weight), down.bias);
    return tf.losses.softmaxCrossEntropy(targets, logits).asScalar();
  };
  return {
    async run() {
      const value = optimizer.minimize(loss, true, variables);
      if (value === null) throw new Error('TensorFlow.js gave no loss');
      const values = await value.data();
      value.dispose();
      await finish();
      return values;
    },
    dispose: () => tf.dispose([...variables, input, targets]),
  };
}
