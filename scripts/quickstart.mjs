import { runSource } from './runSource.mjs';

runSource('examples/spam/src/main.ts');
