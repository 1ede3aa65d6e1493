/**
 * Computes again what a statement says, from evidence and the statements before it.
 *
 *   due = spend of its lines + adjustments − credits of budgets + what was carried in
 *   adjustments = of each earlier period: the evidence that is counted now, less the evidence that was counted last,
 *   by cause
 */
import { compareAdLines, spelledCounts } from "./ad-lines.js";
import { firstDifference } from "./json.js";
import { checkPart } from "./manifests.js";
import { roundDue } from "./money.js";
import { Differs, must } from "./outcome.js";
import { idOf, memberOf, statementKey } from "./owner.js";
import { addCounts, noCounts } from "./sums.js";
import { localDays, QUARTER_MS, QUARTERS_PER_DAY, quarterOfDay, utcDays } from "./zone.js";

/**
 * @typedef {any} Statement
 * @typedef {{ revision: number, sha256: string }} Counted
 * @typedef {{ store: import("./store.js").Store, owner: import("./owner.js").Owner, manifests: import("./manifests.js").Manifests,
 *   isCounted: (sum: import("./sums.js").Sum) => boolean, adsAtOnce?: number }} Context
 */

/**
 * Which revision of each UTC day a statement counts, in its own period and in corrected ones.
 * @param {Statement} statement
 * @returns {Map<string, Counted>}
 */
export function countedBy({ evidence, corrected, number }) {
  /** @type {Map<string, Counted>} */
  const counted = new Map();
  for (const { day, revision, sha256 } of [...evidence, ...corrected]) {
    const known = counted.get(day);
    const isSame = known === undefined || (known.revision === revision && known.sha256 === sha256);
    must(isSame, () => `statement ${number} counts ${day} by two manifests`);
    counted.set(day, { revision, sha256 });
  }
  return counted;
}

/**
 * Of each earlier statement and UTC day, the revision that was counted last.
 * @param {readonly Statement[]} before
 * @returns {Map<string, Counted>}
 */
export function saidBy(before) {
  const said = new Map();
  for (const { number, evidence, corrected } of before) {
    for (const { day, revision, sha256 } of evidence) said.set(`${number} ${day}`, { revision, sha256 });
    for (const { statement, day, revision, sha256 } of corrected) said.set(`${statement} ${day}`, { revision, sha256 });
  }
  return said;
}

/**
 * Compares a statement with what it must say, to the micro.
 * @param {Statement} statement
 * @param {readonly Statement[]} before
 * @param {Context} context
 */
export async function checkStatement(statement, before, context) {
  const what = statementKey(context.owner, statement.number);
  const { from, to, time_zone: zone, currency, draft, issued_at: issued, budget_micros: budget } = statement;
  const period = { fromMs: Date.parse(from), toMs: Date.parse(to) };
  must(period.fromMs < period.toMs, () => `${what} ends before it begins`);
  const isQuarter = period.fromMs % QUARTER_MS === 0 && period.toMs % QUARTER_MS === 0;
  must(isQuarter, () => `${what} begins or ends inside a quarter of an hour`);
  must(Date.parse(issued) >= period.toMs, () => `${what} was issued before its period ended`);
  const own = await ownLines(statement, period, context);
  const changes = await changedLines(statement, before, context);
  const spend = noCounts();
  for (const [, counts] of own.lines) addCounts(spend, counts);
  const adjustments = sum(changes.lines.map(([, { spend: micros }]) => micros));
  const credits = creditsOf({ ...statement, spend: spend.spend }, before, changes.lines);
  const credited = sum(credits.map(({ credit_micros: micros }) => BigInt(micros)));
  const carriedIn = BigInt(before.at(-1)?.totals.carried_out_micros ?? "0");
  const due = spend.spend + adjustments - credited + carriedIn;
  const rounded = roundDue(due, currency);
  const expected = {
    ...{ v: 1, [memberOf(context.owner)]: idOf(context.owner), number: before.length + 1 },
    // Which these are was checked before: what they have is counted.
    ...("publisherId" in context.owner ? { advertisers: statement.advertisers } : {}),
    ...{ from, to, time_zone: zone, currency, budget_micros: budget, draft, issued_at: issued },
    lines: own.lines.map(([place, counts]) => ({ ...placed(place), ...spelledCounts(counts) })),
    adjustments: changes.lines.map(([place, counts]) => ({
      ...{ statement: Number(place.slice(0, 6)), ...placed(place), cause: place.split("\u001f")[3] || null },
      ...spelledCounts(counts),
    })),
    ...{ evidence: own.evidence, corrected: changes.corrected, credits },
    losses: lossesOf([...own.losses, ...changes.losses]),
    totals: {
      ...spelledCounts(spend),
      ...{ adjustments_micros: String(adjustments), credits_micros: String(credited) },
      ...{ carried_in_micros: String(carriedIn), due_micros: String(due), due: rounded.due },
      carried_out_micros: String(rounded.carried),
    },
    kind: rounded.isCredit ? "credit_note" : "statement",
    // Their contents were compared line by line.
    ...{ previous: statement.previous, lines_by_ad: own.parts, adjustments_by_ad: statement.adjustments_by_ad },
  };
  const difference = firstDifference(expected, statement);
  if (difference !== null) throw new Differs(`${what}: ${difference}`);
}

