import { describeLaws, opLaws } from '@lorikeet/laws';
import { describe, test } from 'vitest';
import { ops } from '../ops.ts';
import { describeOnWebgpu } from './describeOnWebgpu.ts';

await describeOnWebgpu('every op gives on WebGPU what the reference gives', (backend) => {
  for (const op of ops) {
    const laws = opLaws(op, { backends: [backend] }).filter(
      ({ name }) => name === 'is the same on webgpu',
    );
    describeLaws(op.name, laws, { describe, test });
  }
});
