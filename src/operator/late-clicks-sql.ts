/**
 * The statements of the review list. `?1` is the advertiser that the caller may read, or NULL for all; the restriction
 * stands in the statement itself.
 */
export const SELECT_LATE_CLICKS = `
SELECT advertiser_id, event_id, campaign_id, ad_id, publisher_id, clicks, cpc_micros, occurred_at_ms, received_at_ms,
  verdict, reason, decided_by, decided_at_ms
FROM late_clicks
WHERE advertiser_id IN (SELECT advertiser_id FROM advertisers WHERE ?1 IS NULL OR advertiser_id = ?1)
  AND event_id > ?3
  AND (?2 = 'all' OR (verdict = 'late') = (?2 = 'waiting'))
ORDER BY event_id
LIMIT ?4`;

/** The shards of the events in the JSON list ?1. */
export const SELECT_LATE_SHARDS = `
SELECT event_id, shard
FROM late_clicks
WHERE advertiser_id IN (SELECT advertiser_id FROM advertisers)
  AND event_id IN (SELECT value FROM json_each(?1))`;
