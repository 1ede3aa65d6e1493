/**
 * Rows as a table for people: columns as wide as their longest value, two blanks between them.
 */
export type Cell = string | number | null | undefined;

/** The lines of the table, the names of its columns first; absent values are a dash. */
export function toTable(columns: readonly string[], rows: readonly (readonly Cell[])[]): string {
  const texts = [columns, ...rows.map((row) => row.map((cell) => String(cell ?? "–")))];
  const widths = columns.map((_, at) => Math.max(...texts.map((row) => row[at]?.length ?? 0)));
  return texts
    .map((row) =>
      row
        .map((text, at) => text.padEnd(widths[at] ?? 0))
        .join("  ")
        .trimEnd(),
    )
    .join("\n");
}
