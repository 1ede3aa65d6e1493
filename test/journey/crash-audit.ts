/**
 * What the Worker holds after the last crash: the archive line by line, the facts, the report; and what of it
 * contradicts the pixels, clicks and orders that were sent.
 *
 * Keeps: a finding is a sentence with a number or an id; an empty list means that everything agrees.
 */
import { setTimeout as sleep } from "node:timers/promises";
import { gunzipSync } from "node:zlib";
import type { LocalRuntime } from "../../scripts/local-runtime.ts";
import { type Facts, foldEntry } from "../../src/core/facts.ts";
import { decodeLogLine, isConversionEntry, isTokenEntry, type LogEntry } from "../../src/core/log-line.ts";
import { eventShardNames, parseTopology } from "../../src/core/routing.ts";
import { canonical, readFacts } from "../support/read-facts.ts";
import { TEST_SECRETS } from "../support/secrets.ts";
import type { Click, Impression, Traffic } from "./crash-traffic.ts";

const DAY_MS = 86_400_000;
const POLL_MS = 100;

/** Every line of the archive. */
export async function readArchive({ bindings }: LocalRuntime): Promise<LogEntry[]> {
  const logged: LogEntry[] = [];
  let cursor: string | undefined;
  do {
    const page = await bindings.ARCHIVE.list({ prefix: "raw/v1/", ...(cursor === undefined ? {} : { cursor }) });
    for (const { key } of page.objects) {
      const object = await bindings.ARCHIVE.get(key);
      const text = gunzipSync(Buffer.from((await object?.arrayBuffer()) ?? new ArrayBuffer(0))).toString("utf8");
      logged.push(...text.trimEnd().split("\n").map(decodeLogLine));
    }
    cursor = page.truncated ? page.cursor : undefined;
  } while (cursor !== undefined);
  return logged;
}

/** True when every event shard and the named objects of orders have posted and archived all; false after `timeoutMs`. */
export async function waitUntilArchived(
  { bindings }: LocalRuntime,
  orderObjects: Iterable<string>,
  timeoutMs: number,
): Promise<boolean> {
  const topology = parseTopology(JSON.parse(bindings.TOPOLOGY));
  if (!topology.ok) throw new Error(topology.error);
  const names = eventShardNames(topology.value);
  const orders = Array.from(orderObjects);
  const endsAtMs = Date.now() + timeoutMs;
  while (Date.now() < endsAtMs) {
    const all = await Promise.all([
      ...names.map((name) => bindings.EVENT_SHARD.getByName(name).status()),
      ...orders.map((name) => bindings.ORDER_SHARD.getByName(name).status()),
    ]);
    if (all.every(({ lastSeq, postedSeq, archivedSeq }) => postedSeq === lastSeq && archivedSeq === lastSeq)) {
      return true;
    }
    await sleep(POLL_MS);
  }
  return false;
}

/** What is counted of an ad. */
type AdCounts = {
  gross: number;
  valid: number;
  grossImpressions: number;
  impressions: number;
  conversions: number;
  valueMicros: number;
};

const NOTHING: AdCounts = {
  gross: 0,
  valid: 0,
  grossImpressions: 0,
  impressions: 0,
  conversions: 0,
  valueMicros: 0,
};

export type Report = { readonly watermarkMs: number; readonly byAd: ReadonlyMap<string, AdCounts> };

export async function readReport(url: string): Promise<Report> {
  const day = (ms: number) => new Date(ms).toISOString().slice(0, 10);
  const range = `from=${day(Date.now() - DAY_MS)}&to=${day(Date.now() + DAY_MS)}`;
  const metrics = "clicks,gross_clicks,impressions,gross_impressions,conversions,conversion_value_micros";
  const answer = await fetch(`${url}/v1/reports/clicks?${range}&group_by=ad_id&metrics=${metrics}`, {
    headers: { Authorization: `Bearer ${TEST_SECRETS.ADMIN_API_KEY}` },
  });
  const { rows, meta } = (await answer.json()) as {
    rows: (Record<"clicks" | "grossClicks" | "conversions" | "conversionValueMicros", number> &
      Record<"impressions" | "grossImpressions", number> & { adId: string })[];
    meta: { watermark: string };
  };
  const byAd = new Map(
    rows.map(({ adId, clicks: valid, grossClicks: gross, conversionValueMicros: valueMicros, ...row }) => [
      adId,
      {
        gross,
        valid,
        grossImpressions: row.grossImpressions,
        impressions: row.impressions,
        conversions: row.conversions,
        valueMicros,
      },
    ]),
  );
  return { watermarkMs: Date.parse(meta.watermark), byAd };
}

/** Acknowledged clicks that arrived before the watermark, and are not in the report. */
export function missingBeforeWatermark({ watermarkMs, byAd }: Report, acknowledged: readonly Click[]): string[] {
  const due = countBy(
    acknowledged.filter(({ receivedAtMs }) => receivedAtMs < watermarkMs),
    ({ impression }) => impression.ad,
  );
  const missing = Array.from(due).filter(([ad, count]) => (byAd.get(ad)?.gross ?? 0) < count);
  return missing.map(
    ([ad, count]) => `${ad}: ${count} before the watermark, ${byAd.get(ad)?.gross ?? 0} in the report`,
  );
}

