/**
 * Logs for the oracle, with the segments of their archive as the bucket would hold them and the figures that postings
 * made of them. Bundled by the test, once as they are and once with each fault.
 *
 *   simulatedLog   a seed of the simulation: all of its faults but lost storages
 *   craftedLog     few claims in many combinations, so that every part of an identity and every pair of rules meets
 *
 * Keeps: the simulation's tokens are names; here each is spelled as a token again, with the claims that it stands for.
 */
import type { Claims } from "../../src/core/claims.ts";
import { encodeConversion } from "../../src/core/conversion.ts";
import { cellDimensionsOf, type Facts, type FactsRow, foldEntry } from "../../src/core/facts.ts";
import { CELL_DIMENSIONS, MEASURES } from "../../src/core/fields.ts";
import { encodeImpressionCounts } from "../../src/core/impression-counts.ts";
import { impressionKeyOf } from "../../src/core/impression-key.ts";
import { HOUR_MS } from "../../src/core/limits.ts";
import { encodeLogLine, isConversionEntry, isTokenEntry, type LogEntry } from "../../src/core/log-line.ts";
import type { OpenedEvent } from "../../src/core/message.ts";
import { assert } from "../../src/core/result.ts";
import { encodeTokenEvent, type TokenEvent } from "../../src/core/token-event.ts";
import type { LatePolicy } from "../../src/core/verdict.ts";
import { ingest, openArrivals } from "../../src/shard/ingest.ts";
import { reviewLate } from "../../src/shard/review.ts";
import { type RevisePorts, reviseEvent } from "../../src/shard/revise.ts";
import { Chance } from "../simulation/chance.ts";
import { FAULT_KINDS } from "../simulation/faults.ts";
import { Journal } from "../simulation/journal.ts";
import { MemoryShardLog } from "../simulation/memory-shard-log.ts";
import { REAL_PARTS } from "../simulation/parts.ts";
import { play } from "../simulation/play.ts";
import { MemoryLateStore, MemoryRevisedStore } from "../simulation/storage.ts";
import { World } from "../simulation/world.ts";
import { aClick, anUnsignedToken, BROWSER, CRAWLER, NOON_MS, NOON_S } from "../support/builders.ts";
import { MemoryKeyIndex } from "../support/memory-key-index.ts";
import { type ArchivedLog, figuresOf } from "./figure-rows.ts";

const CRAFTED_EVENTS = 360;
/** Everything but what sets storages back, which loses lines on purpose. */
const KINDS = FAULT_KINDS.filter((kind) => kind !== "restore");

export async function simulatedLog(seed: number, hours: number): Promise<ArchivedLog> {
  const loud = console.error;
  console.error = () => {};
  try {
    const base = { only: null, parts: REAL_PARTS, traced: null };
    const world = new World({ seed, hours, kinds: KINDS, areCertain: true, ...base });
    await play(world);
    const claims = new Map(world.workload.requests.map(({ impression }) => [impression.token, impression.claims]));
    const segments = Array.from(
      world.archive.segments,
      ([key, segment]): Lines => [key, (segment?.rows ?? []).flatMap((row) => row.entries())],
    );
    const spell = ({ token }: TokenEvent) => tokenOf(claims.get(token));
    return archivedLog(segments, world.facts.facts.values(), { policy: world.settings.policy, spell });
  } finally {
    console.error = loud;
  }
}

/** Advertisers, ads, publishers, impressions and instants few enough to meet in every combination. */
export function craftedLog(seed: number): ArchivedLog {
  const chance = new Chance(seed, "crafted");
  const journal = new Journal(() => false);
  const log = new MemoryShardLog(journal, 700, () => {});
  const memory = { index: new MemoryKeyIndex(), lateStore: new MemoryLateStore(journal) };
  const ports = { log, ...memory, revised: new MemoryRevisedStore(journal) };
  const policy: LatePolicy = { mode: "review", allowedLatenessS: 30 };
  const sent: TokenEvent[] = [];
  for (let nowMs = NOON_MS; sent.length < CRAFTED_EVENTS; nowMs += 700) {
    const batch = Array.from({ length: 12 }, () => {
      const isAgain = sent.length > 0 && chance.is(0.05);
      const event = isAgain ? chance.pick(sent) : craft(chance, nowMs);
      sent.push(event);
      return encodeTokenEvent(event);
    });
    ingest(openArrivals(batch), { ...ports, policy, nowMs: nowMs + 900 });
  }
  const waiting = log.rows.flatMap(({ logged }) => logged.filter(({ verdict }) => verdict === "late"));
  for (const [at, { event }] of waiting.entries()) {
    if (at % 3 === 0) continue;
    const choice = at % 3 === 1 ? "accept" : "reject";
    reviewLate({ event: event.id, choice }, ports, { by: "key_1", nowMs: NOON_MS + HOUR_MS + at });
  }
  reviseSome(ports);
  const entries = log.rows.flatMap(({ logged }) => logged);
  const facts: Facts = new Map();
  for (const entry of entries) foldEntry(facts, entry);
  const key = "raw/v1/dt=2026-04-20/hour=12/shard=clicks-0/life-000000000001.ndjson.gz";
  return archivedLog([[key, entries]], facts.values(), { policy, spell: ({ token }) => token });
}

