/** Sums of days as plain values: those that are stored, and what they must be, cell by cell. */
import { cellDimensionsOf, type Facts } from "../../src/core/facts.ts";
import { MEASURES } from "../../src/core/fields.ts";
import { addCounts, type Counts, isZero, zeroCounts } from "../../src/core/measures.ts";

/** `dimension|publisher|day|value` → counts, without those that are all zero, in the order of their keys. */
export type DaySums = Readonly<Record<string, Counts>>;

/** What days of facts add up to. */
export function sumsOf(days: Facts): DaySums {
  const sums = new Map<string, Counts>();
  for (const { advertiserId, campaignId, window, cells } of days.values()) {
    for (const [key, counts] of cells) {
      const [publisher = "", country = "", device = "", , placement = "", format = ""] = cellDimensionsOf(key);
      const kinds = [
        ["", "", ""],
        ["publisher_id", "", publisher],
        ["country", "", country],
        ["device", "", device],
        ["advertiser_id", "", advertiserId],
        ["campaign_id", "", campaignId],
        ["placement_id", "", placement],
        ["ad_format", "", format],
        ["country,device", "", `${country}|${device}`],
        ["country,ad_format", "", `${country}|${format}`],
        ["device,ad_format", "", `${device}|${format}`],
      ];
      const own = [
        ["", publisher, ""],
        ["country", publisher, country],
        ["device", publisher, device],
        ["placement_id", publisher, placement],
        ["ad_format", publisher, format],
      ];
      for (const [dimension, of, value] of publisher === "" ? kinds : [...kinds, ...own]) {
        const name = [dimension, of, window, value].join("|");
        const sum = sums.get(name) ?? zeroCounts();
        addCounts(sum, counts);
        sums.set(name, sum);
      }
    }
  }
  return inOrder(sums);
}

export async function readSums(database: D1Database): Promise<DaySums> {
  const { results } = await database.prepare("SELECT * FROM day_sums").all<Record<string, string | number>>();
  return inOrder(
    new Map(
      results.map((row) => [
        [row["dimension"], row["publisher_id"], row["day"], row["value"]].join("|"),
        MEASURES.map((measure) => Number(row[measure])),
      ]),
    ),
  );
}

function inOrder(sums: ReadonlyMap<string, Counts>): DaySums {
  const known = [...sums].filter(([, counts]) => !isZero(counts));
  return Object.fromEntries(known.sort(([a], [b]) => (a < b ? -1 : 1)));
}
