// `npm run build`: every package's dist.
import { buildGate, runGates } from './gate.mjs';
import { install } from './install.mjs';

install();
const failed = await runGates([buildGate]);
if (failed.length > 0) process.exitCode = 1;
