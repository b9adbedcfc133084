/**
 * Rows of cells in columns, for people.
 *
 * @param words how many of the columns, from the left, hold words; the others hold numbers and end in line.
 */
export function formatTable(rows: readonly (readonly string[])[], words: number): string {
  const widths =
    rows[0]?.map((_, column) => Math.max(...rows.map((row) => row[column]?.length ?? 0))) ?? [];
  const lines = rows.map((row) =>
    row
      .map((cell, column) =>
        column < words ? cell.padEnd(widths[column] ?? 0) : cell.padStart(widths[column] ?? 0),
      )
      .join('  '),
  );
  return lines.join('\n');
}
