import { runSource } from './runSource.mjs';

runSource('benchmarks/src/main.ts');
