// `npm run mutation [-- FILE...]`: changes derivatives and shape rules of ops, `lora` and `merge`, one place at a
// time, and tells which changes no test notices. It works on a clone of what is committed. Without files, all
// of it, and the score is written to docs/reference/mutation.md.
import { execFileSync, spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, dirname, join } from 'node:path';
import ts from 'typescript';
import { pnpm, root } from './install.mjs';

/** Files that are mutated as a whole: LoRA, merging, and what several ops share of their rules. */
const others = [
  'packages/peft-lora/src/variants/lora.ts',
  'packages/peft-lora/src/merge.ts',
  ...[
    'attentionWeights',
    'extremum',
    'extremumReduction',
    'perChannel',
    'scatterUpdates',
    'spatial',
    'standardize',
  ].map((name) => `packages/tensor-core/src/${name}.ts`),
];
const page = 'docs/reference/mutation.md';

/** Parts of an op that are a derivative or a shape rule; the body of a composite is both. */
const rules = new Set(['infer', 'derivative', 'body', 'batch']);

const chosen = process.argv.slice(2);
const files = chosen.length > 0 ? chosen : [...opFiles(), ...others];
const clone = mkdtempSync(join(tmpdir(), 'lorikeet-mutation-'));
try {
  run('git', ['clone', '--quiet', '--shared', root, clone]);
  run(pnpm[0], [...pnpm.slice(1), 'install', '--frozen-lockfile', '--silent']);
  run('node', ['scripts/generate.mjs']);
  const rows = ['tensor-core', 'peft-lora'].flatMap(mutate);
  for (const { file, line, change } of rows.filter(({ isLive }) => isLive))
    console.log(`${file}:${line} ${change}`);
  const table = tableOf(rows);
  console.log(table);
  if (chosen.length === 0) writeFileSync(join(root, page), pageOf(table));
} finally {
  rmSync(clone, { recursive: true, force: true });
}

/** The mutants of one package, held against its own tests. */
function mutate(name) {
  const ranges = files
    .filter((file) => file.startsWith(`packages/${name}/`))
    .flatMap((file) => rangesOf(file).map((range) => `${file}:${range}`));
  if (ranges.length === 0) return [];
  const env = { LORIKEET_MUTATE: JSON.stringify(ranges), LORIKEET_MUTATE_PACKAGE: name };
  run('npx', ['stryker', 'run'], env);
  return read(join(clone, 'out/mutation.json'));
}

function run(command, args, env = {}) {
  const { status } = spawnSync(command, args, {
    cwd: command === 'git' ? root : clone,
    // Enough for a law to find a mistake, few enough for thousands of mutants.
    env: { ...process.env, LORIKEET_RUNS: process.env.LORIKEET_RUNS ?? '25', ...env },
    stdio: ['ignore', 'inherit', 'inherit'],
  });
  if (status !== 0) throw new Error(`${command} ${args.join(' ')} failed`);
}

function opFiles() {
  const listed = execFileSync('git', ['ls-files', 'packages/tensor-core/src/ops'], { cwd: root });
  return listed.toString().trim().split('\n');
}

/** Where the rules of an op are, as `first-last` in lines; all of any other file. */
function rangesOf(file) {
  const text = readFileSync(join(clone, file), 'utf8');
  const source = ts.createSourceFile(file, text, ts.ScriptTarget.Latest, true);
  const lineOf = (position) => source.getLineAndCharacterOfPosition(position).line + 1;
  const ranges = [];
  const visit = (node) => {
    const isRule = ts.isMethodDeclaration(node) || ts.isPropertyAssignment(node);
    if (isRule && rules.has(node.name.getText()))
      ranges.push(`${lineOf(node.getStart())}-${lineOf(node.getEnd())}`);
    else ts.forEachChild(node, visit);
  };
  if (!others.includes(file)) {
    visit(source);
    return ranges;
  }
  // How the laws sample is no rule.
  for (const node of source.statements)
    if (!node.name?.getText().startsWith('sample'))
      ranges.push(`${lineOf(node.getStart())}-${lineOf(node.getEnd())}`);
  return ranges;
}

function read(report) {
  const { files: mutated } = JSON.parse(readFileSync(report, 'utf8'));
  return Object.entries(mutated).flatMap(([file, { source, mutants }]) =>
    mutants
      .filter(({ status }) => status !== 'Ignored')
      .map(({ status, location, replacement, mutatorName }) => ({
        file,
        line: location.start.line,
        isLive: status === 'Survived' || status === 'NoCoverage',
        change: `${mutatorName}: ${source.split('\n')[location.start.line - 1].trim()}  ->  ${replacement}`,
      })),
  );
}

/** One row for each family of ops and each other file. */
function tableOf(rows) {
  const groups = new Map();
  for (const { file, isLive } of rows) {
    const name = file.includes('/ops/') ? `ops/${basename(dirname(file))}` : nameOf(file);
    const { killed, all } = groups.get(name) ?? { killed: 0, all: 0 };
    groups.set(name, { killed: killed + (isLive ? 0 : 1), all: all + 1 });
  }
  const sum = { killed: rows.filter(({ isLive }) => !isLive).length, all: rows.length };
  const lines = [...groups, ['all', sum]].map(
    ([name, { killed, all }]) =>
      `| ${name} | ${all} | ${killed} | ${((100 * killed) / all).toFixed(1)} % |`,
  );
  return ['| | mutants | noticed | |', '| --- | ---: | ---: | ---: |', ...lines].join('\n');
}

/** `lora` and `merge`, and what ops share. */
function nameOf(file) {
  return file.startsWith('packages/peft-lora/') ? basename(file, '.ts') : 'shared by ops';
}

function pageOf(table) {
  return `# Mutation score

Derivatives and shape rules of all ops, \`lora\` and \`merge\`, changed in one place at a time by Stryker
([\`npm run mutation\`](../../scripts/mutation.mjs)): how many of the changes a law or a test notices. Texts of errors
are not changed.

${table}
`;
}
