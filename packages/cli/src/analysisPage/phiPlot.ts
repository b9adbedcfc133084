import type { SimilarRow } from '@lorikeet/peft-lora';
import { cell } from '@observablehq/plot';
import { drawPlot } from './drawPlot.ts';

/** `phi(i, j)` of one weight, of its inputs on the left and its outputs on the right: white is 0, dark is 1. */
export function phiPlot({ inputs, outputs }: SimilarRow): string {
  const cells = Object.entries({ inputs, outputs }).flatMap(([side, { phi }]) =>
    phi.flatMap((row, i) => row.map((value, j) => ({ side, i: i + 1, j: j + 1, value }))),
  );
  const title = ({ i, j, value }: (typeof cells)[number]): string =>
    `phi(${i}, ${j}) = ${value.toFixed(4)}`;
  return drawPlot({
    height: 260,
    fx: { label: null },
    x: { label: 'j', interval: 1 },
    y: { label: 'i', interval: 1 },
    color: { scheme: 'blues', domain: [0, 1] },
    marks: [cell(cells, { fx: 'side', x: 'j', y: 'i', fill: 'value', title })],
  });
}
