// Writes docs/reference/laws.md: which law each method was held to in a run of its laws, and passed.
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { run } from './gate.mjs';
import { root } from './install.mjs';

const page = join(root, 'docs/reference/laws.md');
const report = join(root, 'node_modules/.cache/lorikeet/law-table.json');
const laws = 'packages/peft-lora/test/laws/';

await run(['vitest', 'run', laws, '--reporter=json', `--outputFile.json=${report}`], {
  stdio: 'inherit',
});
const found = JSON.parse(readFileSync(report, 'utf8')).testResults.flatMap(
  ({ assertionResults }) => assertionResults,
);
const groups = new Map();
for (const test of found) {
  const [method] = test.ancestorTitles;
  if (method !== undefined) groups.set(method, [...(groups.get(method) ?? []), test]);
}

const isMerged = ([, tests]) => !tests.some(({ title }) => title === 'is refused by merge');
const methods = [...groups].toSorted(([a], [b]) => (a < b ? -1 : 1));
const sections = [
  section('Methods that change weights', methods.filter(isMerged)),
  section(
    'Methods around modules',
    methods.filter((method) => !isMerged(method)),
  ),
];
const text = `# Methods and laws

Written by \`npm run laws\` from a run of all laws; a test holds it to the methods and laws that there are. Each law is
tried on random models, shapes and configs of the method's own \`sample\`, and finds at least one planted mistake
(\`packages/laws/test\`). ✓ held, ✗ failed; an empty cell is a law that does not speak of the method, such as that of
files for one that PEFT does not have.

${sections.join('\n\n')}
`;
writeFileSync(page, text);

function section(title, methods) {
  const names = [...new Set(methods.flatMap(([, tests]) => tests.map((test) => test.title)))];
  const head = ['method', ...names.map((_, i) => String(i + 1))];
  const rows = methods.map(([method, tests]) => {
    const status = new Map(tests.map((test) => [test.title, test.status]));
    return [method, ...names.map((name) => mark(status.get(name)))];
  });
  const line = (cells) => `| ${cells.join(' | ')} |`;
  const legend = names.map((name, i) => `${i + 1}. ${name}`);
  const table = [line(head), line(head.map(() => '---')), ...rows.map(line)];
  return [`## ${title}`, legend.join('\n'), table.join('\n')].join('\n\n');
}

function mark(status) {
  if (status === undefined) return ' ';
  return status === 'passed' ? '✓' : '✗';
}
