// `npm run check`: every check that needs no build.
import { runGates, sourceGates } from './gate.mjs';
import { install } from './install.mjs';

install();
const failed = await runGates(sourceGates);
if (failed.length > 0) process.exitCode = 1;
