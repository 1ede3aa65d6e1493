/**
 * Up to when an advertiser’s clicks are on statements, in the primary report database: an index of those in R2,
 * which can be made again from them.
 *
 * Keeps: an advertiser's row only moves on.
 */
const SELECT_BILLED = `
SELECT to_ms
FROM billed_until
WHERE advertiser_id = ?1`;

const MARK_BILLED = `
INSERT INTO billed_until (advertiser_id, to_ms)
VALUES (?1, ?2)
ON CONFLICT (advertiser_id) DO UPDATE SET to_ms = max(to_ms, excluded.to_ms)`;

/** The end of the last statement; null before the first. */
export async function billedUntil(primary: D1Database, advertiserId: string): Promise<number | null> {
  return (await primary.prepare(SELECT_BILLED).bind(advertiserId).first<{ to_ms: number }>())?.to_ms ?? null;
}

/** The mark of a statement, for the transaction that tells of it. */
export function markBilled(primary: D1Database, advertiserId: string, toMs: number): D1PreparedStatement {
  return primary.prepare(MARK_BILLED).bind(advertiserId, toMs);
}
