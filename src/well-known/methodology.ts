/**
 * How this Worker measures, in machine-readable form: what docs/METHODOLOGY.md says in sentences for an auditor.
 *
 *   {"methodologyVersion":2,"rulesVersion":4,"settings":{…},"measurement":{…},"verdicts":{…},"invalidTraffic":{…},…}
 *
 * Keeps: pure. Every number is the constant that the code decides by; what an operator sets is in `settings` alone.
 * Only what the code does today is stated; what rests on an operator says so, and what is planned is not here.
 */
import type { Config } from "../config.ts";
import { CONVERSION_KINDS } from "../core/conversion.ts";
import {
  ALLOWED_NETWORKS,
  DATA_CENTRE_NETWORKS,
  IMPRESSION_NETWORKS,
  LIST_DATE,
} from "../core/data-centre-networks.ts";
import { DIMENSIONS } from "../core/fields.ts";
import { GIVT_RULES, HUMAN_CLICK_MIN_MS } from "../core/givt.ts";
import {
  ATTRIBUTION_WINDOW_DAYS_DEFAULT,
  ATTRIBUTION_WINDOW_DAYS_MAX,
  CLIENT_CLOCK_AHEAD_MAX_MS,
  COUNTS_AGE_DAYS_MAX,
  HOUR_MS,
  ORDER_KEY_DAYS,
  SALT_DAYS,
  SECOND_MS,
} from "../core/limits.ts";
import {
  CLICKS_PER_MINUTE_MAX,
  FAST_CLICKS_MIN,
  FAST_MS,
  REGULAR_CLICKS_MIN,
  SECOND_LOOKS,
} from "../core/second-look.ts";
import { EXACT_USERS_MAX, REGISTERS, STANDARD_ERROR } from "../core/sketch.ts";
import { RULES_VERSION } from "../core/verdict.ts";
import { KEY_LIFE_DAYS } from "../report/answer/users-meta.ts";
import { isRowDimension } from "../report/query/fields.ts";
import { RATIO_SCALE } from "../report/query/metrics.ts";
import { CHECKLIST } from "./checklist.ts";
import { metricDefinitions, reasonDefinitions, VERDICT_MEANINGS } from "./definitions.ts";

/** Raise with any change of what is stated outside `settings`; each version is kept in test/vectors/methodology. */
export const METHODOLOGY_VERSION = 6;

/** The list behind `declared_crawler`, and when the others were compiled. */
export const AGENT_LISTS = {
  crawlers: { name: "isbot", version: "5.2.3" },
  linkPreviews: { name: "compiled by hand", date: "2026-11" },
} as const;

type MeasurementSettings = Pick<Config, "late" | "dedupHorizonMs" | "tiers" | "rawKeptDays"> & {
  readonly token: { readonly tokenTtlMaxS: number };
};

/** The methodology under these settings; JSON as it is. */
export function methodologyOf({ late, token, dedupHorizonMs, tiers, rawKeptDays }: MeasurementSettings) {
  return {
    methodologyVersion: METHODOLOGY_VERSION,
    rulesVersion: RULES_VERSION,
    settings: {
      latePolicy: { mode: late.mode, allowedLatenessSeconds: late.allowedLatenessS },
      tokenLifeMaxSeconds: token.tokenTtlMaxS,
      dedupHorizonSeconds: dedupHorizonMs / SECOND_MS,
      rawEventsKeptDays: rawKeptDays,
      factsKeptDays: { byMinute: tiers.minutesKeptDays, byHour: tiers.hoursKeptDays, byDay: tiers.daysKeptDays },
      minutesInDatabaseHours: tiers.hotMinutesMs / HOUR_MS,
    },
    measurement: MEASUREMENT,
    verdicts: VERDICT_MEANINGS,
    law: "gross = valid + duplicate + invalid + late",
    invalidTraffic: invalidTraffic(),
    reasons: reasonDefinitions(),
    metrics: metricDefinitions(),
    dimensions: DIMENSIONS,
    late: LATE,
    conversions: CONVERSIONS,
    uniqueUsers: uniqueUsers(),
    money: MONEY,
    time: TIME,
    retention: RETENTION,
    corrections: CORRECTIONS,
    checklist: CHECKLIST.map(([requirement, state], index) => ({ number: index + 1, requirement, state })),
  };
}

const MEASUREMENT = {
  stages: {
    initiated: "not measured",
    measured: "request received, token verified and redirect returned",
    received: "not measured",
    resolved: "not measured",
  },
  clickDefinition: "redirect_returned",
  click:
    "A request to a click link, or a report by script, whose token was verified. It is answered with a 302, or, " +
    "where a script, a ping or a player asks for no redirect, with 204 or a pixel.",
  impression: "A request to a pixel whose token was verified, or a count that an ad server uploaded.",
  conversion: "An outcome that an advertiser reports with the signed id of a click.",
  multiClick: {
    validPerImpressionMax: 1,
    interval: "the whole life of the token; there is no interval after which a second click is valid",
    further: "duplicate",
    claim: "the first valid click in the order in which they are logged",
  },
  frontEndFiltering: {
    used:
      "speculative fetches are refused with 503 and ask again when the person acts; " +
      "requests without a valid token are refused",
    refusedRequestsAreEvents: false,
    refusalsCounted: "by reason, in operational metrics",
    redirectDependsOnVerdict: false,
  },
  headRequests: "answered alike, counted as invalid: head_request",
} as const;

