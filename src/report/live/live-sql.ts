/**
 * The totals of a tenant's last minutes: of facts rows for an advertiser or the operator, of their cells for a
 * publisher. Those of several advertisers are by currency, since two are never added up.
 */
import { MEASURES } from "../../core/fields.ts";
import { WIDE } from "../../facts/wide-sql.ts";

const SUMS = MEASURES.map((measure) => `${WIDE(`sum(${measure})`)} AS ${measure}`).join(", ");

/** ?1 the first minute, ?2 the advertiser. */
export const SELECT_LIVE_OF_ADVERTISER = `
SELECT minute, ${SUMS}
FROM facts_minute
WHERE advertiser_id = ?2 AND minute >= ?1
GROUP BY minute
ORDER BY minute`;

/**
 * ?1 the first minute, ?2 advertisers with their currencies; every advertiser in turn, since rows are found by
 * advertiser first.
 */
export const SELECT_LIVE_OF_ALL = `
WITH currencies (advertiser_id, currency) AS MATERIALIZED (
SELECT value ->> 0, value ->> 1 FROM json_each(?2)
)
SELECT minute, coalesce(currency, '') AS currency, ${SUMS}
FROM advertisers JOIN facts_minute USING (advertiser_id) LEFT JOIN currencies USING (advertiser_id)
WHERE minute >= ?1
GROUP BY 1, 2
ORDER BY 1, 2`;

/** ?1 the first minute, ?2 advertisers with their currencies, ?3 the publisher. */
export const SELECT_LIVE_OF_PUBLISHER = `
WITH currencies (advertiser_id, currency) AS MATERIALIZED (
SELECT value ->> 0, value ->> 1 FROM json_each(?2)
)
SELECT minute, coalesce(currency, '') AS currency, ${SUMS}
FROM advertisers JOIN cells_minute USING (advertiser_id) LEFT JOIN currencies USING (advertiser_id)
WHERE minute >= ?1 AND publisher_id = ?3
GROUP BY 1, 2
ORDER BY 1, 2`;
