/**
 * What the Worker holds after the last crash: the archive line by line, the facts, the report; and what of it
 * contradicts the clicks that were sent.
 *
 * Keeps: a finding is a sentence with a number or an id; an empty list means that everything agrees.
 */
import { setTimeout as sleep } from "node:timers/promises";
import { gunzipSync } from "node:zlib";
import type { LocalRuntime } from "../../scripts/local-runtime.ts";
import { type Facts, foldEvent } from "../../src/core/facts.ts";
import { decodeLogLine, type LoggedEvent } from "../../src/core/log-line.ts";
import { clickShardName } from "../../src/core/routing.ts";
import { canonical, readFacts } from "../support/read-facts.ts";
import { TEST_SECRETS } from "../support/secrets.ts";
import type { Click, Traffic } from "./crash-traffic.ts";

const SHARDS = 8;
const DAY_MS = 86_400_000;
const POLL_MS = 100;

/** Every line of the archive. */
export async function readArchive({ bindings }: LocalRuntime): Promise<LoggedEvent[]> {
  const logged: LoggedEvent[] = [];
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

/** True when every shard has posted and archived its whole log; false after `timeoutMs`. */
export async function waitUntilArchived({ bindings }: LocalRuntime, timeoutMs: number): Promise<boolean> {
  const names = Array.from({ length: SHARDS }, (_, index) => clickShardName(index));
  const endsAtMs = Date.now() + timeoutMs;
  while (Date.now() < endsAtMs) {
    const all = await Promise.all(names.map((name) => bindings.EVENT_SHARD.getByName(name).status()));
    if (all.every(({ lastSeq, postedSeq, archivedSeq }) => postedSeq === lastSeq && archivedSeq === lastSeq)) {
      return true;
    }
    await sleep(POLL_MS);
  }
  return false;
}

export type Report = {
  readonly watermarkMs: number;
  /** Gross and valid clicks by ad. */
  readonly byAd: ReadonlyMap<string, { readonly gross: number; readonly valid: number }>;
};

export async function readReport(url: string): Promise<Report> {
  const day = (ms: number) => new Date(ms).toISOString().slice(0, 10);
  const range = `from=${day(Date.now() - DAY_MS)}&to=${day(Date.now() + DAY_MS)}`;
  const answer = await fetch(`${url}/v1/reports/clicks?${range}&group_by=ad_id&metrics=clicks,gross_clicks`, {
    headers: { Authorization: `Bearer ${TEST_SECRETS.ADMIN_API_KEY}` },
  });
  const { rows, meta } = (await answer.json()) as {
    rows: { adId: string; clicks: number; grossClicks: number }[];
    meta: { watermark: string };
  };
  const byAd = new Map(rows.map(({ adId, clicks, grossClicks }) => [adId, { gross: grossClicks, valid: clicks }]));
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

/** Each contradiction between the clicks sent and what was archived; clicks of one impression are billed once. */
export function compareArchive(logged: readonly LoggedEvent[], traffic: Traffic): string[] {
  const findings: string[] = [];
  const lines = countBy(logged, ({ event }) => event.id);
  for (const [id, count] of lines) if (count !== 1) findings.push(`event ${id}: ${count} times in the archive`);
  for (const { id } of traffic.acknowledged) {
    if (!lines.has(id as string)) findings.push(`event ${id}: acknowledged, and not in the archive`);
  }
  const acknowledged = countBy(traffic.acknowledged, ({ impression }) => impression.jti);
  const sent = countBy(traffic.clicks, ({ impression }) => impression.jti);
  const gross = countBy(
    logged,
    ({ claims }) => claims.jti,
    ({ event }) => event.count,
  );
  const valid = countBy(
    logged.filter(({ verdict }) => verdict === "valid"),
    ({ claims }) => claims.jti,
  );
  for (const { jti } of traffic.impressions) {
    const [least, most] = [acknowledged.get(jti) ?? 0, sent.get(jti) ?? 0];
    const [all, billed] = [gross.get(jti) ?? 0, valid.get(jti) ?? 0];
    if (all < least || all > most) findings.push(`${jti}: ${all} counted of ${least} acknowledged and ${most} sent`);
    if (billed !== Math.min(all, 1)) findings.push(`${jti}: billed ${billed} times for ${all} clicks`);
  }
  return findings;
}

/** Each difference between the archive, the facts of the database and the report. */
export async function compareFacts(logged: readonly LoggedEvent[], runtime: LocalRuntime): Promise<string[]> {
  const findings: string[] = [];
  const folded: Facts = new Map();
  for (const event of logged) foldEvent(folded, event);
  if (canonical(await readFacts(runtime.database, "minute")) !== canonical(folded)) {
    findings.push("the facts are not the fold of the archive");
  }
  const { byAd } = await readReport(runtime.url);
  const gross = countBy(
    logged,
    ({ claims }) => claims.ad,
    ({ event }) => event.count,
  );
  const valid = countBy(
    logged.filter(({ verdict }) => verdict === "valid"),
    ({ claims }) => claims.ad,
  );
  for (const ad of new Set([...gross.keys(), ...byAd.keys()])) {
    const reported = byAd.get(ad) ?? { gross: 0, valid: 0 };
    const archived = { gross: gross.get(ad) ?? 0, valid: valid.get(ad) ?? 0 };
    if (reported.gross !== archived.gross || reported.valid !== archived.valid) {
      findings.push(`${ad}: report ${JSON.stringify(reported)}, archive ${JSON.stringify(archived)}`);
    }
  }
  return findings;
}

function countBy<T>(items: readonly T[], keyOf: (item: T) => string, countOf: (item: T) => number = () => 1) {
  const counts = new Map<string, number>();
  for (const item of items) counts.set(keyOf(item), (counts.get(keyOf(item)) ?? 0) + countOf(item));
  return counts;
}
