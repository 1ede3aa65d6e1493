/** Sums of hours as plain values: those that are stored, and what they must be, cell by cell. */
import { cellDimensionsOf, type Facts, type FactsRow } from "../../src/core/facts.ts";
import { CELL_DIMENSIONS, MEASURES } from "../../src/core/fields.ts";
import { addCounts, type Counts, isZero, zeroCounts } from "../../src/core/measures.ts";
import { HOUR_SUMS_BY, type HourSumsBy } from "../../src/facts/hour-sums-sql.ts";

/** `advertiser|dimension|hour|value` → counts of the hour, without those that are all zero, in the order of their keys. */
export type HourSums = Readonly<Record<string, Counts>>;

/** What hours of facts add up to, of those that `isSummed` says. */
export function hourSumsOf(hours: Facts, isSummed: (row: FactsRow, by: HourSumsBy) => boolean): HourSums {
  const sums = new Map<string, Counts>();
  for (const row of hours.values()) {
    for (const [key, counts] of row.cells) {
      const ofCell = cellDimensionsOf(key);
      const values: Readonly<Record<string, string>> = {
        ...{ "": "", campaign_id: row.campaignId, ad_group_id: row.adGroupId, ad_id: row.adId },
        ...Object.fromEntries(CELL_DIMENSIONS.map((name, at) => [name, ofCell[at] ?? ""])),
      };
      for (const by of HOUR_SUMS_BY.filter((known) => isSummed(row, known))) {
        const name = [row.advertiserId, by, row.window, values[by]].join("|");
        const sum = sums.get(name) ?? zeroCounts();
        addCounts(sum, counts);
        sums.set(name, sum);
      }
    }
  }
  return inOrder(sums);
}

type Stored = { advertiser_id: string; dimension: string; day: number; size: number; text: string };
type Value = [value: string, ...measures: (readonly number[] | 0)[]];

/** What is stored, as counts of single hours; fails where a row says another number of values than it has. */
export async function readHourSums(database: D1Database): Promise<HourSums> {
  const { results } = await database.prepare("SELECT *, json(sums) AS text FROM hour_sums").all<Stored>();
  const sums = new Map<string, Counts>();
  for (const { advertiser_id: advertiser, dimension, day, size, text } of results) {
    const values = JSON.parse(text) as Value[];
    if (values.length !== size) throw new Error(`${size} values are said, and ${values.length} there`);
    for (const [value, ...measures] of values) {
      for (let hour = 0; hour < 24; hour++) {
        const counts = MEASURES.map((_, at) => {
          const list = measures[at];
          return Array.isArray(list) ? (list[hour] ?? 0) - (list[hour - 1] ?? 0) : 0;
        });
        const name = [advertiser, dimension, day * 24 + hour, value].join("|");
        const sum = sums.get(name) ?? zeroCounts();
        addCounts(sum, counts);
        sums.set(name, sum);
      }
    }
  }
  return inOrder(sums);
}

function inOrder(sums: ReadonlyMap<string, Counts>): HourSums {
  const known = [...sums].filter(([, counts]) => !isZero(counts));
  return Object.fromEntries(known.sort(([a], [b]) => (a < b ? -1 : 1)));
}
