// Runs a whole suite on another backend: LORIKEET_BACKEND=onnx npx vitest run packages/nn
import type { Backend } from '../packages/tensor-core/src/index.ts';

const makers: Readonly<Record<string, () => Promise<Backend>>> = {
  onnx: async () => {
    const { createNodeBackend } = await import('../packages/onnx/src/node.ts');
    return createNodeBackend({ threads: 1, hostWork: 0 });
  },
  webgpu: async () => {
    const { createNodeWebgpuBackend } = await import(
      '../packages/tensor-core/src/backends/webgpu/node.ts'
    );
    return await createNodeWebgpuBackend();
  },
};

const name = process.env.LORIKEET_BACKEND || 'reference';
const make = makers[name];

if (make !== undefined) {
  const { useBackend } = await import('../packages/tensor-core/src/index.ts');
  useBackend(await make());
} else if (name !== 'reference') {
  const known = ['reference', ...Object.keys(makers)].join(', ');
  throw new Error(`LORIKEET_BACKEND is ${name}: the tests know ${known}`);
}
