/**
 * The totals of a tenant's last minutes, with what is open of them (src/facts/open-sql.ts): of facts rows for an
 * advertiser or the operator, of their cells for a publisher. Those of several advertisers are by currency, since two
 * are never added up.
 */
import { TenantSql } from "../../access/read-scope.ts";
import { MEASURES } from "../../core/fields.ts";
import { WIDE } from "../../facts/wide-sql.ts";

const NAMES = MEASURES.join(", ");
const SUMS = MEASURES.map((measure) => `${WIDE(`sum(${measure})`)} AS ${measure}`).join(", ");
const CURRENCIES = `currencies (advertiser_id, currency) AS MATERIALIZED (
SELECT value ->> 0, value ->> 1 FROM json_each(?3)
)`;

/**
 * ?2 the first minute; for more than one advertiser, ?3 advertisers with their currencies: each in turn, since rows are
 * found by advertiser first.
 */
export const LIVE_TOTALS = new TenantSql({
  advertiser: `
SELECT minute, ${SUMS}
FROM (
  SELECT minute, ${NAMES} FROM facts_minute WHERE advertiser_id = ?1 AND minute >= ?2
  UNION ALL
  SELECT minute, ${NAMES} FROM facts_open WHERE advertiser_id = ?1 AND minute >= ?2 AND last_minute >= ?2
)
GROUP BY minute
ORDER BY minute`,
  publisher: `
WITH ${CURRENCIES}
SELECT minute, coalesce(currency, '') AS currency, ${SUMS}
FROM (
  SELECT advertiser_id, minute, ${NAMES}
  FROM advertisers JOIN cells_minute USING (advertiser_id)
  WHERE minute >= ?2 AND publisher_id = ?1
  UNION ALL
  SELECT advertiser_id, minute, ${NAMES} FROM cells_open WHERE minute >= ?2 AND last_minute >= ?2 AND publisher_id = ?1
) LEFT JOIN currencies USING (advertiser_id)
GROUP BY 1, 2
ORDER BY 1, 2`,
  all: `
WITH ${CURRENCIES}
SELECT minute, coalesce(currency, '') AS currency, ${SUMS}
FROM (
  SELECT advertiser_id, minute, ${NAMES}
  FROM advertisers JOIN facts_minute USING (advertiser_id)
  WHERE minute >= ?2
  UNION ALL
  SELECT advertiser_id, minute, ${NAMES} FROM facts_open WHERE minute >= ?2 AND last_minute >= ?2
) LEFT JOIN currencies USING (advertiser_id)
GROUP BY 1, 2
ORDER BY 1, 2`,
});
