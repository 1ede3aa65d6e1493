/**
 * The evidence of one UTC day: every row in its place, the rows' sums, and each row's token. A row says every decision
 * on its click; what each of them moved stands in the sums under its cause.
 *
 *   rows-HH, tokens-HH ──▶ sums of that hour ──▶ compared with the sums file ──▶ the manifest's totals
 *
 * Memory: the sums and tokens of an hour's part.
 */
import { parquetMetadataAsync } from "hyparquet";
import { COLUMNS } from "./documents.js";
import { firstDifference } from "./json.js";
import { placeOf } from "./manifests.js";
import { must, Unchecked } from "./outcome.js";
import { evidenceFolder, idOf } from "./owner.js";
import { readGroups } from "./parquet.js";
import { hashedFile } from "./store.js";
import { addCounts, COUNTS, eachSum, isAnything, noCounts } from "./sums.js";
import { checkToken } from "./token.js";
import { QUARTERS_PER_DAY, quarterOfDay } from "./zone.js";

const ROW_COLUMNS = Object.keys(COLUMNS.rows);
const VERDICTS = new Set(["valid", "duplicate", "invalid", "late"]);
/** What a click counts as; what a row has is known of these alone. */
const CLICK_COUNTS = /** @type {const} */ (["gross", "valid", "duplicate", "invalid", "late"]);
const DECISION = /^(valid|duplicate|invalid|late|deferred)(?: (\S+))?$/;
const MINUTES_PER_QUARTER = 15;
const QUARTERS_PER_HOUR = 4;
const MINUTE_MS = 60_000;
const DAY_MINUTES = 1_440;

/**
 * @typedef {Omit<import("./sums.js").Sum, "advertiser_id">} Sum
 * @typedef {{ store: import("./store.js").Store, owner: import("./owner.js").Owner, keys: import("./token.js").TokenKeys,
 *   seen: Seen, isCurrent: boolean }} Context
 * @typedef {{ rows: number, valid: number, erased: number, tokens: number, oldestMs: number,
 *   signatures: import("./token.js").Signatures, events: import("./spill.js").Spill,
 *   impressions: import("./spill.js").Spill }} Seen
 */

/**
 * Checks a day's evidence. A revision that a later one has replaced is only added up.
 * @param {import("./manifests.js").Manifest} manifest
 * @param {Context} context
 */
export async function checkDay(manifest, context) {
  const { day, parts, tokens, sums, totals, rules } = manifest;
  const where = `${evidenceFolder(context.owner, day)} revision ${manifest.revision}`;
  const cursor = await sumsCursor(manifest, context);
  const named = new Set();
  const found = noCounts();
  /** @type {Map<string, Sum>} */
  let hour = new Map();
  for (const [at, part] of parts.entries()) {
    const tokenPart = /** @type {import("./manifests.js").Part} */ (tokens[at]);
    await checkRows(part, tokenPart, { manifest, context, hour, named });
    const next = parts[at + 1];
    const number = Number(placeOf(part.name).slice(0, 2));
    if (next !== undefined && Number(placeOf(next.name).slice(0, 2)) === number) continue;
    addCounts(found, await cursor.compare(hour, quarterOfDay(day) + (number + 1) * QUARTERS_PER_HOUR));
    hour = new Map();
  }
  addCounts(found, await cursor.compare(hour, Number.POSITIVE_INFINITY));
  for (const name of COUNTS) {
    must(
      found[name] === totals[name],
      () => `${where}: ${name} of the rows is ${found[name]}, of the manifest ${totals[name]}`,
    );
  }
  must(String(found.spend) === totals.spend_micros, () => {
    return `${where}: the rows add up to ${found.spend} micros, and the manifest says ${totals.spend_micros}`;
  });
  const ruled = [...named].sort();
  must(
    firstDifference(ruled, rules) === null,
    () => `${where}: the rows name the rules ${ruled.join()}, and the manifest ${rules.join()}`,
  );
  return sums;
}
/**
 * @param {import("./manifests.js").Part} part
 * @param {import("./manifests.js").Part} tokenPart
 * @param {{ manifest: import("./manifests.js").Manifest, context: Context, hour: Map<string, Sum>,
 *   named: Set<string> }} into
 */
