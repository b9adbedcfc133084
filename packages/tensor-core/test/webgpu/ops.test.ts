import { describeLaws, opLaws } from '@lorikeet/laws';
import { describe, test } from 'vitest';
import { ops } from '../ops.ts';
import { describeOnWebgpu } from './describeOnWebgpu.ts';

// Each case means to compile some kernels.
const runs = process.env.LORIKEET_RUNS || process.env.LORIKEET_REPLAY ? {} : { runs: 10 };

await describeOnWebgpu('every op gives on WebGPU what the reference gives', (backend) => {
  for (const op of ops) {
    const laws = opLaws(op, { backends: [backend] })
      .filter(({ name }) => name === 'is the same on webgpu')
      .map((law) => ({ ...law, check: () => law.check(runs) }));
    describeLaws(op.name, laws, { describe, test });
  }
});
