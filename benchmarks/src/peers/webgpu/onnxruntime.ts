import { exportOnnx } from '@lorikeet/onnx';
import { matmul, zeros } from '@lorikeet/tensor-core';
import { InferenceSession, Tensor } from 'onnxruntime-node';
import { packageVersion } from '../packageVersion.ts';
import { provideDawn } from './dawn.ts';
import type { PeerTask, PeerWork, WebgpuPeer } from './peer.ts';

/** ONNX Runtime with its execution provider for WebGPU, which brings a Dawn of its own. */
export async function openPeer(): Promise<WebgpuPeer> {
  return {
    name: 'onnxruntime-node webgpu',
    version: await packageVersion('onnxruntime-node'),
    adapter: await provideDawn(),
    prepare,
  };
}

async function prepare(task: PeerTask): Promise<PeerWork> {
  if (task.kind !== 'gemm') throw new Error('ONNX Runtime does not train here');
  const [a, b] = [task.a, task.b];
  const model = await exportOnnx(
    (inputs: { readonly a: ReturnType<typeof zeros>; readonly b: ReturnType<typeof zeros> }) => ({
      product: matmul(inputs.a, inputs.b),
    }),
    { a: zeros(a.shape), b: zeros(b.shape) },
  );
  const session = await InferenceSession.create(await model.encode(), {
    executionProviders: ['webgpu'],
  });
  const feeds = {
    a: new Tensor('float32', a.values, a.shape),
    b: new Tensor('float32', b.values, b.shape),
  };
  return {
    async run() {
      const { product } = await session.run(feeds);
      if (!(product?.data instanceof Float32Array)) throw new Error('no product');
      return product.data;
    },
    dispose: () => session.release(),
  };
}
