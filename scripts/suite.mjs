import { existsSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { join, relative } from 'node:path';
import { run } from './gate.mjs';
import { root } from './install.mjs';

/**
 * Runs vitest on the sources or on the built packages and resolves to `{ passed, failed, skipped }`.
 *
 * @param backend what the tests compute on instead of the reference.
 * @param adapter the name of what a backend on WebGPU has under it.
 * @param title what is run, if not all tests.
 * @param folders of the tests, or ends of their names; all if empty.
 * @param workers how many files run at a time, if not as vitest is set up.
 * @param without files of these that do not run, each with the reason, which is printed.
 * @param environment what the tests find in theirs besides.
 */
export async function runSuite({
  built,
  backend,
  adapter,
  title,
  folders = [],
  workers,
  without = {},
  environment = {},
}) {
  const mode = modeOf({ built, backend, adapter, title });
  const report = join(root, `node_modules/.cache/lorikeet/vitest-${mode}.json`);
  rmSync(report, { force: true });
  console.log(`\n${titleOf({ built, backend, adapter, title })}`);
  for (const [file, reason] of Object.entries(without)) console.log(`without ${file}: ${reason}`);
  const excluded = Object.keys(without).map((file) => `--exclude=${file}`);
  const reporters = ['--reporter=dot', '--reporter=json', `--outputFile.json=${report}`];
  const limits = workers === undefined ? [] : [`--maxWorkers=${workers}`];
  const { code } = await run(['vitest', 'run', ...folders, ...excluded, ...limits, ...reporters], {
    env: {
      ...environment,
      LORIKEET_BUILT: built ? '1' : '',
      ...(backend && { LORIKEET_BACKEND: backend }),
    },
    stdio: 'inherit',
  });
  const counts = countTests(report, mode);
  // A run that fails without a failed test (an unhandled error, no test at all) is a failure too.
  const isUnexplained = counts.failed === 0 && (code !== 0 || counts.passed === 0);
  return isUnexplained ? { ...counts, failed: 1 } : counts;
}

/** Says that `runSuite` does not run, and why; each file of its tests counts as skipped. */
export function skipSuite({ folders, ...suite }, reason) {
  console.log(`\n${titleOf(suite)}: not run, ${reason}`);
  const files = folders.flatMap(testFiles);
  return {
    passed: 0,
    failed: 0,
    skipped: files.map((file) => `${file} (${modeOf(suite)}: ${reason})`),
  };
}

function modeOf({ built, backend, adapter, title }) {
  return [built ? 'built' : 'source', backend, adapter, title].filter(Boolean).join('-');
}

function titleOf({ built, backend, adapter, title = 'tests' }) {
  const computed = backend
    ? `, computed on ${[backend, adapter].filter(Boolean).join(' of ')}`
    : '';
  return `${title} on ${built ? 'built packages' : 'sources'}${computed}`;
}

/** The files whose path begins like this: a folder, or a file. */
function testFiles(path) {
  const folder = join(root, path);
  if (path.endsWith('.test.ts')) return existsSync(folder) ? [path] : [];
  return readdirSync(folder, { recursive: true })
    .map((file) => `${path}/${file}`.replaceAll(/[\\/]+/g, '/'))
    .filter((file) => file.endsWith('.test.ts') && !file.includes('/node_modules/'));
}

function countTests(report, mode) {
  const counts = { passed: 0, failed: 0, skipped: [] };
  for (const file of readReport(report)) {
    const tests = file.assertionResults;
    // A file that does not load has no tests.
    if (file.status === 'failed' && tests.every(({ status }) => status !== 'failed'))
      counts.failed++;
    for (const { status, fullName } of tests) {
      if (status === 'passed') counts.passed++;
      else if (status === 'failed') counts.failed++;
      else counts.skipped.push(`${relative(root, file.name)}: ${fullName} (${mode})`);
    }
  }
  return counts;
}

function readReport(path) {
  try {
    return JSON.parse(readFileSync(path, 'utf8')).testResults;
  } catch {
    return [];
  }
}
