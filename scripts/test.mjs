// `npm test`: every test there is. The last line says how many passed and failed; a check such as
// the linter counts as one.
import { buildGate, runGates, sourceGates } from './gate.mjs';
import { install } from './install.mjs';
import { packedGates } from './packed.mjs';
import { runSuite } from './suite.mjs';

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

install();
const failed = await addGates([buildGate, ...sourceGates]);
const isBuilt = !failed.includes(buildGate.name);

if (isBuilt) await addGates(await packedGates());
add(await runSuite({ built: false }));
// What the packages promise holds on every backend. Of the ops, packages/onnx asks for it itself.
const promises = ['nn', 'peft-lora', 'model-zoo', 'train'].map((name) => `packages/${name}/`);
add(await runSuite({ built: false, backend: 'onnx', folders: promises }));
if (isBuilt) {
  add(await runSuite({ built: true }));
} else {
  console.log('\nNot run because the build failed: attw, publint, tests on built packages.');
  add({ passed: 0, failed: 3 });
}

if (total.skipped.length > 0)
  console.log(`\n${total.skipped.length} skipped: ${total.skipped.join('; ')}`);
console.log(`${total.passed} passed, ${total.failed} failed`);
if (total.failed > 0) process.exitCode = 1;
