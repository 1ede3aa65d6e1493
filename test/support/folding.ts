/** Folds of logged entries as plain values, for tests of facts. */
import { type Facts, foldEntry, totalsOf } from "../../src/core/facts.ts";
import { MEASURES, type Measure } from "../../src/core/fields.ts";
import type { LogContent, LogEntry } from "../../src/core/log-line.ts";
import { addCounts, zeroCounts } from "../../src/core/measures.ts";
import { NOON_MS } from "./builders.ts";
import { RULES } from "./rules.ts";

/** Contents of lines as the facts of their log. */
export function fold(contents: readonly LogContent[]): Facts {
  const facts: Facts = new Map();
  for (const content of contents) {
    foldEntry(facts, { ...content, seq: 1, loggedAtMs: NOON_MS, rules: RULES.id } as LogEntry);
  }
  return facts;
}

/** Facts in a fixed order, so that equal facts are equal values. Cells that add up to nothing are left out. */
export function plain(facts: Facts) {
  const inOrder = <V>(map: Map<string, V>) => [...map].sort(([a], [b]) => (a < b ? -1 : 1));
  return [...facts.values()]
    .map((row) => ({
      key: [row.advertiserId, row.window, row.campaignId, row.adGroupId, row.adId].join("|"),
      cells: inOrder(row.cells).filter(([, counts]) => counts.some((count) => count !== 0)),
      reasons: inOrder(row.reasons),
      users: [...row.users].sort((a, b) => a - b),
    }))
    .filter(({ cells, reasons, users }) => cells.length + reasons.length + users.length > 0)
    .sort((a, b) => (a.key < b.key ? -1 : 1));
}

/** Sums over all rows, by measure; those that are zero are left out. */
export function totalsByMeasure(facts: Facts): Partial<Record<Measure, number>> {
  const totals = zeroCounts();
  for (const row of facts.values()) addCounts(totals, totalsOf(row));
  const named = MEASURES.map((measure, at) => [measure, totals[at] ?? 0] as const);
  return Object.fromEntries(named.filter(([, total]) => total !== 0));
}

/** Reasons over all rows. */
export function reasonsIn(facts: Facts): Record<string, number> {
  const sums: Record<string, number> = {};
  for (const row of facts.values()) {
    for (const [reason, count] of row.reasons) sums[reason] = (sums[reason] ?? 0) + count;
  }
  return sums;
}
