/**
 * What each document must have, member by member: whatever was served is checked against this before anything is
 * computed from it. Whether its figures are right is another matter, and stands where they are computed.
 */
import { integer, list, mapOf, NUMBER, nullOr, object, oneOf, optional, PROSE, spelled, TEXT } from "./shape.js";

/** @typedef {import("./shape.js").Shape} Shape */

const HASH = spelled(/^[0-9a-f]{64}$/, "64 hexadecimal digits");
const MICROS = spelled(/^(0|-?[1-9]\d{0,39})$/, "the decimal digits of an integer, as a text");
const BUDGET = spelled(/^(0|[1-9]\d{0,39})$/, "the decimal digits of an integer that is not negative, as a text");
const ID = spelled(/^(?!\.+$)[\w.-]{1,64}$/, "an id");
const CURRENCY = spelled(/^[A-Z]{3}$/, "the three capital letters of a currency");
const COUNT = integer(0);
const DIFFERENCE = integer();
const VERSION = oneOf(1);
/** A publisher is paid for its valid clicks, whatever budgets take off its advertisers' statements. */
const NONE = oneOf(null);
/** The address of a revision and of a statement has so many digits. */
const REVISION = integer(1, 9_999);
const NUMBER_OF_STATEMENT = integer(1, 999_999);
/** No click is of another century, and a period of ten thousand years would keep who adds it up for hours. */
const FIRST_MS = Date.parse("2000-01-01T00:00:00Z");
const LAST_MS = Date.parse("2099-12-31T23:59:59Z");

/**
 * A text that is spelled as the calendar has it.
 * @param {number} chars of an ISO 8601 instant
 * @param {string} end
 * @param {string} must
 * @returns {Shape}
 */
const time = (chars, end, must) => ({
  must,
  is: (value) => {
    const ms = typeof value === "string" ? Date.parse(value) : Number.NaN;
    return ms >= FIRST_MS && ms <= LAST_MS && `${new Date(ms).toISOString().slice(0, chars)}${end}` === value;
  },
});
const DAY = time(10, "", "a day from 2000-01-01 to 2099-12-31");
const INSTANT = time(19, "Z", "an instant of the years 2000 to 2099, as in 2026-11-27T13:00:00Z");
const HOUR = spelled(/^\d{4}-\d{2}-\d{2}T\d{2}$/, "an hour, as in 2026-11-27T13");

const counts = (/** @type {Shape} */ count) => ({
  ...{ gross: count, valid: count, duplicate: count, invalid: count, late: count },
  ...{ impressions: count, conversions: count, spend_micros: MICROS },
});
const PART = { name: TEXT, sha256: HASH, rows: COUNT };
const LOSSES = list(object({ object: PROSE, reason: PROSE }));
const LINE_OF_STATEMENT = { day: DAY, campaign_id: TEXT, ...counts(DIFFERENCE) };
const COUNTED = { day: DAY, revision: REVISION, sha256: HASH };

/** @param {import("./owner.js").Owner} owner */
export function statementShape(owner) {
  return object({
    v: VERSION,
    ...("publisherId" in owner
      ? { publisher_id: ID, advertisers: list(TEXT), budget_micros: NONE }
      : { advertiser_id: ID, budget_micros: nullOr(BUDGET) }),
    ...{ number: NUMBER_OF_STATEMENT, kind: oneOf("statement", "credit_note"), previous: nullOr(HASH) },
    ...{ from: INSTANT, to: INSTANT, time_zone: TEXT, currency: CURRENCY },
    lines: list(object(LINE_OF_STATEMENT)),
    adjustments: list(object({ statement: NUMBER_OF_STATEMENT, ...LINE_OF_STATEMENT, cause: nullOr(TEXT) })),
    credits: list(
      object({
        ...{ statement: NUMBER_OF_STATEMENT, budget_micros: BUDGET, spend_micros: MICROS, credit_micros: MICROS },
      }),
    ),
    totals: object({
      ...counts(DIFFERENCE),
      ...{ adjustments_micros: MICROS, credits_micros: MICROS, carried_in_micros: MICROS, due_micros: MICROS },
      ...{ due: TEXT, carried_out_micros: MICROS },
    }),
    lines_by_ad: list(object({ day: DAY, ...PART })),
    adjustments_by_ad: nullOr(object(PART)),
    evidence: list(object(COUNTED)),
    corrected: list(object({ statement: NUMBER_OF_STATEMENT, ...COUNTED, revision_before: nullOr(REVISION) })),
    losses: LOSSES,
    draft: spelled(/^draft_[0-9a-f]{24}$/, "a draft by its id"),
    issued_at: INSTANT,
  });
}

/** @param {import("./owner.js").Owner} owner */
export function manifestShape(owner) {
  const clicks = {
    ...{ advertiser_id: ID, parts: list(object(PART)), tokens: list(object(PART)) },
    ...{ totals: object(counts(DIFFERENCE)), rules: list(TEXT) },
  };
  return object({
    ...{ v: VERSION, day: DAY, revision: REVISION, previous: nullOr(HASH), sums: object(PART), losses: LOSSES },
    ...("publisherId" in owner ? { publisher_id: ID } : clicks),
  });
}

/** The log's list of keys. What is no key introduces nothing, and is left out. */
export const KEY_LIST = object(
  {
    v: VERSION,
    origin: TEXT,
    keys: list(object({ vkey: PROSE, since: PROSE, statement: nullOr(PROSE) }, { isOpen: true })),
  },
  { isOpen: true },
);

