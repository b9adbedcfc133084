import type { StepReport } from '@lorikeet/train';
import { htmlReport } from '@lorikeet/train/report';
import { writeText } from './writeText.ts';

export interface FigureOptions {
  readonly json: boolean;
  /** Where a page is written, if it is wanted. */
  readonly report?: string | undefined;
  readonly title: string;
  readonly summary: string;
  readonly steps: readonly StepReport[];
}

/** Prints the figures of a run, a line each or as JSON, and writes its page. */
export async function printFigures(
  figures: Readonly<Record<string, unknown>>,
  { json, report, title, summary, steps }: FigureOptions,
): Promise<void> {
  const known = Object.entries(figures).filter(([, value]) => value !== undefined);
  if (report !== undefined) {
    const rows = known.map(([name, value]) => [name, JSON.stringify(value)]);
    const content = { title, summary, steps, tables: [{ title: 'Figures', rows }] };
    await writeText(report, htmlReport(content));
  }
  console.log(
    json
      ? JSON.stringify(figures)
      : known.map(([name, value]) => `${name}: ${JSON.stringify(value)}`).join('\n'),
  );
}