/**
 * @param {Statement} statement
 * @param {{ fromMs: number, toMs: number }} period
 * @param {Context} context
 */
async function ownLines({ number, evidence, lines_by_ad: parts, time_zone: zone }, { fromMs, toMs }, context) {
  const what = `statement ${number}`;
  const named = new Map(evidence.map((/** @type {any} */ counted) => [counted.day, counted.revision]));
  const counted = [];
  const losses = [];
  for (const day of utcDays(fromMs, toMs)) {
    const revision = named.get(day);
    if (revision === undefined) continue;
    const { manifest, sha256 } = await context.manifests.read(day, revision);
    counted.push({ day, revision, sha256 });
    losses.push(...manifest.losses);
  }
  const lines = [];
  const found = [];
  let at = 0;
  for (const local of localDays(fromMs / QUARTER_MS, toMs / QUARTER_MS, zone)) {
    const sources = await sourcesOf(local, (day) => named.get(day) ?? null, 1, context);
    const part = parts[at]?.day === local.day ? parts[at] : null;
    if (part !== null) {
      checkPart(part, "lines", what);
      must(part.name.startsWith(`lines-${local.day}-`), () => `${what} names ${part.name} for ${local.day}`);
      found.push({ day: local.day, name: part.name, sha256: part.sha256, rows: part.rows });
      at++;
    }
    const own = await compareAdLines([{ statement: null, sources }], part, {
      ...context,
      what: `${what}, ${local.day}`,
    });
    must(part === null || own.length > 0, () => `${what} names a file of lines for ${local.day}, which has none`);
    lines.push(...own);
  }
  return { lines, losses, evidence: counted, parts: found };
}

/**
 * Which sums are of a local day: of the UTC days that it touches, at the revisions given.
 * @param {import("./zone.js").LocalDay} local
 * @param {(day: string) => number | null} revisionOf
 * @param {1 | -1} sign
 * @param {Context} context
 */
async function sourcesOf({ day, from, to }, revisionOf, sign, { manifests }) {
  /** @type {import("./ad-lines.js").Source[]} */
  const sources = [];
  for (const utc of utcDays(from * QUARTER_MS, to * QUARTER_MS)) {
    const revision = revisionOf(utc);
    if (revision === null) continue;
    sources.push({ manifest: (await manifests.read(utc, revision)).manifest, from, to, sign, day });
  }
  return sources;
}

/**
 * What earlier statements' periods have more or less than was said of them.
 * @param {Statement} statement
 * @param {readonly Statement[]} before
 * @param {Context} context
 */