const NOTE = spelled(/^[^\n]+\n\d+\n[^\n]+\n[\s\S]*\n— [\s\S]+\n$/, "a checkpoint as it was signed");

/** `clickledger-log.json` */
export const KEPT = object({ v: VERSION, logs: mapOf(object({ key: PROSE, checkpoint: NOTE })) });

const ROW = integer(0);
const SEGMENT = object({ first_row: ROW, last_row: ROW, lines: COUNT, root: HASH });
const HOUR_MANIFEST = object({
  ...{ v: VERSION, source: TEXT, hour: HOUR, revision: integer(1), previous: nullOr(HASH), root: HASH },
  ...{ segments: COUNT, lines: COUNT, first_row: ROW, last_row: ROW, chain: HASH },
});

export const RECEIPT = object(
  {
    ...{ v: VERSION, line: PROSE, nonce: spelled(/^[0-9a-f]{32}$/, "32 hexadecimal digits") },
    ...{ line_index: COUNT, line_path: list(HASH), segment: SEGMENT },
    ...{ segment_index: COUNT, segment_path: list(HASH), manifest: HOUR_MANIFEST, proof: PROSE },
  },
  { isOpen: true },
);

const ANY = object({}, { isOpen: true });

/** A line of a log, of which a receipt tells so much; what kinds of events have beside it is theirs. */
export const LINE = object(
  {
    ...{ v: VERSION, seq: ROW, logged_at_ms: integer(FIRST_MS, LAST_MS), verdict: TEXT, reason: nullOr(TEXT) },
    ...{ review: optional(ANY), revision: optional(ANY) },
    event: object({ id: TEXT, token: optional(PROSE) }, { isOpen: true }),
  },
  { isOpen: true },
);

const PRICE = integer(0);

/** What a receipt tells of its line's token. */
export const TOLD_CLAIMS = object({ cpc: PRICE, adv: TEXT, pub: TEXT }, { isOpen: true });

export const CLAIMS = object(
  {
    ...{ jti: TEXT, iat: NUMBER, exp: NUMBER, adv: TEXT, cmp: TEXT, ad: TEXT, pub: TEXT, cpc: PRICE },
    ...{ grp: optional(TEXT), tst: optional(integer(0, 1)) },
  },
  { isOpen: true },
);

export const TOKEN_HEADER = object({ alg: TEXT, kid: TEXT }, { isOpen: true });

/** What `GET /v1/statements` answers, and what is read of it. */
export const STATEMENT_LIST = object(
  {
    ...{ advertiserId: optional(ID), publisherId: optional(ID) },
    statements: list(object({ number: NUMBER_OF_STATEMENT, currency: optional(CURRENCY) }, { isOpen: true })),
  },
  { isOpen: true },
);

/** What `GET /v1/evidence/secret` answers. */
export const SECRET = object({ secret: spelled(/^[\w-]{43}$/, "32 bytes in base64url") }, { isOpen: true });

/** An integer of a column: 32 bits of it come as a number, 64 bits as a BigInt. @type {Shape} */
const WHOLE = {
  must: "an integer below 2^53",
  is: (value) => Number.isSafeInteger(typeof value === "bigint" ? Number(value) : value),
  take: Number,
};
/** @type {Shape} */
const WHOLE_64 = {
  must: "an integer",
  is: (value) => typeof value === "bigint" || Number.isSafeInteger(value),
  take: BigInt,
};
const TEXT_OR_NONE = nullOr(TEXT);

const OPEN = { isOpen: true };
const CHUNK = object({ meta_data: object({ path_in_schema: list(TEXT) }, OPEN) }, OPEN);

/** What a Parquet file says of itself, as far as it is relied on: columns of values, and none inside of another. */
export const PARQUET = object(
  {
    num_rows: WHOLE,
    schema: list(object({ name: TEXT, num_children: optional(COUNT) }, OPEN)),
    row_groups: list(object({ num_rows: WHOLE, columns: list(CHUNK) }, OPEN)),
  },
  OPEN,
);

const COLUMN_COUNTS = {
  ...{ gross: WHOLE, valid: WHOLE, duplicate: WHOLE, invalid: WHOLE, late: WHOLE },
  ...{ impressions: WHOLE, conversions: WHOLE, spend_micros: WHOLE_64 },
};
const sums = (/** @type {string} */ other) => ({
  ...{ quarter: WHOLE, campaign_id: TEXT, ad_id: TEXT, [other]: TEXT, cause: TEXT_OR_NONE, ...COLUMN_COUNTS },
});
const PLACE = { day: TEXT, campaign_id: TEXT, ad_id: TEXT };

/** What the columns of evidence are called, in order, and what stands in them. */
export const COLUMNS = {
  rows: {
    ...{ event_id: TEXT, impression: TEXT, clicks: WHOLE, received_at_ms: WHOLE, minute: WHOLE, campaign_id: TEXT },
    ...{ ad_group_id: TEXT, ad_id: TEXT, publisher_id: TEXT, country: TEXT_OR_NONE, device: TEXT_OR_NONE },
    ...{ verdict: TEXT, reason: TEXT_OR_NONE, rules: TEXT, decisions: TEXT, price_micros: WHOLE_64, source: TEXT },
    ...{ seq: WHOLE, line: WHOLE, token_sha256: TEXT },
  },
  tokens: { event_id: TEXT, token: TEXT_OR_NONE },
  sums: sums("publisher_id"),
  earned: sums("advertiser_id"),
  lines: { ...PLACE, ...COLUMN_COUNTS },
  adjustments: { statement: WHOLE, ...PLACE, cause: TEXT_OR_NONE, ...COLUMN_COUNTS },
};
