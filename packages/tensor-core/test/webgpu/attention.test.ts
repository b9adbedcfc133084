import { describeLaws, opLaws } from '@lorikeet/laws';
import type { Tiling } from '@lorikeet/tensor-core/webgpu';
import { describe, test } from 'vitest';
import { attentionOp } from '../../src/ops/composite/attention.ts';
import { attentionGradientOp } from '../../src/ops/composite/attentionGradient.ts';
import { describeOnWebgpu } from './describeOnWebgpu.ts';

const runs = process.env.LORIKEET_RUNS || process.env.LORIKEET_REPLAY ? {} : { runs: 2 };

for (const tiling of ['register', 'workgroup'] as const satisfies readonly Tiling[]) {
  await describeOnWebgpu(
    `attention in one pass, ${tiling}`,
    (backend) => {
      for (const op of [attentionOp, attentionGradientOp]) {
        const laws = opLaws(op, { backends: [backend] })
          .filter(({ name }) => name === 'is the same on webgpu')
          .map((law) => ({ ...law, check: () => law.check(runs) }));
        describeLaws(op.name, laws, { describe, test });
      }
    },
    { tiling, attention: 'always' },
  );
}
