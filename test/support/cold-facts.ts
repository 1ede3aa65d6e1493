/** Minute facts wherever they stand: hot and cold, read at one moment, for tests of what moves them. */

import { KEY_COLUMNS, type MinuteRow, toMinuteRow, type Wanted } from "../../src/cold/parquet.ts";
import { type ColdObject, readColdMinutes } from "../../src/cold/reader.ts";
import { SELECT_COLD_OBJECTS } from "../../src/cold/sql.ts";
import { cellKeyOfStored, type Facts, mergeFacts, totalsOf } from "../../src/core/facts.ts";
import { MEASURES } from "../../src/core/fields.ts";
import { ADVERTISER_BUCKETS } from "../../src/core/limits.ts";
import { DIGIT_ZERO, ELEMENT_CHARS, ELEMENT_START } from "../../src/core/sketch.ts";

const COLUMNS = [...KEY_COLUMNS, ...MEASURES, "reasons", "sketch", "cells"];
const HOT_ROWS = `SELECT ${COLUMNS.join(", ").replace(" sketch,", " CAST(sketch AS TEXT) AS sketch,")} FROM facts_minute`;
export const ALL_BUCKETS = Array.from({ length: ADVERTISER_BUCKETS }, (_, bucket) => bucket);
export const EVERYTHING: Wanted = {
  minutes: [{ from: 0, to: 2 ** 31 - 1 }],
  advertiserIds: null,
  campaignIds: null,
  adGroupIds: null,
  adIds: null,
};

/** Rows of each place, and all of them added up. */
export type Places = { hot: MinuteRow[]; cold: MinuteRow[]; facts: Facts };

export async function readPlaces(database: D1Database, archive: R2Bucket): Promise<Places> {
  const [hotRows, objects] = await database.batch<Record<string, string | number | null>>([
    database.prepare(HOT_ROWS),
    database.prepare(SELECT_COLD_OBJECTS).bind(JSON.stringify(ALL_BUCKETS), 0, 2 ** 31 - 1, 10_000),
  ]);
  const cold: MinuteRow[] = [];
  await readColdMinutes(archive, (objects?.results ?? []) as unknown as ColdObject[], {
    wanted: EVERYTHING,
    columns: COLUMNS,
    take: (row) => cold.push(toMinuteRow(row)),
  });
  const hot = (hotRows?.results ?? []).map(toMinuteRow);
  return { hot, cold, facts: factsOf([...hot, ...cold]) };
}

function factsOf(rows: readonly MinuteRow[]): Facts {
  const facts: Facts = new Map();
  for (const row of rows) {
    const cells = new Map(
      (JSON.parse(row.cells) as [string[], number[]][]).map(([values, counts]) => [cellKeyOfStored(values), counts]),
    );
    if (totalsOf({ cells }).join() !== row.counts.join()) throw new Error(`totals differ from cells in ${row.adId}`);
    mergeFacts(facts, [
      {
        advertiserId: row.advertiserId,
        window: row.minute,
        campaignId: row.campaignId,
        adGroupId: row.adGroupId,
        adId: row.adId,
        cells,
        reasons: new Map(Object.entries(JSON.parse(row.reasons) as Record<string, number>)),
        users: usersOf(row.sketch ?? ""),
      },
    ]);
  }
  return facts;
}

function usersOf(sketch: string): Set<number> {
  const users = new Set<number>();
  for (let at = 0; at < sketch.length; at += ELEMENT_CHARS) {
    let element = sketch.charCodeAt(at) - ELEMENT_START;
    if (element < 0) throw new Error("a stored sketch is not exact");
    for (let index = 1; index < ELEMENT_CHARS; index++) {
      element = element * 64 + sketch.charCodeAt(at + index) - DIGIT_ZERO;
    }
    users.add(element);
  }
  return users;
}
