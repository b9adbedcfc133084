import { readFileSync, rmSync } from 'node:fs';
import { join, relative } from 'node:path';
import { run } from './gate.mjs';
import { root } from './install.mjs';

/**
 * Runs vitest on the sources or on the built packages and resolves to `{ passed, failed, skipped }`.
 *
 * @param backend what the tests compute on instead of the reference.
 * @param folders of the tests; all if empty.
 */
export async function runSuite({ built, backend = '', folders = [] }) {
  const mode = [built ? 'built' : 'source', backend].filter(Boolean).join('-');
  const report = join(root, `node_modules/.cache/lorikeet/vitest-${mode}.json`);
  rmSync(report, { force: true });
  console.log(
    `\ntests on ${built ? 'built packages' : 'sources'}${backend && `, computed on ${backend}`}`,
  );
  const reporters = ['--reporter=dot', '--reporter=json', `--outputFile.json=${report}`];
  const { code } = await run(['vitest', 'run', ...folders, ...reporters], {
    env: { LORIKEET_BUILT: built ? '1' : '', ...(backend && { LORIKEET_BACKEND: backend }) },
    stdio: 'inherit',
  });
  const counts = countTests(report, mode);
  // A run that fails without a failed test (an unhandled error, no test at all) is a failure too.
  const isUnexplained = counts.failed === 0 && (code !== 0 || counts.passed === 0);
  return isUnexplained ? { ...counts, failed: 1 } : counts;
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
