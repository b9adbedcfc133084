// `npm test`: every test there is. The last line says how many passed and failed; a check such as
// the linter counts as one.
import { buildGate, runGates, sourceGates } from './gate.mjs';
import { install } from './install.mjs';
import { packedGates } from './packed.mjs';
import { softwareAdapter, swiftShaderAdapter } from './softwareAdapter.mjs';
import { runSuite, skipSuite } from './suite.mjs';

const total = { passed: 0, failed: 0, skipped: [] };

function add({ passed, failed, skipped = [] }) {
  total.passed += passed;
  total.failed += failed;
  total.skipped.push(...skipped);
}

async function addGates(gates) {
  const failed = await runGates(gates);
  add({ passed: gates.length - failed.length, failed: failed.length });
  return failed;
}

/**
 * Cases of each law where the sources on the reference have tried many: on WebGPU each means to compile kernels, on ONNX
 * Runtime to make sessions, and what is built differs from the sources in how it is put together alone.
 */
const runs = { kernels: '5', webgpu: '1', onnx: '3', built: '2' };

/** What gives parsers changed files. They compute nothing, so they run once, at the same time, a minute each. */
const fuzzers = '.fuzz.test.ts';
const withoutFuzzers = { [`**/*${fuzzers}`]: 'fuzzers run once, together' };
const computesNothing = {
  ...withoutFuzzers,
  'packages/model-zoo/test/tokenizers/**': 'it computes nothing',
  'packages/model-zoo/test/hub/**': 'it computes nothing',
  'packages/model-zoo/test/memory/**': 'the processes that it measures compute on the reference',
  'packages/train/test/data/**': 'it computes nothing',
  'packages/train/test/metrics/**': 'it computes nothing',
  'packages/train/test/crash/**': 'the runs that it kills compute on the reference',
};
/** Tests of the kernels: each case compiles some. */
const kernels = 'packages/tensor-core/test/webgpu/';
/** What does not run again. */
const without = {
  sources: { ...withoutFuzzers, [`${kernels}**`]: 'kernels have a run of their own' },
  built: {
    ...withoutFuzzers,
    [`${kernels}**`]: 'the kernels that the sources write are the same',
    'packages/laws/test/*utants.test.ts': 'it tests laws on changed code, which is in the test',
    'packages/model-zoo/test/modelLaws.test.ts': 'golden.test.ts has a model of each family',
    'packages/peft-lora/test/peft/roundTrip.test.ts': 'golden.test.ts reads and writes files',
  },
  onnx: computesNothing,
  webgpu: {
    ...computesNothing,
    'packages/peft-lora/test/peft/roundTrip.test.ts': 'what it writes, the laws compute with',
    'packages/peft-lora/test/variants/{adamss,bdLora,frod,monteclora,osf,velora}.test.ts':
      "PEFT's numbers are held on the host and on ONNX Runtime; here the laws compute with the methods",
    'packages/model-zoo/test/loadOptions.test.ts':
      'each way to load compiles all kernels of a model anew',
    'packages/model-zoo/test/modelLaws.test.ts':
      'each case compiles all kernels of a model anew; golden.test.ts has a model of each family',
  },
};

/** The sources' tests on WebGPU, where there is an adapter of that name. */
async function addWebgpu(adapter, { environment, reason }, folders, options = {}) {
  const { title, without, cases = runs.webgpu } = options;
  const suite = { built: false, title, backend: 'webgpu', adapter, folders, without };
  const given = { ...environment, LORIKEET_RUNS: cases };
  add(environment ? await runSuite({ ...suite, environment: given }) : skipSuite(suite, reason));
}

install();
const llvmpipe = softwareAdapter();
const { environment } = llvmpipe;
console.log(`WebGPU: ${llvmpipe.reason}`);
const failed = await addGates([buildGate, ...sourceGates]);
const isBuilt = !failed.includes(buildGate.name);

if (isBuilt) await addGates(await packedGates());
add(await runSuite({ built: false, environment, without: without.sources }));
add(
  await runSuite({
    built: false,
    title: 'fuzzers',
    folders: [fuzzers],
    workers: 8,
    environment: { LORIKEET_FUZZ_SECONDS: '60' },
  }),
);
// What the packages promise holds on every backend. Of the ops, packages/onnx asks for it itself.
const promises = [
  ...['nn', 'peft-lora', 'model-zoo', 'train'].map((name) => `packages/${name}/`),
  'packages/tensor-core/test/compile.test.ts',
];
add(
  await runSuite({
    built: false,
    backend: 'onnx',
    folders: promises,
    without: without.onnx,
    environment: { ...environment, LORIKEET_RUNS: runs.onnx },
  }),
);
await addWebgpu('llvmpipe', llvmpipe, [kernels], { title: 'kernels', cases: runs.kernels });
await addWebgpu('llvmpipe', llvmpipe, promises, { without: without.webgpu });
await addWebgpu('SwiftShader', swiftShaderAdapter(), [
  kernels,
  'packages/nn/test/layers.test.ts',
  'packages/nn/test/layerLaws.test.ts',
  'packages/nn/test/trainingStep.test.ts',
]);
if (isBuilt) {
  add(
    await runSuite({
      built: true,
      without: without.built,
      environment: { ...environment, LORIKEET_RUNS: runs.built },
    }),
  );
} else {
  console.log('\nNot run because the build failed: attw, publint, tests on built packages.');
  add({ passed: 0, failed: 3 });
}

if (total.skipped.length > 0)
  console.log(`\n${total.skipped.length} skipped: ${total.skipped.join('; ')}`);
console.log(`${total.passed} passed, ${total.failed} failed`);
if (total.failed > 0) process.exitCode = 1;