/** Of the valid events every fourth is found invalid: its first duplicate takes the impression, or it gets it back. */
function reviseSome(ports: RevisePorts & { readonly log: MemoryShardLog }): void {
  const first = ports.log.rows.flatMap(({ logged }) => logged.filter(isTokenEntry)).filter(({ review }) => !review);
  const keyOf = ({ event, claims }: OpenedEvent) => impressionKeyOf(event.type, claims);
  const duplicates = Map.groupBy(
    first.filter(({ verdict }) => verdict === "duplicate"),
    keyOf,
  );
  for (const [at, entry] of first.filter(({ verdict }) => verdict === "valid").entries()) {
    if (at % 4 !== 0) continue;
    const from = { verdict: entry.verdict, reason: entry.reason };
    const to = { verdict: "invalid", reason: "high_frequency" } as const;
    const next = duplicates.get(keyOf(entry))?.[0];
    const promote = next === undefined ? null : { encoded: encodeTokenEvent(next.event), n: 1, from: DUPLICATE };
    const encoded = encodeTokenEvent(entry.event);
    const asked = [
      { encoded, n: 1, from, to, promote },
      ...(promote === null && at % 8 === 0 ? [{ encoded, n: 2, from: to, to: from }] : []),
    ];
    for (const request of asked) {
      const { outcome } = reviseEvent(request, ports, {
        cause: "audit/2026-04-20/0001",
        by: "key_1",
        nowMs: LATER_MS + at,
      });
      assert(outcome.outcome === "revised", `an event is revised: ${outcome.outcome}`);
    }
  }
}

const DUPLICATE = { verdict: "duplicate", reason: "same_impression" } as const;
const LATER_MS = NOON_MS + 2 * HOUR_MS;

function craft(chance: Chance, nowMs: number): TokenEvent {
  const iat = NOON_S - chance.pick([0, 1, 1.25, 200]) + Math.floor((nowMs - NOON_MS) / 40_000) * 40;
  const payload = {
    ...{
      iat,
      exp: iat + chance.pick([60, 3_600]),
      jti: chance.pick(["i1", "i2"]),
      cpc: chance.pick([1, 250_000, 7e9]),
    },
    ...{
      adv: chance.pick(["adv_1", "adv_2"]),
      cmp: chance.pick(["cmp_1", "cmp_2"]),
      ad: chance.pick(["ad_1", "ad_2"]),
    },
    pub: chance.pick(["pub_1", "pub_2"]),
    ...(chance.is(0.3) ? { grp: "grp_1", crt: "crt_1", plc: "plc_1", fmt: "banner", uid: "user_1" } : {}),
    ...(chance.is(0.06) ? { tst: 1 } : {}),
  };
  const receivedAtMs = nowMs + chance.between(0, 700);
  const isLate = chance.is(0.15);
  const fraction = Number.isInteger(iat) ? null : Math.floor(iat * 1_000) + chance.between(0, 600);
  const facts = {
    ...{ receivedAtMs: fraction ?? receivedAtMs, type: chance.pick(["click", "click", "impression"] as const) },
    ...({ method: chance.is(0.06) ? "HEAD" : "GET", count: chance.pick([1, 1, 1, 3]) } as const),
    ...{ userAgent: chance.pick([...Array(9).fill(BROWSER), CRAWLER, "curl/8.5.0", "facebookexternalhit/1.1"]) },
    ...{ asn: chance.is(0.06) ? 24_940 : 3_320, country: chance.pick(["DE", "FR", null]), gpc: chance.is(0.1) },
    ...{ device: chance.pick(["mobile", "desktop"] as const), userHash: chance.is(0.5) ? "A".repeat(16) : null },
  };
  return aClick({ ...facts, ...(isLate ? { occurredAtMs: receivedAtMs - 200_000 } : {}) }, payload);
}

type Lines = [key: string, entries: readonly LogEntry[]];

function archivedLog(
  segments: readonly Lines[],
  facts: Iterable<FactsRow>,
  { policy, spell }: { policy: LatePolicy; spell: (event: TokenEvent) => string },
): ArchivedLog {
  const rows = Array.from(facts);
  return {
    segments: new Map(segments.map(([key, entries]) => [key, entries.map((entry) => lineOf(entry, spell)).join("")])),
    latePolicy: { mode: policy.mode, allowedLatenessSeconds: policy.allowedLatenessS },
    cells: rows.flatMap((row) =>
      Array.from(row.cells, ([key, counts]) => ({
        ...idsOf(row),
        window: row.window,
        ...Object.fromEntries(CELL_DIMENSIONS.map((name, at) => [name, cellDimensionsOf(key)[at] ?? ""])),
        ...figuresOf(Object.fromEntries(MEASURES.map((measure, at) => [measure, counts[at] ?? 0]))),
      })),
    ),
    reasons: rows.flatMap((row) =>
      Array.from(row.reasons, ([reason, requests]) => ({ ...idsOf(row), minute: row.window, reason, requests })),
    ),
  };
}

function idsOf({ advertiserId, campaignId, adGroupId, adId }: FactsRow) {
  return { advertiser_id: advertiserId, campaign_id: campaignId, ad_group_id: adGroupId, ad_id: adId };
}

/** The line as a shard writes it. */
function lineOf(entry: LogEntry, spell: (event: TokenEvent) => string): string {
  return `${encodeLogLine(entry, entry, encodedEventOf(entry, spell))}\n`;
}

function encodedEventOf(entry: LogEntry, spell: (event: TokenEvent) => string): string {
  if (isConversionEntry(entry)) return encodeConversion(entry.event);
  if (!isTokenEntry(entry)) return encodeImpressionCounts(entry.event);
  return encodeTokenEvent({ ...entry.event, token: spell(entry.event) });
}

/** A token of the simulation, which is a name, as an ad server signs its claims; what is unset is left out. */
function tokenOf(claims: Claims | undefined): string {
  if (claims === undefined) throw new Error("the simulation knows every token");
  const { fwd, dur, tst, ...rest } = claims;
  const texts = Object.entries({ ...rest, fwd: Number(fwd), dur: Number(dur), tst: Number(tst) });
  return anUnsignedToken(Object.fromEntries(texts.filter(([, value]) => value !== null)));
}
