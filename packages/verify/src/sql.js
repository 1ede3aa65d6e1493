/**
 * The SQL that gives a statement's lines from the rows of its evidence, for DuckDB: what this program computes, said by
 * another one. Local days stand in it as minutes, so that it needs no time zones.
 */
import { Manifests } from "./manifests.js";
import { evidenceFolder } from "./store.js";
import { localDays, QUARTER_MS } from "./zone.js";

const MINUTES_PER_QUARTER = 15;

/**
 * @param {any} statement
 * @param {import("./store.js").Store} store
 */
export async function statementSql(statement, store) {
  const { advertiser_id: advertiserId, number, from, to, time_zone: zone, evidence } = statement;
  const manifests = new Manifests(store, advertiserId);
  const files = [];
  for (const { day, revision } of evidence) {
    const { manifest } = await manifests.read(day, revision);
    files.push(...manifest.parts.map(({ name }) => `${evidenceFolder(advertiserId, day)}${name}`));
  }
  const days = localDays(Date.parse(from) / QUARTER_MS, Date.parse(to) / QUARTER_MS, zone).map(
    (day) => `    ('${day.day}', ${day.from * MINUTES_PER_QUARTER}, ${day.to * MINUTES_PER_QUARTER})`,
  );
  if (files.length === 0)
    return `-- Statement ${number} of ${advertiserId} counts no click: it has no lines.\nSELECT 1 LIMIT 0;\n`;
  return `-- The lines of statement ${number} of ${advertiserId}: ${from} to ${to}, days of ${zone}.
WITH days (day, from_minute, to_minute) AS (
  VALUES
${days.join(",\n")}
), clicks AS (
  SELECT * FROM read_parquet([
${files.map((file) => `    '${file}'`).join(",\n")}
  ])
)
SELECT
  day,
  campaign_id,
  CAST(sum(clicks) AS BIGINT) AS gross,
  CAST(count(*) FILTER (verdict = 'valid') AS BIGINT) AS valid,
  CAST(sum(CASE verdict WHEN 'valid' THEN clicks - 1 WHEN 'duplicate' THEN clicks ELSE 0 END) AS BIGINT) AS duplicate,
  CAST(coalesce(sum(clicks) FILTER (verdict = 'invalid'), 0) AS BIGINT) AS invalid,
  CAST(coalesce(sum(clicks) FILTER (verdict = 'late'), 0) AS BIGINT) AS late,
  CAST(coalesce(sum(price_micros) FILTER (verdict = 'valid'), 0) AS VARCHAR) AS spend_micros
FROM clicks JOIN days ON minute >= from_minute AND minute < to_minute
GROUP BY day, campaign_id
ORDER BY day, campaign_id;
`;
}
