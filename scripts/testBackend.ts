// Runs a whole suite on another backend: LORIKEET_BACKEND=onnx npx vitest run packages/nn
const name = process.env.LORIKEET_BACKEND;

if (name === 'onnx') {
  const { createNodeBackend } = await import('../packages/onnx/src/node.ts');
  const { useBackend } = await import('../packages/tensor-core/src/index.ts');
  useBackend(createNodeBackend({ threads: 1 }));
} else if (name !== undefined && name !== '' && name !== 'reference') {
  throw new Error(`LORIKEET_BACKEND is ${name}: the tests know onnx and reference`);
}

export {};
