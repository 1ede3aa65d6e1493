/**
 * Sums of hours against the hours that they are made of, of one service day and bucket in one report database.
 *
 * Keeps: one statement for each dimension, so that both are of one moment. What differs is mended by folding the
 * advertiser's day anew from its hours (repair.ts), whatever came to both meanwhile.
 * Relies on: below the mark of a bucket and dimension the sums are the fold of hours (facts/hour-sums-sql.ts); above it
 * nothing is compared.
 */
import { MEASURES } from "../core/fields.ts";
import { DAY_MS } from "../core/limits.ts";
import { HOUR_SUMS_BY, HOURS_OF, STORED_HOURS } from "../facts/hour-sums-sql.ts";
import type { Finding } from "./scan.ts";

/** Advertisers of bucket ?1 whose sums of day ?2 differ, with the number of values and hours in which a measure does. */
const WRONG = HOUR_SUMS_BY.map((by) => {
  const { before, select } = STORED_HOURS(by);
  const isSummed = `EXISTS (SELECT 1 FROM hour_sum_marks WHERE dimension = '${by}' AND bucket = ?1 AND mark > ?2)`;
  const ofBucket = "facts.advertiser_id IN (SELECT advertiser_id FROM advertisers WHERE bucket = ?1)";
  const ofDay = "facts.hour >= ?2 * 24 AND facts.hour < ?2 * 24 + 24";
  const sums = MEASURES.map((name) => `sum(${name}) AS ${name}`).join(", ");
  return `
WITH ${before},
expected AS (${HOURS_OF(by, `${ofBucket} AND ${ofDay} AND ${isSummed}`)}
),
compared AS (
  SELECT advertiser_id, value, hour, ${MEASURES.join(", ")}
  FROM expected
  UNION ALL${select} AND ${isSummed}
)
SELECT advertiser_id, '${by}' AS dimension, ${MEASURES.map((name) => `sum(${name} <> 0) AS ${name}`).join(", ")}
FROM (SELECT advertiser_id, ${sums} FROM compared GROUP BY advertiser_id, value, hour)
GROUP BY advertiser_id
HAVING ${MEASURES.map((name) => `sum(${name} <> 0) > 0`).join(" OR ")}`;
});

type Wrong = { readonly advertiser_id: string; readonly dimension: string } & Readonly<Record<string, string | number>>;

/** The findings about a bucket's sums of hours of a day. */
export async function checkHourSums(
  { name, d1 }: { name: string; d1: D1Database },
  { serviceDay, bucket }: { serviceDay: string; bucket: number },
  onRead: (results: readonly D1Result[]) => void,
): Promise<Finding[]> {
  const day = Date.parse(serviceDay) / DAY_MS;
  const results = await d1.batch<Wrong>(WRONG.map((sql) => d1.prepare(sql).bind(bucket, day)));
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
