import type { AnalysedRow } from '@lorikeet/peft-lora';
import { dot, gridX, gridY, line } from '@observablehq/plot';
import { drawPlot } from './drawPlot.ts';
import { placeOf } from './placeOf.ts';

/** The singular values of each weight, a panel for each kind of module, lighter for lower layers. */
export function spectrumPlot(rows: readonly AnalysedRow[]): string {
  const points = rows.flatMap(({ path, singularValues }) =>
    singularValues.flatMap((value, i) => {
      const { kind, layer } = placeOf(path);
      // There is no 0 on a logarithmic axis.
      const isSeen = value > 1e-7 * (singularValues[0] ?? 0);
      return isSeen ? [{ path, kind, layer: Number(layer) || 0, index: i + 1, value }] : [];
    }),
  );
  const kinds = new Set(points.map(({ kind }) => kind));
  const title = ({ path, index, value }: { path: string; index: number; value: number }): string =>
    `${path}: ${index}: ${value.toPrecision(4)}`;
  const channels = { x: 'index', y: 'value', fy: 'kind', stroke: 'layer', title } as const;
  return drawPlot({
    height: 60 + 140 * kinds.size,
    marginRight: 180,
    x: { label: 'index', interval: 1, tickFormat: 'd' },
    y: { type: 'log', label: 'singular value' },
    fy: { label: null },
    color: { scheme: 'viridis' },
    marks: [
      gridX(),
      gridY(),
      line(points, { ...channels, z: 'path' }),
      dot(points, { ...channels, r: 2 }),
    ],
  });
}
