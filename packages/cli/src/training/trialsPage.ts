import { htmlPage, htmlSection, htmlTable } from '@lorikeet/train/report';
import { barX, dot, plot, ruleX } from '@observablehq/plot';
import { parseHTML } from 'linkedom';
import { type TrialGroup, type TrialRow, trialTable } from './trials.ts';

export interface TrialsPage {
  readonly title: string;
  readonly summary: string;
  /** A table and a plot for each. */
  readonly parts: readonly {
    readonly title: string;
    readonly metric: string;
    readonly groups: readonly TrialGroup[];
    readonly rows: readonly TrialRow[];
  }[];
}

/** A page with the results of trainings: means as bars, each seed as a dot. */
export function trialsPage({ title, summary, parts }: TrialsPage): string {
  const sections = parts.flatMap(({ title: heading, metric, groups, rows }) => [
    htmlSection(heading, plotOf(metric, groups, rows)),
    htmlTable(trialTable(groups, metric)),
  ]);
  return htmlPage({ title, summary, sections });
}

function plotOf(metric: string, groups: readonly TrialGroup[], rows: readonly TrialRow[]): string {
  const { document } = parseHTML('<html><body></body></html>');
  const bars = groups.map(({ settings, mean }) => ({ name: nameOf(settings), value: mean }));
  const dots = rows.map(({ settings, figures }) => ({
    name: nameOf(settings),
    value: Number(figures[metric]),
  }));
  const channels = { x: 'value', y: 'name' };
  const marks = [
    barX(bars, { ...channels, fill: 'lightsteelblue' }),
    dot(dots, channels),
    ruleX([0]),
  ];
  const y = { label: null, domain: bars.map(({ name }) => name) };
  return plot({ document, width: 720, marginLeft: 200, x: { label: metric }, y, marks }).outerHTML;
}

function nameOf(settings: Readonly<Record<string, unknown>>): string {
  return Object.entries(settings)
    .map(([name, value]) =>
      typeof value === 'string' ? value : `${name} ${JSON.stringify(value)}`,
    )
    .join(', ');
}
