/**
 * How often clicks of an advertiser were counted, minute by minute and ad by ad: what the canary looks for.
 *
 * Keeps: reads the minutes that are asked for and nothing else, by the primary key, and what is open of them
 * (open-sql.ts) in the same statement.
 */
export const SELECT_COUNTED = `
SELECT minute, ad_id, SUM(gross) AS gross
FROM (
  SELECT minute, ad_id, gross FROM facts_minute WHERE advertiser_id = ?1 AND minute >= ?2
  UNION ALL
  SELECT minute, ad_id, gross FROM facts_open WHERE advertiser_id = ?1 AND minute >= ?2 AND last_minute >= ?2
)
GROUP BY minute, ad_id`;

type Row = { readonly minute: number; readonly ad_id: string; readonly gross: number };

/** `<minute> <ad>` → gross clicks, from a minute on. */
export async function countedClicks(
  database: D1Database,
  { advertiserId, fromMinute }: { readonly advertiserId: string; readonly fromMinute: number },
): Promise<ReadonlyMap<string, number>> {
  const { results } = await database.prepare(SELECT_COUNTED).bind(advertiserId, fromMinute).all<Row>();
  return new Map(results.map(({ minute, ad_id: ad, gross }) => [`${minute} ${ad}`, gross]));
}
