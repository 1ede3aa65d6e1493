/**
 * Sums of a UTC day by quarter of an hour, campaign and ad: an advertiser's also by publisher, a publisher's by
 * advertiser; and by what moved the clicks: what first decisions count as stands without a cause, and what later ones
 * took from one verdict to another stands under theirs.
 */
import { COLUMNS } from "./documents.js";
import { firstDifference } from "./json.js";
import { Differs, must } from "./outcome.js";
import { evidenceFolder } from "./owner.js";
import { groupsOf } from "./parquet.js";
import { hashedFile } from "./store.js";
import { QUARTERS_PER_DAY, quarterOfDay } from "./zone.js";

const VERDICTS = /** @type {const} */ (["valid", "duplicate", "invalid", "late"]);
/** What evidence counts; impressions and conversions for information, since no row of a click says them. */
export const COUNTS = /** @type {const} */ (["gross", ...VERDICTS, "impressions", "conversions"]);

/** @returns {Counts} */
export const noCounts = () => ({
  ...{ gross: 0, valid: 0, duplicate: 0, invalid: 0, late: 0, impressions: 0, conversions: 0, spend: 0n },
});

/**
 * @param {Counts} total
 * @param {Counts} added
 * @param {1 | -1} [sign]
 */
export function addCounts(total, added, sign = 1) {
  for (const name of COUNTS) {
    total[name] += sign * added[name];
    if (!Number.isSafeInteger(total[name])) throw new Differs(`${name} of the evidence adds up to 2^53 or more`);
  }
  total.spend += sign === 1 ? added.spend : -added.spend;
}

/** @param {Counts} counts */
export const isAnything = (counts) => counts.spend !== 0n || COUNTS.some((name) => counts[name] !== 0);

/**
 * @typedef {Record<typeof COUNTS[number], number> & { spend: bigint }} Counts
 * @typedef {Counts & { quarter: number, campaign_id: string, ad_id: string, publisher_id: string, advertiser_id: string,
 *   cause: string }} Sum
 *   of publisher and advertiser one is the file's owner, and empty; so is the cause of first decisions
 */

/**
 * The sums of a file, in order.
 * @param {import("./store.js").StoredFile} file
 * @param {{ what: string, rows: number, isEarned: boolean }} expected
 * @returns {AsyncGenerator<Sum, undefined>}
 */
export async function* eachSum(file, { isEarned, ...expected }) {
  const shapes = isEarned ? COLUMNS.earned : COLUMNS.sums;
  for await (const { columns, rows } of groupsOf(file, { ...expected, columns: shapes })) {
    for (let at = 0; at < rows; at++) {
      const of = (/** @type {string} */ name) => columns[name]?.[at];
      const named = {
        ...{ campaign_id: of("campaign_id"), ad_id: of("ad_id"), cause: of("cause") ?? "" },
        ...{ publisher_id: of("publisher_id") ?? "", advertiser_id: of("advertiser_id") ?? "" },
      };
      yield { quarter: of("quarter"), ...named, ...countsAt(of), spend: of("spend_micros") };
    }
  }
}

/**
 * @param {(name: string) => any} of
 * @returns {Omit<Counts, "spend">}
 */
function countsAt(of) {
  return /** @type {Omit<Counts, "spend">} */ (Object.fromEntries(COUNTS.map((name) => [name, of(name)])));
}

/**
 * Clicks of a publisher's evidence, by advertiser.
 * @typedef {Map<string, { gross: number, valid: number }>} Earned
 */

/**
 * Checks a publisher's day: every sum in its place, once, and possible in itself. There is no row a click to add up.
 * @param {import("./manifests.js").Manifest} manifest
 * @param {{ store: import("./store.js").Store, owner: import("./owner.js").Owner, earned: Earned }} context
 */
