/** Reads a facts table back into `Facts`, adding the parts of a row, so that stores can be compared. */
import { cellKeyOfStored, type Facts, mergeFacts, totalsOf } from "../../src/core/facts.ts";
import { MEASURES } from "../../src/core/fields.ts";
import { DIGIT_ZERO, ELEMENT_CHARS, ELEMENT_START, Sketch } from "../../src/core/sketch.ts";
import type { Tier } from "../../src/facts/facts-schema.ts";

type Row = Record<string, string | number> & { cells: string; reasons: string; sketch: number[] | null };

/** What reports read: the minutes, and what is shown beside them. */
export async function readAll(database: D1Database): Promise<Facts> {
  const facts = await readFacts(database, "minute");
  mergeFacts(facts, (await readFacts(database, "open")).values());
  return facts;
}

/** The facts of one tier, or those that are not posted; fails when a row's totals are not the sum of its cells. */
export async function readFacts(database: D1Database, tier: Tier | "open"): Promise<Facts> {
  const texts = tier === "open" ? ", json(cells) AS cells, json(reasons) AS reasons" : "";
  const { results } = await database.prepare(`SELECT *${texts} FROM facts_${tier}`).all<Row>();
  const facts: Facts = new Map();
  for (const row of results) {
    const cells = new Map(
      (JSON.parse(row.cells) as [string[], number[]][]).map(([values, counts]) => [cellKeyOfStored(values), counts]),
    );
    const totals = MEASURES.map((measure) => Number(row[measure]));
    if (totalsOf({ cells }).join() !== totals.join()) throw new Error(`totals differ from cells in ${row["ad_id"]}`);
    const from = {
      advertiserId: String(row["advertiser_id"]),
      window: Number(row[tier === "open" ? "minute" : tier]),
      campaignId: String(row["campaign_id"]),
      adGroupId: String(row["ad_group_id"]),
      adId: String(row["ad_id"]),
      cells,
      reasons: new Map(Object.entries(JSON.parse(row.reasons) as Record<string, number>)),
      users: usersOf(row.sketch ?? []),
    };
    mergeFacts(facts, [from]);
  }
  return facts;
}

/** The elements of a stored sketch; fails on one that is not exact, since its users cannot be told apart any more. */
function usersOf(sketch: readonly number[]): Set<number> {
  const users = new Set<number>();
  for (let at = 0; at < sketch.length; at += ELEMENT_CHARS) {
    const [first = 0, ...digits] = sketch.slice(at, at + ELEMENT_CHARS);
    if (first < ELEMENT_START) throw new Error("a stored sketch is not exact");
    users.add(digits.reduce((element, digit) => element * 64 + digit - DIGIT_ZERO, first - ELEMENT_START));
  }
  if (users.size * ELEMENT_CHARS !== sketch.length) throw new Error("a stored sketch repeats a user");
  return users;
}

/** A text that is equal for equal facts, whatever order they were made in. */
export function canonical(facts: Facts): string {
  const sorted = <K, V>(map: Map<K, V>) => Array.from(map).sort(([a], [b]) => (String(a) < String(b) ? -1 : 1));
  const rows = sorted(facts).map(([key, row]) => {
    const cells = sorted(row.cells).filter(([, counts]) => counts.some((count) => count !== 0));
    return [key, cells, sorted(row.reasons).filter(([, count]) => count !== 0), Sketch.of(row.users).encode()];
  });
  return JSON.stringify(rows.filter(([, cells]) => (cells as unknown[]).length > 0));
}
