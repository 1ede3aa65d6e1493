/**
 * Lines by ad: the sums of a local day, added up by campaign and ad, of adjustments by cause too, compared with a
 * statement's Parquet files.
 *
 * Memory: about 400 000 ads at once; what has more is added up in several passes over the same files.
 */
import { COLUMNS } from "./documents.js";
import { must } from "./outcome.js";
import { evidenceFolder, statementFolder } from "./owner.js";
import { groupsOf } from "./parquet.js";
import { hashedFile, present } from "./store.js";
import { addCounts, COUNTS, eachSum, isAnything, noCounts } from "./sums.js";

const PLACE = ["day", "campaign_id", "ad_id"];
const ADS_AT_ONCE = 400_000;

/**
 * @typedef {import("./sums.js").Counts} Counts
 * @typedef {{ manifest: import("./manifests.js").Manifest, from: number, to: number, sign: 1 | -1, day: string }} Source
 *   the quarters [from, to) of a UTC day's sums, which belong to the local day `day`
 * @typedef {{ statement: number | null, sources: Source[] }} Wanted lines of one statement, or of a day of its own
 */

/** @param {Counts} counts */
export function spelledCounts({ spend, ...counts }) {
  return { ...counts, spend_micros: String(spend) };
}

/**
 * Adds up what is wanted and compares it with the file that a part names; without one, nothing may be left.
 * Resolves to the lines by day and campaign, in order, for each of what is wanted.
 * @param {readonly Wanted[]} wanted
 * @param {import("./manifests.js").Part | null} part
 * @param {{ store: import("./store.js").Store, owner: import("./owner.js").Owner, what: string,
 *   isCounted: (sum: import("./sums.js").Sum) => boolean, adsAtOnce?: number }} context
 */
export async function compareAdLines(wanted, part, context) {
  const { store, owner, what, isCounted, adsAtOnce = ADS_AT_ONCE } = context;
  const sums = wanted.flatMap(({ sources }) => sources).reduce((total, { manifest }) => total + manifest.sums.rows, 0);
  const passes = Math.max(1, Math.ceil(sums / adsAtOnce));
  /** @type {Map<string, Counts>} */
  const campaigns = new Map();
  const key = part === null ? "" : `${statementFolder(owner)}${part.name}`;
  const file = part === null ? null : await hashedFile(store, key, part.sha256);
  for (let pass = 0; pass < passes; pass++) {
    const isOwn = (/** @type {string} */ ad) => passes === 1 || hash(ad) % passes === pass;
    const ads = await addUp(wanted, { store, owner, isOwn, isCounted });
    for (const [place, counts] of ads) {
      if (!isAnything(counts)) {
        ads.delete(place);
        continue;
      }
      const campaign = withoutAd(place);
      const total = campaigns.get(campaign) ?? noCounts();
      campaigns.set(campaign, total);
      addCounts(total, counts);
    }
    if (file !== null && part !== null) {
      const isOfStatements = wanted.some(({ statement }) => statement !== null);
      await compareFile(file, { key, rows: part.rows, isOfStatements, isChecked: pass === 0, isOwn }, ads);
    }
    const [left] = ads.keys();
    must(left === undefined, () => `${key || what} lacks the line ${left?.replaceAll("\u001f", " ")}`);
  }
  return [...campaigns].filter(([, counts]) => isAnything(counts)).sort(([a], [b]) => (a < b ? -1 : 1));
}

/**
 * Lines by their place: statement, day, campaign, ad, and cause where a statement is named.
 * @param {readonly Wanted[]} wanted
 * @param {{ store: import("./store.js").Store, owner: import("./owner.js").Owner, isOwn: (ad: string) => boolean,
 *   isCounted: (sum: import("./sums.js").Sum) => boolean }} context
 */
async function addUp(wanted, { store, owner, isOwn, isCounted }) {
  const isEarned = "publisherId" in owner;
  /** @type {Map<string, Counts>} */
  const ads = new Map();
  for (const { statement, sources } of wanted) {
    for (const { manifest, from, to, sign, day } of sources) {
      const key = `${evidenceFolder(owner, manifest.day)}${manifest.sums.name}`;
      const file = present(await store.file(key), key);
      for await (const sum of eachSum(file, { what: key, rows: manifest.sums.rows, isEarned })) {
        if (sum.quarter < from || sum.quarter >= to || !isOwn(sum.ad_id) || !isCounted(sum)) continue;
        const place = placeOf(statement ?? 0, day, sum.campaign_id, sum.ad_id, statement === null ? "" : sum.cause);
        const counts = ads.get(place) ?? noCounts();
        ads.set(place, counts);
        addCounts(counts, sum, sign);
      }
    }
  }
  return ads;
}

/**
 * A place as text, which sorts as lines do.
 * @param {number} statement
 * @param {string[]} names
 */
const placeOf = (statement, ...names) => [String(statement).padStart(6, "0"), ...names].join("\u001f");

/** @param {string} place */
function withoutAd(place) {
  const [statement = "", day = "", campaign = "", , cause = ""] = place.split("\u001f");
  return [statement, day, campaign, cause].join("\u001f");
}

/**
 * Takes off `ads` what the file has.
 * @param {import("./store.js").StoredFile} file
 * @param {{ key: string, rows: number, isOfStatements: boolean, isChecked: boolean, isOwn: (ad: string) => boolean }} of
 * @param {Map<string, Counts>} ads
 */
async function compareFile(file, { key, rows, isOfStatements, isChecked, isOwn }, ads) {
  const columns = isOfStatements ? COLUMNS.adjustments : COLUMNS.lines;
  let before = "";
  for await (const group of groupsOf(file, { what: key, columns, rows })) {
    for (let at = 0; at < group.rows; at++) {
      const of = (/** @type {string} */ name) => group.columns[name]?.[at];
      const names = [...PLACE.map(of), of("cause") ?? ""];
      const place = placeOf(of("statement") ?? 0, ...names);
      const spelled = place.replaceAll("\u001f", " ").trimEnd();
      if (isChecked) must(place > before, () => `${key}: the line ${spelled} is out of order, or twice`);
      before = place;
      if (!isOwn(of("ad_id"))) continue;
      const counts = ads.get(place);
      must(counts !== undefined, () => `${key}: the line ${spelled} has no click in the evidence`);
      for (const name of COUNTS) {
        const found = of(name);
        must(found === counts[name], () => `${key}: ${name} of ${spelled} is ${found}, and must be ${counts[name]}`);
      }
      const spend = of("spend_micros");
      must(spend === counts.spend, () => `${key}: ${spelled} costs ${spend} micros, and must cost ${counts.spend}`);
      ads.delete(place);
    }
  }
}

/** @param {string} text */
function hash(text) {
  let value = 0x811c9dc5;
  for (let at = 0; at < text.length; at++) value = Math.imul(value ^ text.charCodeAt(at), 0x01000193);
  return value >>> 0;
}
