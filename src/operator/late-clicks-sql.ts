/** The statements of the review list. `?1` is the advertiser that the caller may read, or NULL for all. */
import { TenantSql } from "../access/read-scope.ts";

/** ?2 the status, ?3 behind this event, ?4 at most so many. */
export const LATE_CLICKS = new TenantSql(`
SELECT advertiser_id, event_id, campaign_id, ad_id, publisher_id, clicks, cpc_micros, occurred_at_ms, received_at_ms,
  verdict, reason, decided_by, decided_at_ms
FROM late_clicks
WHERE advertiser_id IN (SELECT advertiser_id FROM advertisers WHERE ?1 IS NULL OR advertiser_id = ?1)
  AND event_id > ?3
  AND (?2 = 'all' OR (verdict = 'late') = (?2 = 'waiting'))
ORDER BY event_id
LIMIT ?4`);

/** The shards of the events in the JSON list ?2. */
export const LATE_SHARDS = new TenantSql(`
SELECT event_id, shard
FROM late_clicks
WHERE advertiser_id IN (SELECT advertiser_id FROM advertisers WHERE ?1 IS NULL OR advertiser_id = ?1)
  AND event_id IN (SELECT value FROM json_each(?2))`);
