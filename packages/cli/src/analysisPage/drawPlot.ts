import { type PlotOptions, plot } from '@observablehq/plot';
import { parseHTML } from 'linkedom';

/** A plot as HTML. The text of every mark is escaped. */
export function drawPlot(options: PlotOptions): string {
  const { document } = parseHTML('<html><body></body></html>');
  return plot({ document, width: 720, ...options }).outerHTML;
}