async function changedLines(statement, before, context) {
  const now = countedBy(statement);
  const said = saidBy(before);
  const corrected = [];
  const losses = [];
  /** @type {import("./ad-lines.js").Wanted[]} */
  const wanted = [];
  for (const { number, from, to, time_zone: zone } of before) {
    const [fromMs, toMs] = [Date.parse(from), Date.parse(to)];
    /** @type {import("./ad-lines.js").Source[]} */
    const sources = [];
    for (const day of utcDays(fromMs, toMs)) {
      const present = now.get(day);
      const past = said.get(`${number} ${day}`) ?? null;
      if (present === undefined || present.revision === past?.revision) continue;
      const { manifest, sha256 } = await context.manifests.read(day, present.revision);
      const revisions = { revision_before: past?.revision ?? null, revision: present.revision };
      corrected.push({ statement: number, day, ...revisions, sha256 });
      losses.push(...manifest.losses);
      const first = Math.max(fromMs / QUARTER_MS, quarterOfDay(day));
      const last = Math.min(toMs / QUARTER_MS, quarterOfDay(day) + QUARTERS_PER_DAY);
      for (const local of localDays(first, last, zone)) {
        const of = (/** @type {number | null} */ revision) => (/** @type {string} */ utc) =>
          utc === day ? revision : null;
        sources.push(...(await sourcesOf(local, of(present.revision), 1, context)));
        sources.push(...(await sourcesOf(local, of(past?.revision ?? null), -1, context)));
      }
    }
    if (sources.length > 0) wanted.push({ statement: number, sources });
  }
  const part = statement.adjustments_by_ad;
  if (part !== null) checkPart(part, "adjustments", `statement ${statement.number}`);
  const what = `statement ${statement.number}, adjustments`;
  const lines = await compareAdLines(wanted, part, { ...context, what });
  must(part === null || part.rows > 0, () => `${what}: a file without lines is named`);
  return { lines, losses, corrected };
}

/**
 * What budgets take off: of the own period, and of earlier ones what has changed of that.
 * @param {Statement} own with its spend
 * @param {readonly Statement[]} before
 * @param {readonly [string, import("./ad-lines.js").Counts][]} changes
 */
function creditsOf({ number, budget_micros: budget, spend }, before, changes) {
  const credits = [];
  const above = (/** @type {bigint} */ micros, /** @type {bigint} */ limit) => (micros > limit ? micros - limit : 0n);
  for (const earlier of before) {
    if (earlier.budget_micros === null) continue;
    const isOf = (/** @type {any} */ row) => row.statement === earlier.number;
    const adjusted = before.flatMap(({ adjustments }) => adjustments.filter(isOf));
    const credited = before.flatMap(({ credits: rows }) => rows.filter(isOf));
    const changed = changes.filter(([place]) => Number(place.slice(0, 6)) === earlier.number);
    const total =
      BigInt(earlier.totals.spend_micros) +
      sum(adjusted.map((/** @type {any} */ row) => BigInt(row.spend_micros))) +
      sum(changed.map(([, { spend: micros }]) => micros));
    const had = sum(credited.map((/** @type {any} */ row) => BigInt(row.credit_micros)));
    credits.push(
      creditOf(earlier.number, earlier.budget_micros, total, above(total, BigInt(earlier.budget_micros)) - had),
    );
  }
  if (budget !== null) credits.push(creditOf(number, budget, spend, above(spend, BigInt(budget))));
  return credits.filter(({ credit_micros: micros }) => micros !== "0");
}

/**
 * @param {number} statement
 * @param {string} budget
 * @param {bigint} spend
 * @param {bigint} credit
 */
function creditOf(statement, budget, spend, credit) {
  return { statement, budget_micros: budget, spend_micros: String(spend), credit_micros: String(credit) };
}

/**
 * Each lost object once, at its first place, with what was said of it last.
 * @param {{ object: string, reason: string }[]} all
 */
function lossesOf(all) {
  return [...new Map(all.map((loss) => [loss.object, loss])).values()];
}

/** @param {string} place */
function placed(place) {
  const [, day, campaign] = place.split("\u001f");
  return { day, campaign_id: campaign };
}

/** @param {readonly bigint[]} values */
const sum = (values) => values.reduce((total, value) => total + value, 0n);
