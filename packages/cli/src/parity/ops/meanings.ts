import { elementwise } from './elementwise.ts';
import { layers } from './layers.ts';
import { linearAlgebra } from './linearAlgebra.ts';
import { losses } from './losses.ts';
import type { Meanings } from './meaning.ts';
import { shapes } from './shapes.ts';
import { spectral } from './spectral.ts';

/** Every operation of `ops.json` that can be checked, by the name that it has there. */
export const meanings: Meanings = {
  ...elementwise,
  ...layers,
  ...linearAlgebra,
  ...losses,
  ...shapes,
  ...spectral,
};
