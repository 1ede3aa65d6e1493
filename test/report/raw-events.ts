/**
 * Raw events for comparing reports with the log that they come from: written through the real log lines, fold, postings
 * and rolls on one side, measured one by one on the other.
 */
import fc from "fast-check";
import { type Facts, foldEntry } from "../../src/core/facts.ts";
import { decodeEventLine, encodeLogLine, type LogEntry } from "../../src/core/log-line.ts";
import { encodeTokenEvent, type TokenEvent } from "../../src/core/token-event.ts";
import type { Decision } from "../../src/core/verdict.ts";
import { D1Facts } from "../../src/facts/d1-facts.ts";
import { rollAll } from "../../src/facts/roll.ts";
import { aClick, NOON_MS } from "../support/builders.ts";
import { aPosting, postTo } from "../support/post-to.ts";
import { RULES } from "../support/rules.ts";

const MINUTE = 60_000;

export const VALUES = {
  advertiser_id: ["adv_1", "adv_2", "adv_3", "adv_4"],
  campaign_id: ["cmp_1", "cmp_2", "7"],
  ad_group_id: ["", "grp_1"],
  ad_id: ["ad_1", "ad_2", "ad_10", "100"],
  creative_id: ["", "crt_1", "0"],
  publisher_id: ["pub_1", "pub_2"],
  country: ["", "DE", "US"],
  device: ["mobile", "desktop", "tv"],
  currency: ["", "EUR", "JPY", "USD"],
  placement_id: ["", "plc_1", "plc_2"],
  ad_format: ["", "banner"],
} as const;
export type Dimension = keyof typeof VALUES;
export const DIMENSIONS = Object.keys(VALUES) as Dimension[];
/** Those of an event; what it is paid in is its advertiser's. */
export type Dimensions = Readonly<Record<Exclude<Dimension, "currency">, string>>;
export type Currencies = Readonly<Record<string, string>>;

export const anyDimensions: fc.Arbitrary<Dimensions> = fc.record({
  advertiser_id: fc.constantFrom(...VALUES.advertiser_id),
  campaign_id: fc.constantFrom(...VALUES.campaign_id),
  ad_group_id: fc.constantFrom(...VALUES.ad_group_id),
  ad_id: fc.constantFrom(...VALUES.ad_id),
  creative_id: fc.constantFrom(...VALUES.creative_id),
  publisher_id: fc.constantFrom(...VALUES.publisher_id),
  country: fc.constantFrom(...VALUES.country),
  device: fc.constantFrom(...VALUES.device),
  placement_id: fc.constantFrom(...VALUES.placement_id),
  ad_format: fc.constantFrom(...VALUES.ad_format),
});

/** One event, as the generator names it. */
export type Spec = {
  readonly type: "click" | "impression" | "conversion";
  readonly minute: number;
  readonly second: number;
  readonly dimensions: Dimensions;
  readonly verdict: "valid" | "accepted" | "duplicate" | "invalid" | "late" | "deferred";
  readonly count: number;
  readonly cpc: number;
  readonly user: number | null;
  /** How long after its click a conversion occurs. */
  readonly laterMinutes: number;
};

const DECISIONS: Readonly<Record<Spec["verdict"], Decision>> = {
  valid: { verdict: "valid", reason: null },
  accepted: { verdict: "valid", reason: "late_accepted" },
  duplicate: { verdict: "duplicate", reason: "same_impression" },
  invalid: { verdict: "invalid", reason: "declared_crawler" },
  late: { verdict: "late", reason: "late" },
  deferred: { verdict: "deferred", reason: "key_table_dropped" },
};

