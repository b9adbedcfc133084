import { describeLaws, everyOp, opLaws } from '@lorikeet/laws';
import { createNodeBackend } from '@lorikeet/onnx/node';
import { describe, test } from 'vitest';

const backend = createNodeBackend({ threads: 1, hostWork: 0 });

describe('every op gives on ONNX Runtime what the reference gives', () => {
  for (const op of everyOp) {
    const laws = opLaws(op, { backends: [backend] }).filter(
      ({ name }) => name === 'is the same on onnx',
    );
    describeLaws(op.name, laws, { describe, test });
  }
});
