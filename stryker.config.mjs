// Run by `npm run mutation`, which puts the files and line ranges into the environment.
const { LORIKEET_MUTATE = '[]' } = process.env;

export default {
  // Packages find each other through links to their real folders, so that a copy would test the original.
  inPlace: true,
  mutate: JSON.parse(LORIKEET_MUTATE),
  // What an error says is not held by laws; the tests of errors look at their texts.
  mutator: { excludedMutations: ['StringLiteral'] },
  testRunner: 'vitest',
  plugins: ['@stryker-mutator/vitest-runner'],
  vitest: { configFile: 'vitest.mutation.mjs' },
  coverageAnalysis: 'perTest',
  ignoreStatic: true,
  concurrency: 2,
  timeoutMS: 20_000,
  reporters: ['progress-append-only', 'json'],
  jsonReporter: { fileName: 'out/mutation.json' },
};
