/**
 * A day's minutes from the file of a report, as the minute explorer draws them.
 *
 *   minute,clicks                      [[1764288000, 1764288060, …],
 *   2025-11-28T00:00:00Z,3        →     [3, 0, …, null, …]]
 *
 * Keeps: pure, and knows no page: the script has it whole. A minute that has not ended has no value, and neither has
 * one whose value is not known.
 */
const MINUTE_MS = 60_000;

type Asked = {
  readonly metric: string;
  readonly nowMs: number;
  /** By what the file's values are divided: a million, where they are micros. */
  readonly parts: number;
};

export function minutesOf(csv: string, { metric, nowMs, parts }: Asked): [number[], (number | null)[]] {
  const [head = "", ...lines] = csv.trimEnd().split(/\r?\n/);
  const names = head.split(",");
  const [minute, column] = [names.indexOf("minute"), names.indexOf(metric)];
  const rows = lines.map((line) => line.split(","));
  const starts = rows.map((cells) => Date.parse(cells[minute] ?? ""));
  const values = rows.map((cells, at) => {
    const text = cells[column] ?? "";
    const hasEnded = (starts[at] ?? 0) + MINUTE_MS <= nowMs;
    return text === "" || !hasEnded ? null : Number(text) / parts;
  });
  return [starts.map((ms) => ms / 1_000), values];
}

/** The hour that holds an instant, by its start; null before the first. */
export function hourHolding(ms: number, starts: readonly number[]): string | null {
  const start = starts.findLast((fromMs) => fromMs <= ms);
  return start === undefined ? null : new Date(start).toISOString().replace(".000Z", "Z");
}
