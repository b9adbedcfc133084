import config from './vitest.config.mjs';

/** What mutants of a package are held against. */
const tests = {
  'tensor-core': [
    'packages/tensor-core/test/ops.test.ts',
    'packages/tensor-core/test/simplify.test.ts',
    'packages/tensor-core/test/{errors,transforms,values}/*.test.ts',
  ],
  'peft-lora': ['packages/peft-lora/test/**/*.test.ts'],
};

const include = tests[process.env.LORIKEET_MUTATE_PACKAGE ?? 'tensor-core'];

export default { ...config, test: { ...config.test, include } };
