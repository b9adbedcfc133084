import { spawn } from 'node:child_process';
import { delimiter, join } from 'node:path';
import { pnpm, root } from './install.mjs';

/** The checks that read sources only. */
export const sourceGates = [
  { name: 'types', commands: [['tsc', '-p', '.']] },
  { name: 'lint', commands: [['biome', 'ci', '--colors=off', '--error-on-warnings', '.']] },
  {
    name: 'dependency rules',
    commands: [['depcruise', 'packages', 'examples', 'benchmarks', 'scripts']],
  },
  // The barrels are ignored by git, but what they export is used.
  { name: 'knip', commands: [['knip', '--no-gitignore']] },
];

/** tsup in each package, through turbo, which skips what has not changed. */
export const buildGate = {
  name: 'build',
  commands: [[...pnpm, 'exec', 'turbo', 'run', 'build', '--output-logs=errors-only']],
};

/** Runs checks two at a time, which is what two cores bear, and returns the names of those that failed. */
export async function runGates(gates) {
  const waiting = [...gates];
  const failed = [];
  const lane = async () => {
    for (let gate = waiting.shift(); gate; gate = waiting.shift()) {
      if (!(await runGate(gate))) failed.push(gate.name);
    }
  };
  await Promise.all([lane(), lane()]);
  return failed;
}

/** Runs one check: prints a line if it passes, all that its commands said if it fails. */
async function runGate({ name, commands }) {
  const start = performance.now();
  const results = await Promise.all(commands.map((command) => run(command)));
  const bad = results.filter(({ code }) => code !== 0);
  for (const { output } of bad) console.log(output.trimEnd());
  const seconds = ((performance.now() - start) / 1000).toFixed(1);
  console.log(`${bad.length === 0 ? 'passed' : 'FAILED'}  ${name} (${seconds} s)`);
  return bad.length === 0;
}

/** Runs a command of the workspace in its root folder and resolves to its exit code and output. */
export function run([program, ...args], { env = {}, stdio = 'pipe' } = {}) {
  const child = spawn(program, args, {
    cwd: root,
    env: { ...process.env, ...quiet, PATH: path, ...env },
    shell: process.platform === 'win32',
    stdio: ['ignore', stdio, stdio],
  });
  return new Promise((resolve) => {
    let output = '';
    const collect = (chunk) => {
      output += chunk;
    };
    child.stdout?.on('data', collect);
    child.stderr?.on('data', collect);
    child.on('error', (error) => resolve({ code: 1, output: String(error) }));
    child.on('close', (code) => resolve({ code: code ?? 1, output }));
  });
}

const path = [join(root, 'node_modules/.bin'), process.env.PATH].join(delimiter);
const quiet = { CI: 'true', DO_NOT_TRACK: '1', TURBO_TELEMETRY_DISABLED: '1' };
