/**
 * The ads and days that have changed since a tick (src/facts/changed-days-sql.ts), in the order of their keys. What
 * is open (src/facts/open-sql.ts) has no tick before it is posted, with one that is no earlier: its days are named too.
 *
 *   ?2 the tick, ?3 at most so many, then behind this advertiser (of all), day, campaign, ad group and ad
 */
import { TenantSql } from "../../access/read-scope.ts";

export const CHANGED_DAYS = new TenantSql({
  advertiser: `
SELECT advertiser_id, day, campaign_id, ad_group_id, ad_id
FROM changed_days
WHERE advertiser_id = ?1 AND (day, campaign_id, ad_group_id, ad_id) > (?4, ?5, ?6, ?7) AND tick_ms >= ?2
UNION
SELECT advertiser_id, minute / 1440, campaign_id, ad_group_id, ad_id
FROM facts_open
WHERE advertiser_id = ?1 AND (minute / 1440, campaign_id, ad_group_id, ad_id) > (?4, ?5, ?6, ?7)
ORDER BY day, campaign_id, ad_group_id, ad_id
LIMIT ?3`,
  all: `
SELECT advertiser_id, day, campaign_id, ad_group_id, ad_id
FROM changed_days
WHERE (advertiser_id, day, campaign_id, ad_group_id, ad_id) > (?4, ?5, ?6, ?7, ?8) AND tick_ms >= ?2
UNION
SELECT advertiser_id, minute / 1440, campaign_id, ad_group_id, ad_id
FROM facts_open
WHERE (advertiser_id, minute / 1440, campaign_id, ad_group_id, ad_id) > (?4, ?5, ?6, ?7, ?8)
ORDER BY advertiser_id, day, campaign_id, ad_group_id, ad_id
LIMIT ?3`,
});
