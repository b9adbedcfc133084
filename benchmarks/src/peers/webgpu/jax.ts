import { packageVersion } from '../packageVersion.ts';
import { provideDawn } from './dawn.ts';
import { oneHot, transposed } from './hostArrays.ts';
import { jaxGpt } from './jaxGpt.ts';
import {
  type Jax,
  type JaxArray,
  type JaxArrays,
  jaxSgd,
  take,
  trainingWork,
  upload,
} from './jaxTraining.ts';
import type { MlpTask, PeerTask, PeerWork, WebgpuPeer } from './peer.ts';

/** jax-js on WebGPU. */
export async function openPeer(): Promise<WebgpuPeer> {
  provideIteratorMap();
  const adapter = await provideDawn();
  const jax = await import('@jax-js/jax');
  await jax.init('webgpu');
  jax.defaultDevice('webgpu');
  return {
    name: 'jax-js',
    version: await packageVersion('@jax-js/jax'),
    adapter,
    async prepare(task: PeerTask): Promise<PeerWork> {
      if (task.kind === 'mlp') return mlp(jax, task);
      if (task.kind === 'gpt') return jaxGpt(jax, task);
      const [a, b] = [upload(jax, task.a), upload(jax, task.b)];
      return {
        // Its functions take their arguments over.
        run: async () => await jax.numpy.matmul(a.ref, b.ref).data(),
        dispose: () => jax.tree.dispose([a, b]),
      };
    },
  };
}

/** jax-js wants `map` and `filter` of iterators, which Node has from version 22 on; an array has both. */
function provideIteratorMap(): void {
  const iterators: object = Object.getPrototypeOf(Object.getPrototypeOf([].values()));
  if ('map' in iterators) return;
  Object.defineProperty(iterators, 'map', {
    configurable: true,
    writable: true,
    value(this: Iterable<unknown>, change: (value: unknown) => unknown) {
      return Array.from(this, change);
    },
  });
}

function mlp(jax: Jax, { weights, x, labels, learningRate }: MlpTask): PeerWork {
  const { numpy, nn } = jax;
  const classes = weights['down.bias']?.shape[0] ?? 0;
  const rows = x.shape[0] ?? 1;
  // In the layout of its own examples: [in, out].
  const parameters = Object.fromEntries(
    Object.entries(weights).map(([name, tensor]) => [
      name,
      upload(jax, tensor.shape.length === 2 ? transposed(tensor) : tensor),
    ]),
  );
  const loss = (p: JaxArrays, input: JaxArray, targets: JaxArray): JaxArray => {
    const linear = (values: JaxArray, name: string): JaxArray =>
      numpy.matmul(values, take(p, `${name}.weight`)).add(take(p, `${name}.bias`));
    const logits = linear(nn.relu(linear(input, 'up')), 'down');
    return nn
      .logSoftmax(logits)
      .mul(targets)
      .sum()
      .mul(-1 / rows);
  };
  const data = [upload(jax, x), upload(jax, oneHot(labels, classes))] as const;
  return trainingWork(jax, loss, parameters, data, jaxSgd(learningRate));
}
