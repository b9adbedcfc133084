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

/** A page of its own, without scripts, with curves of the loss, the rate, the gradients and the memory, and tables. */
export function htmlReport({ title, summary, steps, tables }: ReportContent): string {
  const sections = tables.map((table) => htmlSection(table.title, htmlTable(table.rows)));
  const curves = curvesOf(steps).map((curve) => htmlSection(curve.title, plotOf(curve)));
  return htmlPage({ title, summary, sections: [...curves, ...sections] });
}

interface Curve {
  readonly title: string;
  readonly label: string;
  readonly points: readonly { readonly step: number; readonly value: number }[];
  /** Whether it is so rough that a mean of neighbours is drawn over it. */
  readonly isRough: boolean;
}

function curvesOf(steps: readonly StepReport[]): Curve[] {
  const pointsOf = (value: (report: StepReport) => number | undefined): Curve['points'] =>
    steps.flatMap((report) => {
      const own = value(report);
      return own === undefined ? [] : [{ step: report.step, value: own }];
    });
  const curves: Curve[] = [
    { title: 'Loss', label: 'loss', points: pointsOf(({ loss }) => loss), isRough: true },
    {
      title: 'Learning rate',
      label: 'rate',
      points: pointsOf(({ measures }) => measures.learningRate),
      isRough: false,
    },
    {
      title: 'Norm of the gradients',
      label: 'norm',
      points: pointsOf(({ gradientNorm }) => gradientNorm),
      isRough: true,
    },
    {
      title: 'Memory of the backend',
      label: 'MiB',
      points: pointsOf(({ liveBytes }) => liveBytes / 2 ** 20),
      isRough: false,
    },
  ];
  return curves.filter(({ title, points }) => title === 'Loss' || points.length > 0);
}

function plotOf({ label, points, isRough }: Curve): string {
  const { document } = parseHTML('<html><body></body></html>');
  const channels = { x: 'step', y: 'value' };
  const blue = { ...channels, stroke: 'steelblue', strokeWidth: 2 };
  const window = { k: Math.max(1, Math.ceil(points.length / 25)) };
  const marks: Markish[] = isRough
    ? [lineY(points, { ...channels, strokeOpacity: 0.3 }), lineY(points, windowY(window, blue))]
    : [lineY(points, blue)];
  const y = { label, zero: label === 'MiB' };
  return plot({ document, width: 720, height: 280, y, marks: [gridY(), ...marks] }).outerHTML;
}
