import type {
  AdapterAnalysis,
  AdapterComparison,
  AnalysedRow,
  SimilarRow,
} from '@lorikeet/peft-lora';
import { htmlPage, htmlSection, htmlTable } from '@lorikeet/train/report';
import { heatMap } from './heatMap.ts';
import { phiPlot } from './phiPlot.ts';
import { rankPlot } from './rankPlot.ts';
import { spectrumPlot } from './spectrumPlot.ts';

export interface AnalysisPage {
  readonly title: string;
  readonly summary: string;
  readonly analysis: AdapterAnalysis;
  /** With another adapter. */
  readonly comparison?: AdapterComparison | undefined;
}

/** An analysis as a page of its own, with plots, without scripts. Plots that would be empty are left out. */
export function analysisPage({ title, summary, analysis, comparison }: AnalysisPage): string {
  const { rows, wholes, energy } = analysis;
  const changed = rows.filter(({ spectralNorm }) => spectralNorm > 0);
  const drifting = rows.flatMap(({ path, drift }) => (drift === null ? [] : [{ path, ...drift }]));
  const sections = [
    ...part(changed, 'Singular values of the change', spectrumPlot),
    ...part(rows, 'Norm of the change', (all) =>
      heatMap(all.map(({ path, frobeniusNorm: value }) => ({ path, value }))),
    ),
    ...part(drifting, 'Drift: norm of the change over norm of the base', (all) =>
      heatMap(all.map(({ path, frobenius: value }) => ({ path, value }))),
    ),
    ...part(rows, `Rank that keeps ${percent(energy)} of the energy`, rankPlot),
    ...(comparison === undefined ? [] : similarity(comparison.rows)),
    ...part(rows, 'Weights', (all) => htmlTable([head, ...all.map(cellsOf)])),
    ...part(wholes, 'Tensors that are no matrix or trained whole', (all) =>
      htmlTable([
        ['tensor', 'norm of the change', 'over the base'],
        ...all.map((row) => [row.path, figure(row.frobeniusNorm), figure(row.drift?.frobenius)]),
      ]),
    ),
  ];
  return htmlPage({ title, summary, sections });
}

/** How many weights have a plot of all overlaps: a page of hundreds would be read by nobody. */
const most = 6;

function similarity(rows: readonly SimilarRow[]): string[] {
  const comparable = rows.filter(({ inputs }) => inputs.phi.length > 0);
  const whole = (side: 'inputs' | 'outputs') =>
    heatMap(
      comparable.map((row) => ({ path: row.path, value: row[side].phi.at(-1)?.at(-1) ?? 0 })),
      1,
    );
  const alike = (row: SimilarRow): number => row.inputs.phi[0]?.[0] ?? 0;
  const closest = [...comparable].sort((a, b) => alike(b) - alike(a)).slice(0, most);
  return [
    ...part(comparable, 'Overlap with the other adapter: inputs', () => whole('inputs')),
    ...part(comparable, 'Overlap with the other adapter: outputs', () => whole('outputs')),
    ...closest.map((row) => htmlSection(`phi(i, j): ${row.path}`, phiPlot(row))),
  ];
}

function part<T>(
  items: readonly T[],
  title: string,
  draw: (items: readonly T[]) => string,
): string[] {
  return items.length === 0 ? [] : [htmlSection(title, draw(items))];
}

const head = ['module', 'rank', 'effective', 'suggested', 'keeps', 'norm', 'spectral', 'cosine'];

function cellsOf(row: AnalysedRow): (string | number)[] {
  return [
    row.path,
    row.singularValues.length,
    row.effectiveRank.toFixed(2),
    row.suggested.rank,
    percent(row.suggested.energy),
    figure(row.frobeniusNorm),
    figure(row.spectralNorm),
    row.drift === null ? '-' : row.drift.cosine.toFixed(6),
  ];
}

function percent(part: number): string {
  return `${(100 * part).toFixed(1)} %`;
}

function figure(value: number | null | undefined): string {
  return value === null || value === undefined ? '-' : value.toPrecision(4);
}