async function checkRows(part, tokenPart, { manifest, context, hour, named }) {
  const key = `${evidenceFolder(context.owner, manifest.day)}${part.name}`;
  const file = await hashedFile(context.store, key, part.sha256);
  const tokens = context.isCurrent ? await readTokens(tokenPart, manifest.day, context) : null;
  must(tokenPart.rows === part.rows, () => `${key} has ${part.rows} rows, and ${tokenPart.rows} tokens`);
  const firstMinute = Date.parse(manifest.day) / MINUTE_MS;
  let last = { minute: -1, event: "" };
  await readGroups(file, { what: key, columns: COLUMNS.rows, rows: part.rows }, (columns, rows) => {
    for (let at = 0; at < rows; at++) {
      const row = rowOf(columns, at);
      const { event_id: event, minute } = row;
      const isNext = minute > last.minute || (minute === last.minute && event > last.event);
      must(isNext, () => `${key}: click ${event} is out of order, or twice`);
      last = { minute, event };
      const isOfDay = minute >= firstMinute && minute < firstMinute + DAY_MINUTES;
      must(isOfDay, () => `${key}: click ${event} counts in minute ${minute}, which is not of ${manifest.day}`);
      addRow(hour, row, key);
      named.add(row.rules);
      if (tokens !== null) lookAt(row, tokens, context);
    }
  });
  if (tokens !== null) finishTokens(tokens, tokenPart);
}

/**
 * @param {import("./parquet.js").Columns} columns
 * @param {number} at
 */
function rowOf(columns, at) {
  /** @type {any} */
  const row = {};
  for (const name of ROW_COLUMNS) row[name] = columns[name]?.[at];
  return row;
}

/**
 * @param {Map<string, Sum>} hour
 * @param {any} row
 * @param {string} key
 */
function addRow(hour, row, key) {
  const { verdict, clicks, price_micros: price, event_id: event } = row;
  must(VERDICTS.has(verdict), () => `${key}: click ${event} has the verdict ${verdict}`);
  must(/^0[-\w]{23}$/.test(event), () => `${key} has a click whose id is ${event}`);
  must(/^[0-9a-f]{32}$/.test(row.impression), () => `${key}: click ${event} is of impression ${row.impression}`);
  must(clicks >= 1 && price >= 0n, () => `${key}: click ${event} stands for ${clicks} clicks at ${price} micros`);
  const quarter = Math.floor(row.minute / MINUTES_PER_QUARTER);
  const { campaign_id, ad_id, publisher_id } = row;
  const decisions = decisionsOf(row, key);
  let before = noCounts();
  for (const { verdict: decided, cause } of decisions) {
    const now = countsWhile(decided, clicks, price);
    const place = [quarter, campaign_id, ad_id, publisher_id, cause].join("\u001f");
    let sum = hour.get(place);
    if (sum === undefined) {
      sum = { quarter, campaign_id, ad_id, publisher_id, cause, ...noCounts() };
      hour.set(place, sum);
    }
    addCounts(sum, now);
    addCounts(sum, before, -1);
    before = now;
  }
}

/**
 * Every decision on a click, oldest first; the last is its verdict. Only the first is without a cause.
 * @param {{ event_id: string, verdict: string, decisions: string }} row
 * @param {string} key
 */
function decisionsOf({ event_id: event, verdict, decisions }, key) {
  const found = decisions.split(";").map((text, at) => {
    const [, decided = "", cause = ""] = DECISION.exec(text) ?? [];
    must(decided !== "" && (at === 0 || cause !== ""), () => `${key}: click ${event} has the decisions ${decisions}`);
    return { verdict: decided, cause };
  });
  must(found.at(-1)?.verdict === verdict, () => `${key}: click ${event} is ${verdict}, and its decisions ${decisions}`);
  return found;
}

/**
 * What a click counts as while that is its verdict: a deferred one nothing.
 * @param {string} verdict
 * @param {number} clicks
 * @param {bigint} price
 */
function countsWhile(verdict, clicks, price) {
  if (verdict === "deferred") return noCounts();
  const counts = { ...noCounts(), gross: clicks };
  // Requests that were the same are one click and its duplicates.
  if (verdict === "valid") return { ...counts, valid: 1, duplicate: clicks - 1, spend: price };
  return { ...counts, [verdict]: clicks };
}

/** @typedef {{ byEvent: Map<string, string>, isWhole: boolean, erased: number, key: string }} Tokens */

/**
 * The tokens of an hour's part. The object may be gone or have fewer of them: tokens may be erased, rows not.
 * @param {import("./manifests.js").Part} part
 * @param {string} day
 * @param {Context} context
 * @returns {Promise<Tokens>}
 */
