/**
 * The SQL that gives a statement's lines from the rows of its evidence, for DuckDB: what this program computes, said by
 * another one. Local days stand in it as minutes, so that it needs no time zones.
 */
import { Manifests } from "./manifests.js";
import { evidenceFolder, idOf } from "./owner.js";
import { COUNTS } from "./sums.js";
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
  const rows = [];
  const sums = [];
  for (const { day, revision } of evidence) {
    const { manifest } = await manifests.read(day, revision);
    const folder = evidenceFolder(owner, day);
    if ("advertiserId" in owner) rows.push(...manifest.parts.map(({ name }) => `${folder}${name}`));
    sums.push(`${folder}${manifest.sums.name}`);
  }
  const days = localDays(Date.parse(from) / QUARTER_MS, Date.parse(to) / QUARTER_MS, zone);
  if (sums.length === 0)
    return `-- Statement ${number} of ${idOf(owner)} counts no click: it has no lines.\nSELECT 1 LIMIT 0;\n`;
  const head = `-- The lines of statement ${number} of ${idOf(owner)}: ${from} to ${to}, days of ${zone}.\n`;
  return (
    head + ("publisherId" in owner ? earnedSql(sums, days, statement.advertisers) : clicksSql({ rows, sums }, days))
  );
}

/**
 * Clicks from their rows; impressions and conversions from the sums, since no row has them.
 * @param {{ rows: string[], sums: string[] }} files
 * @param {import("./zone.js").LocalDay[]} days
 */
function clicksSql({ rows, sums }, days) {
  const spelled = days.map(
    ({ day, from, to }) => `    ('${day}', ${from * MINUTES_PER_QUARTER}, ${to * MINUTES_PER_QUARTER})`,
  );
  const clicks = `  SELECT
    minute, campaign_id, clicks,
    CASE verdict WHEN 'valid' THEN 1 ELSE 0 END,
    CASE verdict WHEN 'valid' THEN clicks - 1 WHEN 'duplicate' THEN clicks ELSE 0 END,
    CASE verdict WHEN 'invalid' THEN clicks ELSE 0 END,
    CASE verdict WHEN 'late' THEN clicks ELSE 0 END,
    0, 0,
    CASE verdict WHEN 'valid' THEN price_micros ELSE 0 END
  FROM read_parquet([
${listed(rows)}
  ])
  UNION ALL
`;
  return `WITH days (day, from_minute, to_minute) AS (
  VALUES
${spelled.join(",\n")}
), counted (minute, campaign_id, ${[...COUNTS, "spend_micros"].join(", ")}) AS (
${rows.length === 0 ? "" : clicks}  SELECT quarter * ${MINUTES_PER_QUARTER}, campaign_id, 0, 0, 0, 0, 0, impressions, conversions, 0
  FROM read_parquet([
${listed(sums)}
  ])
)
${linesSql("counted", "minute")}`;
}

/**
 * @param {string} table
 * @param {string} unit
 */
function linesSql(table, unit) {
  const sum = (/** @type {string} */ name) => `  CAST(sum(${name}) AS BIGINT) AS ${name},`;
  return `SELECT
  day,
  campaign_id,
${COUNTS.map(sum).join("\n")}
  CAST(sum(spend_micros) AS VARCHAR) AS spend_micros
FROM ${table} JOIN days ON ${unit} >= from_${unit} AND ${unit} < to_${unit}
GROUP BY day, campaign_id
HAVING ${[...COUNTS, "spend_micros"].map((name) => `sum(${name}) <> 0`).join(" OR ")}
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
  return `WITH days (day, from_quarter, to_quarter) AS (
  VALUES
${days.map(({ day, from, to }) => `    ('${day}', ${from}, ${to})`).join(",\n")}
), earned AS (
  SELECT * FROM read_parquet([
${listed(files)}
  ])
  WHERE advertiser_id IN (${advertisers.map(quoted).join(", ") || "NULL"})
)
${linesSql("earned", "quarter")}`;
}

/** @param {readonly string[]} files */
const listed = (files) => files.map((file) => `    ${quoted(file)}`).join(",\n");

/** @param {string} text */
const quoted = (text) => `'${text.replaceAll("'", "''")}'`;
