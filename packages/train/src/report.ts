import { gridY, lineY, type Markish, plot, windowY } from '@observablehq/plot';
import { parseHTML } from 'linkedom';
import type { StepReport } from './fitOptions.ts';
import { htmlPage, htmlSection, htmlTable } from './htmlPage.ts';

export { htmlPage, htmlSection, htmlTable } from './htmlPage.ts';

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
  const sections = tables.map((table) => htmlSection(table.title, htmlTable(table.rows)));
  return htmlPage({
    title,
    summary,
    sections: [htmlSection('Loss', lossPlot(steps)), ...sections],
  });
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
