import { gridY, lineY, type Markish, plot, windowY } from '@observablehq/plot';
import { parseHTML } from 'linkedom';
import type { StepReport } from './fitOptions.ts';

/** A part of a report: a heading over a table. */
export interface ReportTable {
  readonly title: string;
  readonly rows: readonly (readonly (string | number)[])[];
}

export interface ReportContent {
  readonly title: string;
  /** What was done, in a sentence or two. */
  readonly summary: string;
  readonly steps: readonly StepReport[];
  readonly tables: readonly ReportTable[];
}

/** A page of its own, without scripts, with the loss curve and tables. */
export function htmlReport({ title, summary, steps, tables }: ReportContent): string {
  return `<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width">
<title>${escapeHtml(title)}</title>
<style>
  body { font: 16px/1.5 system-ui, sans-serif; max-width: 46rem; margin: 2rem auto; padding: 0 1rem }
  table { border-collapse: collapse; margin: 0.5rem 0 }
  td { border: 1px solid #ccc; padding: 0.2rem 0.7rem }
  td + td { text-align: right; font-variant-numeric: tabular-nums }
  svg { max-width: 100%; height: auto }
</style>
<h1>${escapeHtml(title)}</h1>
<p>${escapeHtml(summary)}</p>
<h2>Loss</h2>
${lossPlot(steps)}
${tables.map(renderTable).join('\n')}
</html>
`;
}

function lossPlot(steps: readonly StepReport[]): string {
  const { document } = parseHTML('<html><body></body></html>');
  const points = steps.map(({ step, loss }) => ({ step, loss }));
  const marks: Markish[] = [
    gridY(),
    lineY(points, { x: 'step', y: 'loss', strokeOpacity: 0.3 }),
    lineY(
      points,
      windowY(
        { k: Math.max(1, Math.ceil(points.length / 25)) },
        { x: 'step', y: 'loss', stroke: 'steelblue', strokeWidth: 2 },
      ),
    ),
  ];
  return plot({ document, width: 720, height: 320, marks }).outerHTML;
}

function renderTable({ title, rows }: ReportTable): string {
  const lines = rows.map(
    (cells) => `<tr>${cells.map((cell) => `<td>${escapeHtml(String(cell))}</td>`).join('')}</tr>`,
  );
  return `<h2>${escapeHtml(title)}</h2>\n<table>\n${lines.join('\n')}\n</table>`;
}

function escapeHtml(text: string): string {
  return text
    .replaceAll('&', '&amp;')
    .replaceAll('<', '&lt;')
    .replaceAll('>', '&gt;')
    .replaceAll('"', '&quot;');
}
