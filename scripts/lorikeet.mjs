import { runSource } from './runSource.mjs';

// In the repository the command has the benchmarks as well; they are no part of its package.
const [command] = process.argv.slice(2);
const isBenchmark = command === 'bench';
if (isBenchmark) process.argv.splice(2, 1);
runSource(isBenchmark ? 'benchmarks/src/main.ts' : 'packages/cli/src/main.ts');
