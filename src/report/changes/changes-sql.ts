/**
 * The ads and days that have changed since a tick (src/facts/changed-days-sql.ts), in the order of their keys.
 *
 *   ?1 the tick, ?2 at most so many, ?3 … ?7 behind this advertiser, day, campaign, ad group and ad
 */

/** Of one advertiser, ?3. */
export const SELECT_CHANGES_OF_ADVERTISER = `
SELECT advertiser_id, day, campaign_id, ad_group_id, ad_id
FROM changed_days
WHERE advertiser_id = ?3 AND (day, campaign_id, ad_group_id, ad_id) > (?4, ?5, ?6, ?7) AND tick_ms >= ?1
ORDER BY day, campaign_id, ad_group_id, ad_id
LIMIT ?2`;

/** Of all. */
export const SELECT_CHANGES_OF_ALL = `
SELECT advertiser_id, day, campaign_id, ad_group_id, ad_id
FROM changed_days
WHERE (advertiser_id, day, campaign_id, ad_group_id, ad_id) > (?3, ?4, ?5, ?6, ?7) AND tick_ms >= ?1
ORDER BY advertiser_id, day, campaign_id, ad_group_id, ad_id
LIMIT ?2`;
