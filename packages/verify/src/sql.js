/**
 * The SQL that gives a statement's lines from the rows of its evidence, for DuckDB: what this program computes, said by
 * another one. Local days stand in it as minutes, so that it needs no time zones.
 */
import { Manifests } from "./manifests.js";
import { evidenceFolder, idOf } from "./owner.js";
import { localDays, QUARTER_MS } from "./zone.js";

const MINUTES_PER_QUARTER = 15;

/**
 * @param {any} statement
 * @param {import("./owner.js").Owner} owner
 * @param {import("./store.js").Store} store
 */
export async function statementSql(statement, owner, store) {
  const { number, from, to, time_zone: zone, evidence } = statement;
  const manifests = new Manifests(store, owner);
  const files = [];
  for (const { day, revision } of evidence) {
    const { manifest } = await manifests.read(day, revision);
    const parts = "publisherId" in owner ? [manifest.sums] : manifest.parts;
    files.push(...parts.map(({ name }) => `${evidenceFolder(owner, day)}${name}`));
  }
  const days = localDays(Date.parse(from) / QUARTER_MS, Date.parse(to) / QUARTER_MS, zone);
  if (files.length === 0)
    return `-- Statement ${number} of ${idOf(owner)} counts no click: it has no lines.\nSELECT 1 LIMIT 0;\n`;
  const head = `-- The lines of statement ${number} of ${idOf(owner)}: ${from} to ${to}, days of ${zone}.\n`;
  return head + ("publisherId" in owner ? earnedSql(files, days, statement.advertisers) : clicksSql(files, days));
}

/**
 * @param {string[]} files
 * @param {import("./zone.js").LocalDay[]} days
 */
function clicksSql(files, days) {
  return `WITH days (day, from_minute, to_minute) AS (
  VALUES
${days.map(({ day, from, to }) => `    ('${day}', ${from * MINUTES_PER_QUARTER}, ${to * MINUTES_PER_QUARTER})`).join(",\n")}
), clicks AS (
  SELECT * FROM read_parquet([
${listed(files)}
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

/**
 * Of a publisher: from its sums by quarter of an hour, of the advertisers that the statement counts.
 * @param {string[]} files
 * @param {import("./zone.js").LocalDay[]} days
 * @param {string[]} advertisers
 */
function earnedSql(files, days, advertisers) {
  const sum = (/** @type {string} */ name) => `  CAST(sum(${name}) AS BIGINT) AS ${name},`;
  return `WITH days (day, from_quarter, to_quarter) AS (
  VALUES
${days.map(({ day, from, to }) => `    ('${day}', ${from}, ${to})`).join(",\n")}
), earned AS (
  SELECT * FROM read_parquet([
${listed(files)}
  ])
  WHERE advertiser_id IN (${advertisers.map((id) => `'${id}'`).join(", ") || "NULL"})
)
SELECT
  day,
  campaign_id,
${["gross", "valid", "duplicate", "invalid", "late"].map(sum).join("\n")}
  CAST(sum(spend_micros) AS VARCHAR) AS spend_micros
FROM earned JOIN days ON quarter >= from_quarter AND quarter < to_quarter
GROUP BY day, campaign_id
ORDER BY day, campaign_id;
`;
}

/** @param {readonly string[]} files */
const listed = (files) => files.map((file) => `    '${file}'`).join(",\n");
