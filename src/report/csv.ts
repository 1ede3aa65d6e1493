/**
 * CSV as RFC 4180 has it: a header row, CRLF after every row, quotes where a field needs them.
 *
 * Keeps: no cell is a formula to a spreadsheet: a text that starts with `= + - @`, tab, CR or LF gets an apostrophe in
 * front, unless it is a plain number. Source: OWASP, "CSV Injection".
 */
const FORMULA_START = /^[=+\-@\t\r\n]/;
const PLAIN_NUMBER = /^[+-]?\d+(?:\.\d+)?$/;
const NEEDS_QUOTES = /[",\r\n]/;

/** A cell; null is empty. */
export type CsvValue = string | number | null;

/** The header and the rows as one text. */
export function encodeCsv(names: readonly string[], rows: readonly (readonly CsvValue[])[]): string {
  return [names, ...rows].map((row) => row.map(encodeCell).join(",").concat("\r\n")).join("");
}

function encodeCell(value: CsvValue): string {
  const text = value === null ? "" : String(value);
  const safe = FORMULA_START.test(text) && !PLAIN_NUMBER.test(text) ? "'".concat(text) : text;
  return NEEDS_QUOTES.test(safe) ? `"${safe.replaceAll('"', '""')}"` : safe;
}