async function readTokens(part, day, { store, owner }) {
  const key = `${evidenceFolder(owner, day)}${part.name}`;
  const byEvent = new Map();
  const file = await store.file(key);
  if (file === null) return { byEvent, isWhole: false, erased: 0, key };
  const isWhole = (await file.sha256()) === part.sha256;
  let rows = part.rows;
  if (!isWhole) {
    const metadata = await parquetMetadataAsync(file).catch((/** @type {unknown} */ fault) => {
      if (fault instanceof Unchecked) throw fault;
      return null;
    });
    must(metadata !== null, () => `${key} is neither what its manifest says nor what erasure leaves of it`);
    rows = Number(metadata.num_rows);
  }
  await readGroups(file, { what: key, columns: COLUMNS.tokens, rows }, (columns, count) => {
    for (let at = 0; at < count; at++) {
      const [event, token] = [columns["event_id"]?.[at], columns["token"]?.[at]];
      must(!byEvent.has(event), () => `${key} has two tokens of click ${event}`);
      byEvent.set(event, token ?? "");
    }
  });
  return { byEvent, isWhole, erased: 0, key };
}

/**
 * @param {any} row
 * @param {Tokens} tokens
 * @param {Context} context
 */
function lookAt(row, tokens, { seen, owner, keys }) {
  seen.rows++;
  seen.events.add(row.event_id, "latin1");
  if (row.verdict === "valid") {
    seen.valid++;
    seen.impressions.add(row.impression, "hex");
  }
  const token = tokens.byEvent.get(row.event_id) ?? "";
  tokens.byEvent.delete(row.event_id);
  if (token === "") {
    seen.erased++;
    tokens.erased++;
    return;
  }
  seen.tokens++;
  const issuedMs = checkToken(row, token, { advertiserId: idOf(owner), keys, signatures: seen.signatures });
  if (row.verdict === "valid" && issuedMs < seen.oldestMs) seen.oldestMs = issuedMs;
}

/**
 * @param {Tokens} tokens
 * @param {import("./manifests.js").Part} part
 */
function finishTokens({ byEvent, isWhole, erased, key }, part) {
  const [stray] = byEvent.keys();
  must(stray === undefined, () => `${key} has a token of click ${stray}, which has no row`);
  must(isWhole || erased > 0, () => `${key} is not the object of SHA-256 ${part.sha256}, and no token of it is erased`);
}

/**
 * Reads the sums file beside the rows, hour by hour.
 * @param {import("./manifests.js").Manifest} manifest
 * @param {Context} context
 */
async function sumsCursor({ day, sums }, { store, owner }) {
  const key = `${evidenceFolder(owner, day)}${sums.name}`;
  const file = await hashedFile(store, key, sums.sha256);
  const all = eachSum(file, { what: key, rows: sums.rows, isEarned: false });
  const first = quarterOfDay(day);
  let next = await all.next();
  let before = "";
  /**
   * Resolves to what the sums before a quarter add up to.
   * @param {Map<string, Sum>} hour
   * @param {number} until a quarter
   */
  const compare = async (hour, until) => {
    const left = new Set(Array.from(hour).flatMap(([place, sum]) => (isAnything(sum) ? [place] : [])));
    const total = noCounts();
    while (!next.done && next.value.quarter < until) {
      const { quarter, campaign_id, ad_id, publisher_id, cause } = next.value;
      const counts = next.value;
      const place = [quarter, campaign_id, ad_id, publisher_id, cause].join("\u001f");
      const spelled = place.replaceAll("\u001f", " ");
      must(place > before, () => `${key} is out of order at ${spelled}`);
      before = place;
      const isOfDay = quarter >= first && quarter < first + QUARTERS_PER_DAY;
      must(isOfDay, () => `${key}: the sum ${spelled} is of a quarter that is not of ${day}`);
      const own = hour.get(place) ?? noCounts();
      for (const name of CLICK_COUNTS) {
        must(own[name] === counts[name], () => {
          return `${key}: ${name} of ${spelled} is ${counts[name]}, and its rows say ${own[name]}`;
        });
      }
      must(own.spend === counts.spend, () => {
        return `${key}: spend of ${spelled} is ${counts.spend}, and its rows say ${own.spend}`;
      });
      const isMoved = cause === "" || (counts.impressions === 0 && counts.conversions === 0);
      must(isMoved, () => `${key}: ${spelled} has impressions or conversions, which no decision on a click moves`);
      must(isAnything(counts), () => `${key}: the sum ${spelled} counts nothing`);
      left.delete(place);
      addCounts(total, counts);
      next = await all.next();
    }
    must(left.size === 0, () => `${key} lacks sums of rows before quarter ${until}`);
    return total;
  };
  return { compare };
}
