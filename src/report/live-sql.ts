/**
 * The totals of a tenant's last minutes: of facts rows for an advertiser or the operator, of their cells for a
 * publisher.
 */
import { MEASURES } from "../core/fields.ts";
import { WIDE } from "../sinks/wide-sql.ts";

const SUMS = MEASURES.map((measure) => `${WIDE(`sum(${measure})`)} AS ${measure}`).join(", ");

/** ?1 the first minute, ?2 the advertiser. */
export const SELECT_LIVE_OF_ADVERTISER = `
SELECT minute, ${SUMS}
FROM facts_minute
WHERE advertiser_id = ?2 AND minute >= ?1
GROUP BY minute
ORDER BY minute`;

/** ?1 the first minute; every advertiser in turn, since rows are found by advertiser first. */
export const SELECT_LIVE_OF_ALL = `
SELECT minute, ${SUMS}
FROM advertisers JOIN facts_minute USING (advertiser_id)
WHERE minute >= ?1
GROUP BY minute
ORDER BY minute`;

/** ?1 the first minute, ?2 the publisher. */
export const SELECT_LIVE_OF_PUBLISHER = `
SELECT minute, ${SUMS}
FROM advertisers JOIN cells_minute USING (advertiser_id)
WHERE minute >= ?1 AND publisher_id = ?2
GROUP BY minute
ORDER BY minute`;
