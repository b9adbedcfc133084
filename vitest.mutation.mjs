import config from './vitest.config.mjs';

// What the mutants of ops and of LoRA are held against.
const include = [
  'packages/tensor-core/test/ops.test.ts',
  'packages/tensor-core/test/{errors,transforms,values}/*.test.ts',
  'packages/peft-lora/test/*.test.ts',
];

export default { ...config, test: { ...config.test, include } };
