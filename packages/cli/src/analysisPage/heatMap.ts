import { cell, text } from '@observablehq/plot';
import { drawPlot } from './drawPlot.ts';
import { placeOf } from './placeOf.ts';

/** A number for a module. */
export interface HeatCell {
  readonly path: string;
  readonly value: number;
}

/** Layers along, kinds of modules down, the darker the larger. Each cell says its number. */
export function heatMap(cells: readonly HeatCell[], largest?: number): string {
  const placed = cells.map((item) => ({ ...item, ...placeOf(item.path) }));
  const most = largest ?? Math.max(...cells.map(({ value }) => value));
  const layers = [...new Set(placed.map(({ layer }) => layer))].sort(
    (a, b) => Number(a) - Number(b),
  );
  const kinds = [...new Set(placed.map(({ kind }) => kind))];
  const label = ({ value }: HeatCell): string => value.toPrecision(2);
  const isDark = ({ value }: HeatCell): boolean => value > 0.6 * most;
  const along = { x: 'layer', y: 'kind' } as const;
  return drawPlot({
    height: 60 + 26 * kinds.length,
    marginLeft: Math.min(300, 40 + 7 * Math.max(...kinds.map(({ length }) => length))),
    x: { domain: layers, label: 'layer', axis: 'top' },
    y: { domain: kinds, label: null },
    color: { scheme: 'blues', domain: [0, most > 0 ? most : 1] },
    marks: [
      cell(placed, { ...along, fill: 'value', title: (d: HeatCell) => `${d.path}: ${label(d)}` }),
      ...(layers.length > 16
        ? []
        : [
            text(placed, {
              ...along,
              text: label,
              fill: 'black',
              filter: (d: HeatCell) => !isDark(d),
            }),
            text(placed, { ...along, text: label, fill: 'white', filter: isDark }),
          ]),
    ],
  });
}
