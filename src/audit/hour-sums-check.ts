/**
 * Sums of hours against the hours that they are made of, of one service day and bucket in one report database.
 *
 * Keeps: one statement for each dimension, so that both are of one moment. What differs is mended by folding the
 * advertiser's day anew from its hours (repair.ts), whatever came to both meanwhile.
 * Relies on: below the mark of a bucket and dimension the sums are the fold of hours (facts/hour-sums-sql.ts); above it
 * nothing is compared, and neither is a day whose sums nobody reads any more (facts/hour-sums-days.ts).
 */
import { MEASURES } from "../core/fields.ts";
import { DAY_MS } from "../core/limits.ts";
import { SELECT_WRONG_HOUR_SUMS } from "./audit-sql.ts";
import type { Finding } from "./scan.ts";

type Wrong = { readonly advertiser_id: string; readonly dimension: string } & Readonly<Record<string, string | number>>;

/** The findings about a bucket's sums of hours of a day. */
export async function checkHourSums(
  { name, d1 }: { name: string; d1: D1Database },
  { serviceDay, bucket }: { serviceDay: string; bucket: number },
  onRead: (results: readonly D1Result[]) => void,
): Promise<Finding[]> {
  const day = Date.parse(serviceDay) / DAY_MS;
  const results = await d1.batch<Wrong>(SELECT_WRONG_HOUR_SUMS.map((sql) => d1.prepare(sql).bind(bucket, day)));
  onRead(results);
  return results
    .flatMap((answer) => answer.results)
    .map((row): Finding => {
      const { advertiser_id: advertiserId, dimension } = row;
      const differs = MEASURES.filter((measure) => Number(row[measure]) > 0);
      return {
        kind: "tier",
        where: `${name}/hour_sums/${[advertiserId, dimension, day].join("/")}`,
        detail: `On ${serviceDay} it is not the sum of its hours: ${differs.join(", ")}.`,
        advertiserId,
        repair: { database: name, tier: "hour_sum", row: { advertiserId, dimension, day }, audited: [] },
      };
    });
}