async function checkEarnedDay({ day, sums }, { store, owner, earned }) {
  const key = `${evidenceFolder(owner, day)}${sums.name}`;
  const file = await hashedFile(store, key, sums.sha256);
  const first = quarterOfDay(day);
  let before = "";
  /** What all causes together have left of one place. */
  let place = { name: "", counts: noCounts() };
  for await (const sum of eachSum(file, { what: key, rows: sums.rows, isEarned: true })) {
    const { quarter, advertiser_id, campaign_id, ad_id, cause, gross, valid, duplicate, invalid, late } = sum;
    const name = [quarter, advertiser_id, campaign_id, ad_id].join("\u001f");
    const full = `${name}\u001f${cause}`;
    const spelled = full.replaceAll("\u001f", " ");
    must(full > before, () => `${key}: the sum ${spelled} is out of order, or twice`);
    before = full;
    const isOfDay = quarter >= first && quarter < first + QUARTERS_PER_DAY;
    must(isOfDay, () => `${key}: the sum ${spelled} is of a quarter that is not of ${day}`);
    must(gross === valid + duplicate + invalid + late, () => {
      return `${key}: gross of ${spelled} is ${gross}, and its parts add up to ${valid + duplicate + invalid + late}`;
    });
    must(isAnything(sum), () => `${key}: the sum ${spelled} counts nothing`);
    must(cause === "" || (sum.impressions === 0 && sum.conversions === 0), () => {
      return `${key}: the sum ${spelled} has impressions or conversions, which no decision on a click moves`;
    });
    if (name !== place.name) {
      mustBePossible(place, key);
      place = { name, counts: noCounts() };
    }
    addCounts(place.counts, sum);
    const known = earned.get(advertiser_id) ?? { gross: 0, valid: 0 };
    earned.set(advertiser_id, { gross: known.gross + gross, valid: known.valid + valid });
  }
  mustBePossible(place, key);
}

/**
 * @param {{ name: string, counts: Counts }} place
 * @param {string} key
 */
function mustBePossible({ name, counts }, key) {
  const { gross, valid, spend } = counts;
  const isPossible = VERDICTS.every((verdict) => counts[verdict] >= 0) && spend >= 0n && (valid > 0 || spend === 0n);
  must(isPossible, () => {
    return `${key}: of ${name.replaceAll("\u001f", " ")} ${valid} of ${gross} clicks are valid, for ${spend} micros`;
  });
}

/**
 * Which advertisers a publisher's statement counts: it names those that pay in its currency. Resolves to what is
 * counted, and to the clicks of its evidence that are not.
 * @param {any} statement
 * @param {readonly any[]} before
 * @param {{ store: import("./store.js").Store, owner: import("./owner.js").Owner,
 *   days: readonly { manifest: import("./manifests.js").Manifest, isCurrent: boolean }[] }} context
 */
export async function checkEarned({ number, advertisers }, before, { store, owner, days }) {
  const what = `statement ${number}`;
  must(firstDifference([...new Set(advertisers)].sort(), advertisers) === null, () => {
    return `${what} does not name the advertisers that it counts, each once and in order`;
  });
  /** @type {Earned} */
  const current = new Map();
  /** @type {Earned} */
  const past = new Map();
  for (const { manifest, isCurrent } of days) {
    await checkEarnedDay(manifest, { store, owner, earned: isCurrent ? current : past });
  }
  const counted = new Set(advertisers);
  const earlier = new Set(before.flatMap((one) => one.advertisers ?? []));
  for (const id of advertisers) {
    must(current.has(id) || past.has(id), () => `${what} counts ${id}, of which its evidence has no click`);
    // An advertiser pays in one currency for ever, so that of its past clicks nothing is taken off that was not paid.
    must(!past.has(id) || earlier.has(id), () => `${what} takes off clicks of ${id} that no statement before counted`);
  }
  for (const id of [...current.keys(), ...past.keys()]) {
    must(counted.has(id) || !earlier.has(id), () => `${what} does not count ${id}, which one before it counted`);
  }
  const uncounted = new Map([...current].filter(([id]) => !counted.has(id)));
  return { isCounted: (/** @type {Sum} */ { advertiser_id: id }) => counted.has(id), uncounted };
}
