import { runSource } from './runSource.mjs';

runSource('packages/cli/src/main.ts');
