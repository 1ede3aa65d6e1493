/**
 * The ads and days that have changed since a tick (src/facts/changed-days-sql.ts), in the order of their keys.
 *
 *   ?2 the tick, ?3 at most so many, then behind this advertiser (of all), day, campaign, ad group and ad
 */
import { TenantSql } from "../../access/read-scope.ts";

export const CHANGED_DAYS = new TenantSql({
  advertiser: `
SELECT advertiser_id, day, campaign_id, ad_group_id, ad_id
FROM changed_days
WHERE advertiser_id = ?1 AND (day, campaign_id, ad_group_id, ad_id) > (?4, ?5, ?6, ?7) AND tick_ms >= ?2
ORDER BY day, campaign_id, ad_group_id, ad_id
LIMIT ?3`,
  all: `
SELECT advertiser_id, day, campaign_id, ad_group_id, ad_id
FROM changed_days
WHERE (advertiser_id, day, campaign_id, ad_group_id, ad_id) > (?4, ?5, ?6, ?7, ?8) AND tick_ms >= ?2
ORDER BY advertiser_id, day, campaign_id, ad_group_id, ad_id
LIMIT ?3`,
});
