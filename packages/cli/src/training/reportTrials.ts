import { join } from 'node:path';
import { formatRows } from '../formatRows.ts';
import { writeText } from '../writeText.ts';
import { groupTrials, type TrialRow, trialTable } from './trials.ts';
import { trialsPage } from './trialsPage.ts';

export interface TrialsPart {
  readonly title: string;
  readonly metric: string;
  readonly isBetter: 'higher' | 'lower';
  readonly rows: readonly TrialRow[];
}

export interface ReportOptions {
  readonly output: string;
  readonly json: boolean;
  readonly title: string;
  readonly summary: string;
}

/** Prints the tables of some trainings, the best of each first, and writes them as `table.md` and `report.html`. */
export async function reportTrials(
  parts: readonly TrialsPart[],
  { output, json, title, summary }: ReportOptions,
): Promise<void> {
  const grouped = parts.map((part) => {
    const groups = groupTrials(part.rows, part.metric);
    const sign = part.isBetter === 'higher' ? -1 : 1;
    return { ...part, groups: groups.toSorted((a, b) => sign * (a.mean - b.mean)) };
  });
  await writeText(join(output, 'report.html'), trialsPage({ title, summary, parts: grouped }));
  const tables = grouped.map(({ title: heading, groups, metric }) => ({
    heading,
    cells: trialTable(groups, metric),
  }));
  const markdown = tables.map(({ heading, cells }) => `## ${heading}\n\n${markdownTable(cells)}`);
  await writeText(
    join(output, 'table.md'),
    `# ${title}\n\n${summary}\n\n${markdown.join('\n\n')}\n`,
  );
  if (json) console.log(JSON.stringify(grouped.map(({ rows: _, ...part }) => part)));
  else for (const { heading, cells } of tables) console.log(`\n${heading}\n${formatRows(cells)}`);
}

function markdownTable(cells: readonly (readonly string[])[]): string {
  const [heading = [], ...rows] = cells.map((row) => `| ${row.join(' | ')} |`);
  const line = `| ${(cells[0] ?? []).map(() => '---').join(' | ')} |`;
  return [heading, line, ...rows].join('\n');
}