/** Each contradiction between what was sent and what was archived; what is of one impression counts once. */
export function compareArchive(logged: readonly LogEntry[], traffic: Traffic): string[] {
  const findings: string[] = [...traffic.orders.findings];
  const lines = countBy(logged, ({ event }) => event.id);
  for (const [id, count] of lines) if (count !== 1) findings.push(`event ${id}: ${count} times in the archive`);
  for (const { id } of traffic.acknowledged) {
    if (!lines.has(id as string)) findings.push(`event ${id}: acknowledged, and not in the archive`);
  }
  return [
    ...findings,
    ...compareImpressions("click", logged, traffic.clicks, traffic.impressions),
    ...compareImpressions("impression", logged, traffic.pixels, traffic.impressions),
    ...compareOrders(logged, traffic),
  ];
}

/** Of each impression, as many events of a type as were acknowledged to have been sent, and one of them valid. */
function compareImpressions(
  type: "click" | "impression",
  logged: readonly LogEntry[],
  sent: readonly { readonly impression: Impression; readonly isAcknowledged: boolean }[],
  impressions: readonly Impression[],
): string[] {
  const jtiOf = ({ impression }: { readonly impression: Impression }) => impression.jti;
  const events = logged.filter(isTokenEntry).filter(({ event }) => event.type === type);
  const acknowledged = countBy(
    sent.filter(({ isAcknowledged }) => isAcknowledged),
    jtiOf,
  );
  const all = countBy(sent, jtiOf);
  const gross = countBy(
    events,
    ({ claims }) => claims.jti,
    ({ event }) => event.count,
  );
  const valid = countBy(
    events.filter(({ verdict }) => verdict === "valid"),
    ({ claims }) => claims.jti,
  );
  return impressions.flatMap(({ jti }) => {
    const [least, most] = [acknowledged.get(jti) ?? 0, all.get(jti) ?? 0];
    const [counted, taken] = [gross.get(jti) ?? 0, valid.get(jti) ?? 0];
    const findings: string[] = [];
    if (counted < least || counted > most) {
      findings.push(`${jti}: ${counted} of type ${type} counted of ${least} acknowledged and ${most} sent`);
    }
    if (taken !== Math.min(counted, 1)) findings.push(`${jti}: ${taken} valid of ${counted} of type ${type}`);
    return findings;
  });
}

/** Each acknowledged order is credited once, any other at most once, with its value and to its click. */
function compareOrders(logged: readonly LogEntry[], { orders }: Traffic): string[] {
  const lines = Map.groupBy(logged.filter(isConversionEntry), ({ event }) => event.orderId);
  const findings: string[] = [];
  for (const { orderId, clickId, valueMicros, isAcknowledged } of orders.placed) {
    const ofOrder = lines.get(orderId) ?? [];
    lines.delete(orderId);
    if (ofOrder.length > 1 || (isAcknowledged && ofOrder.length === 0)) {
      findings.push(`order ${orderId}: ${ofOrder.length} lines, acknowledged: ${isAcknowledged}`);
    }
    for (const { next } of ofOrder) {
      if (next?.clickId !== clickId || next.valueMicros !== valueMicros) {
        findings.push(`order ${orderId}: credited ${next?.valueMicros} to ${next?.clickId}`);
      }
    }
  }
  for (const orderId of lines.keys()) findings.push(`order ${orderId}: never placed`);
  return findings;
}

/** Each difference between the archive, the facts of the database and the report. */
export async function compareFacts(logged: readonly LogEntry[], runtime: LocalRuntime): Promise<string[]> {
  const findings: string[] = [];
  const folded: Facts = new Map();
  for (const entry of logged) foldEntry(folded, entry);
  if (canonical(await readFacts(runtime.database, "minute")) !== canonical(folded)) {
    findings.push("the facts are not the fold of the archive");
  }
  const { byAd } = await readReport(runtime.url);
  const archived = countAds(logged);
  for (const ad of new Set([...archived.keys(), ...byAd.keys()])) {
    const [inReport, inArchive] = [byAd.get(ad) ?? NOTHING, archived.get(ad) ?? NOTHING].map((counts) =>
      JSON.stringify(counts),
    );
    if (inReport !== inArchive) findings.push(`${ad}: report ${inReport}, archive ${inArchive}`);
  }
  return findings;
}

/** What the archive counts, by ad. */
function countAds(logged: readonly LogEntry[]): Map<string, AdCounts> {
  const byAd = new Map<string, AdCounts>();
  const countsOf = (ad: string): AdCounts => {
    const counts = byAd.get(ad) ?? { ...NOTHING };
    byAd.set(ad, counts);
    return counts;
  };
  for (const entry of logged) {
    if (isConversionEntry(entry)) {
      const counts = countsOf(entry.event.click.adId);
      counts.conversions++;
      counts.valueMicros += entry.next?.valueMicros ?? 0;
    } else if (isTokenEntry(entry)) {
      const counts = countsOf(entry.claims.ad);
      const isClick = entry.event.type === "click";
      counts[isClick ? "gross" : "grossImpressions"] += entry.event.count;
      if (entry.verdict === "valid") counts[isClick ? "valid" : "impressions"]++;
    }
  }
  return byAd;
}

function countBy<T>(items: readonly T[], keyOf: (item: T) => string, countOf: (item: T) => number = () => 1) {
  const counts = new Map<string, number>();
  for (const item of items) counts.set(keyOf(item), (counts.get(keyOf(item)) ?? 0) + countOf(item));
  return counts;
}