function entryOf(spec: Spec, seq: number): LogEntry {
  const { type, dimensions: of } = spec;
  const atMs = spec.minute * MINUTE + spec.second * 1_000;
  if (type === "conversion") {
    const click = {
      advertiserId: of.advertiser_id,
      campaignId: of.campaign_id,
      adGroupId: of.ad_group_id,
      adId: of.ad_id,
      publisherId: of.publisher_id,
      country: of.country,
      device: of.device,
      creativeId: of.creative_id,
      placementId: of.placement_id,
      adFormat: of.ad_format,
      clickedAtMs: atMs,
    };
    const next = { clickId: "c", click, valueMicros: spec.cpc, occurredAtMs: atMs + spec.laterMinutes * MINUTE };
    const line = { verdict: "valid", reason: null, prior: null, next, seq, loggedAtMs: NOON_MS, rules: RULES.id };
    return { ...line, event: { type: "conversion", click } } as unknown as LogEntry;
  }
  const payload = {
    jti: `j_${seq}`,
    adv: of.advertiser_id,
    cmp: of.campaign_id,
    ad: of.ad_id,
    pub: of.publisher_id,
    cpc: spec.cpc,
    ...(of.ad_group_id === "" ? {} : { grp: of.ad_group_id }),
    ...(of.creative_id === "" ? {} : { crt: of.creative_id }),
    ...(of.placement_id === "" ? {} : { plc: of.placement_id }),
    ...(of.ad_format === "" ? {} : { fmt: of.ad_format }),
    ...(spec.user === null ? {} : { uid: `user_${spec.user}` }),
  };
  const event = aClick(
    {
      type,
      receivedAtMs: atMs,
      count: spec.count,
      country: of.country === "" ? null : of.country,
      device: of.device as TokenEvent["device"],
    },
    payload,
  );
  return decodeEventLine(
    encodeLogLine({ seq, loggedAtMs: NOON_MS, rules: RULES.id }, DECISIONS[spec.verdict], encodeTokenEvent(event)),
  );
}

type Writing = { readonly isOpen?: boolean; readonly afterRoll?: (nowMs: number) => Promise<void> };

/**
 * Posts the log in as many parts as there are rolls and one more, and rolls between them up to those minutes. Of the last
 * part two events of three are shown and not posted where some are to be open.
 */
export async function writeLog(
  database: D1Database,
  log: readonly Spec[],
  rolls: readonly number[],
  { isOpen = false, afterRoll = async () => {} }: Writing = {},
): Promise<void> {
  const store = new D1Facts(database, () => NOON_MS);
  const size = Math.max(1, Math.ceil(log.length / (rolls.length + 1)));
  for (let part = 0; part <= rolls.length; part++) {
    const facts = [0, 1, 2].map((): Facts => new Map());
    const isSplit = isOpen && part === rolls.length;
    const specs = log.slice(part * size, (part + 1) * size);
    for (const [index, spec] of specs.entries()) {
      foldEntry(facts[isSplit ? index % 3 : 0] as Facts, entryOf(spec, part * size + index + 1));
    }
    await postTo(store, { facts: facts[0] as Facts });
    for (const of of isSplit ? [1, 2] : []) {
      await store.open(aPosting(null, { source: `open/${of}`, facts: facts[of] as Facts }));
    }
    const rollTo = rolls[part];
    if (rollTo === undefined) continue;
    await rollAll(database, rollTo * MINUTE);
    await afterRoll(rollTo * MINUTE);
  }
}

export type Measured = Record<string, number>;

/** What one event adds, and when: a conversion adds to two minutes. */
export type Measurement = {
  readonly minute: number;
  readonly dimensions: Dimensions;
  readonly measured: Measured;
  readonly reasons: Readonly<Record<string, number>>;
  readonly user: string | null;
};

/** What an event is worth, from what the design says of it. */
export function measure(spec: Spec): Measurement[] {
  const { minute, dimensions, type, count, cpc, user } = spec;
  const none = { minute, dimensions, measured: {}, reasons: {}, user: null };
  if (type === "conversion") {
    const byTime = { conversions_by_time: 1, conversion_value_by_time_micros: cpc };
    return [
      { ...none, measured: { conversions: 1, conversion_value_micros: cpc } },
      { ...none, minute: minute + spec.laterMinutes, measured: byTime },
    ];
  }
  if (spec.verdict === "deferred") return [];
  const { verdict, reason } = DECISIONS[spec.verdict];
  const isValid = verdict === "valid";
  const prefix = type === "impression" ? "impression." : "";
  const reasons: Record<string, number> = {};
  if (reason !== null) reasons[prefix + reason] = isValid ? 1 : count;
  if (isValid && count > 1) reasons[`${prefix}same_impression`] = count - 1;
  if (type === "impression")
    return [{ ...none, reasons, measured: { gross_impressions: count, impressions: isValid ? 1 : 0 } }];
  const measured = isValid
    ? { valid: 1, duplicate: count - 1, spend_micros: cpc, valid_with_user: user === null ? 0 : 1 }
    : { [verdict]: count };
  const who = isValid && user !== null ? `${dimensions.advertiser_id}/${user}` : null;
  return [{ ...none, reasons, measured: { gross: count, ...measured }, user: who }];
}
