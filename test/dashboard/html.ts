/** HTML as the tests read it: its text as a reader has it, and its tables cell by cell. */

/** The text of a piece of HTML as a reader has it. */
export function textOfHtml(html: string): string {
  return decoded(html.replaceAll(/<title>[\s\S]*?<\/title>|<[^>]*>/g, " "));
}

const NAMED: Readonly<Record<string, string>> = { amp: "&", lt: "<", gt: ">", quot: '"' };

/** Text without its entities, each run of white space as one space. */
export function decoded(text: string): string {
  const plain = text.replaceAll(/&(?:#(\d+)|(\w+));/g, (whole, code, name) =>
    code === undefined ? (NAMED[name as string] ?? whole) : String.fromCodePoint(Number(code)),
  );
  return plain.replaceAll(/\s+/g, " ").trim();
}

/** Rows of all tables of a page, each as the texts of its cells. */
export function rowsOf(html: string): string[][] {
  const cellsOf = (row: string) =>
    Array.from(row.matchAll(/<t[hd][^>]*>([\s\S]*?)<\/t[hd]>/g), ([, cell = ""]) => textOfHtml(cell));
  return Array.from(html.matchAll(/<tr[^>]*>([\s\S]*?)<\/tr>/g), ([, row = ""]) => cellsOf(row));
}

type Rows = readonly (readonly string[])[];
export type HtmlTable = { readonly head: readonly string[]; readonly rows: Rows; readonly foot: Rows };

/** The tables of a page, cell by cell. */
export function tablesIn(html: string): HtmlTable[] {
  return [...html.matchAll(/<table[^>]*>([\s\S]*?)<\/table>/g)].map(([, table = ""]) => ({
    head: rowsOf(/<thead>([\s\S]*?)<\/thead>/.exec(table)?.[1] ?? "")[0] ?? [],
    rows: rowsOf(/<tbody>([\s\S]*?)<\/tbody>/.exec(table)?.[1] ?? ""),
    foot: rowsOf(/<tfoot>([\s\S]*?)<\/tfoot>/.exec(table)?.[1] ?? ""),
  }));
}
