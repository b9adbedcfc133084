import type { AnalysedRow } from '@lorikeet/peft-lora';
import { barX, dot, gridX } from '@observablehq/plot';
import { drawPlot } from './drawPlot.ts';

/** Of each weight the rank that it has, behind the one that would do, and a dot for the effective one. */
export function rankPlot(rows: readonly AnalysedRow[]): string {
  const items = rows.map(({ path, singularValues, suggested, effectiveRank }) => {
    return { path, has: singularValues.length, suggested: suggested.rank, effectiveRank };
  });
  const title = (item: (typeof items)[number]): string =>
    `${item.path}: ${item.suggested} of ${item.has}, effective ${item.effectiveRank.toFixed(2)}`;
  return drawPlot({
    height: 60 + 18 * items.length,
    marginLeft: Math.min(360, 40 + 6 * Math.max(0, ...items.map(({ path }) => path.length))),
    x: { label: 'rank: light as it is, dark suggested, dot effective' },
    y: { domain: items.map(({ path }) => path), label: null },
    marks: [
      gridX(),
      barX(items, { x: 'has', y: 'path', fill: '#c6dbef', title }),
      barX(items, {
        x: 'suggested',
        y: 'path',
        fill: '#2171b5',
        insetTop: 3,
        insetBottom: 3,
        title,
      }),
      dot(items, { x: 'effectiveRank', y: 'path', fill: 'black', r: 3, title }),
    ],
  });
}
