export interface PageContent {
  readonly title: string;
  /** What the page shows, in a sentence or two. */
  readonly summary: string;
  /** Its sections, as HTML. */
  readonly sections: readonly string[];
}

/** A page of its own, without scripts and without anything to fetch. */
export function htmlPage({ title, summary, sections }: PageContent): string {
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
${sections.join('\n')}
</html>
`;
}

/** A section: a heading over what is HTML already. */
export function htmlSection(title: string, content: string): string {
  return `<h2>${escapeHtml(title)}</h2>\n${content}`;
}

export function htmlTable(rows: readonly (readonly (string | number)[])[]): string {
  const lines = rows.map(
    (cells) => `<tr>${cells.map((cell) => `<td>${escapeHtml(String(cell))}</td>`).join('')}</tr>`,
  );
  return `<table>\n${lines.join('\n')}\n</table>`;
}

function escapeHtml(text: string): string {
  return text
    .replaceAll('&', '&amp;')
    .replaceAll('<', '&lt;')
    .replaceAll('>', '&gt;')
    .replaceAll('"', '&quot;');
}
