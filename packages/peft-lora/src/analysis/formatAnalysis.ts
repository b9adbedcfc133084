import { formatTable } from '../formatTable.ts';
import type { AdapterAnalysis } from './adapterAnalysis.ts';

const leading = 4;

/** A table for people: a line for each weight, its largest singular values at the end. */
export function formatAnalysis({
  rows,
  wholes,
  energy,
}: Omit<AdapterAnalysis, 'toString'>): string {
  const hasIntruders = rows.some(({ intruders }) => intruders !== null);
  const intruders = (cell: string): string[] => (hasIntruders ? [cell] : []);
  const matrices = rows.map((row) => [
    row.path,
    row.method,
    `[${row.shape.join(',')}]`,
    String(row.singularValues.length),
    row.effectiveRank.toFixed(2),
    `${row.suggested.rank}`,
    figure(row.frobeniusNorm),
    figure(row.spectralNorm),
    figure(row.drift?.frobenius),
    figure(row.drift?.spectral),
    row.drift === null ? '-' : row.drift.cosine.toFixed(6),
    ...intruders(String(row.intruders)),
    row.singularValues.slice(0, leading).map(figure).join(' ') +
      (row.singularValues.length > leading ? ' ...' : ''),
  ]);
  const head = ['module', 'method', 'shape', 'rank', 'effective', 'suggested', 'norm', 'spectral'];
  const tail = [
    'norm/base',
    'spectral/base',
    'cosine',
    ...intruders('intruders'),
    'singular values',
  ];
  const others = wholes.map((row) => [
    row.path,
    row.method,
    `[${row.shape.join(',')}]`,
    figure(row.frobeniusNorm),
    figure(row.drift?.frobenius),
    row.drift === null ? '-' : row.drift.cosine.toFixed(6),
  ]);
  return [
    ...(matrices.length === 0 ? [] : [formatTable([[...head, ...tail], ...matrices], 3)]),
    ...(others.length === 0
      ? []
      : [
          formatTable([['tensor', 'method', 'shape', 'norm', 'norm/base', 'cosine'], ...others], 3),
        ]),
    `suggested: the lowest rank that keeps ${(100 * energy).toFixed(1)} % of the energy`,
  ].join('\n');
}

function figure(value: number | null | undefined): string {
  return value === undefined || value === null ? '-' : value.toPrecision(4);
}