function invalidTraffic() {
  return {
    classes: ["GIVT", "SIVT by second looks alone"],
    decided: "after receipt, by the first rule in this order that applies",
    rules: GIVT_RULES.map(({ name, means, source }, index) => ({ order: index + 1, name, means, source })),
    humanClickMinMs: HUMAN_CLICK_MIN_MS,
    agents: AGENT_LISTS,
    networks: {
      listed: DATA_CENTRE_NETWORKS.length,
      allowed: ALLOWED_NETWORKS.length,
      allowedForImpressions: IMPRESSION_NETWORKS.length,
      checked: LIST_DATE,
    },
    secondLooks: {
      decided: "later, by an operator, over what is logged; each click that they name is revised",
      rules: Object.entries(SECOND_LOOKS).map(([name, { isDryOnly }]) => ({ name, applied: !isDryOnly })),
      clicksPerMinuteMax: CLICKS_PER_MINUTE_MAX,
      regularClicksMin: REGULAR_CLICKS_MIN,
      fastClicksMin: FAST_CLICKS_MIN,
      fastMs: FAST_MS,
    },
    notDetected: [
      "SIVT, but for what second looks name",
      "forged agents",
      "clients that do not render",
      "placements that cannot be seen",
      "addresses behind allowed networks",
    ],
  };
}

const LATE = {
  lateness: "receipt minus the end of the event's minute, both as the edge recorded them",
  clientTimeBelieved:
    "from the token's issue to the receipt and this much beyond, but not past the end of the token's life",
  clientClockAheadMaxMs: CLIENT_CLOCK_AHEAD_MAX_MS,
  claims: false,
  modes: {
    review: "waits, unbilled, until it is accepted or rejected",
    accept: "decided at once, and marked late_accepted",
  },
} as const;

const CONVERSIONS = {
  attribution: "last click",
  windowDaysDefault: ATTRIBUTION_WINDOW_DAYS_DEFAULT,
  windowDaysMin: 1,
  windowDaysMax: ATTRIBUTION_WINDOW_DAYS_MAX,
  creditedWhateverTheClicksVerdict: true,
  testTrafficCredited: false,
  countedOnceBy: ["advertiser", "type", "order id"],
  withoutOrderIdOnceBy: ["click", "type"],
  orderKeyDays: ORDER_KEY_DAYS,
  types: CONVERSION_KINDS,
  minutes: ["of the click", "of the conversion"],
} as const;

function uniqueUsers() {
  return {
    method: "HyperLogLog",
    registers: REGISTERS,
    exactUpTo: EXACT_USERS_MAX,
    standardErrorPercent: Number((STANDARD_ERROR * 100).toFixed(2)),
    of: "valid clicks",
    key:
      "the token's uid, else a hash of address and agent under a salt of the day; " +
      "of an IPv6 address its first 64 bits",
    dailyKeyLifeDays: KEY_LIFE_DAYS,
    globalPrivacyControl: "no key, and no user in the logged token; the click is counted, its user is not",
    groupedBy: ["time", ...DIMENSIONS.filter(isRowDimension)],
  };
}

const MONEY = {
  unit: "integer micros of the advertiser's currency",
  priceOf: "the token of the valid click",
  quotients: "computed in integers from sums, rounded half up; null where the denominator is 0",
  ratioPlaces: String(RATIO_SCALE).length - 1,
} as const;

const TIME = {
  windowSeconds: 60,
  windows: "tumbling, aligned to UTC, half-open",
  zone: "UTC unless a report asks for another IANA zone",
  eventTime: "receipt at the edge, or the client's time where it is believed",
} as const;

const RETENTION = [
  {
    what: "raw events",
    kept: "as settings.rawEventsKeptDays says, and until their day is audited clean, and while it is held",
    days: null,
    enforcedBy: "code",
  },
  { what: "facts by minute, hour and day", kept: "as settings.factsKeptDays says", days: null, enforcedBy: "code" },
  { what: "claimed impressions", kept: "for the dedup horizon", days: null, enforcedBy: "code" },
  { what: "order keys", kept: "then forgotten", days: ORDER_KEY_DAYS, enforcedBy: "code" },
  { what: "salts of the address hash", kept: "then destroyed", days: SALT_DAYS, enforcedBy: "code" },
  { what: "addresses", kept: "never stored", days: 0, enforcedBy: "code" },
] as const;

const CORRECTIONS = {
  clicks: "the review of a late click and revisions change a verdict, each by a further line in the log",
  conversions: "a negative value or a retraction of the order, by a further line in the log",
  uploadedCountsAgeDaysMax: COUNTS_AGE_DAYS_MAX,
  invalidTrafficFoundLater: "revised by event, with number, cause and who; gross does not change",
} as const;
