/**
 * Taking stock of a log day: the inventory of every shard, the seal, and the work that is left to each.
 *
 * Keeps: the seal is put once; a day that is audited again is compared with it. One listing of a day serves all shards.
 */
import { sourceOf } from "../archive/archive.ts";
import { type ArchiveHead, decodeHead, HEADS_PREFIX } from "../archive/head.ts";
import { type StoredSegment, segmentsOfDay } from "../archive/segments.ts";
import { DAY_MS } from "../core/limits.ts";
import type { Position } from "../core/position.ts";
import { isoDay } from "../core/time.ts";
import { type AuditOf, type AuditPorts, attemptsOf, lastFolded, sourcesOf, tailEndsKey } from "./context.ts";
import { takeInventory } from "./inventory.ts";
import { markSealed } from "./log-days.ts";
import { foundPrefix, getJson, keysBelow, putJson, putLines, putOnce, type Seal, sealKey } from "./objects.ts";
import type { Finding } from "./scan.ts";
import { type ShardWork, workKey } from "./shard-audit.ts";

/** The shards that have work, and the compressed bytes of all that they read. */
export type Stock = { readonly shards: string[]; readonly bytes: number };

/** Takes stock, writes the seal, and leaves each shard its work. Resolves to the shards that have any. */
export async function takeStock(ports: AuditPorts, of: AuditOf): Promise<Stock> {
  const { clock, primary } = ports;
  const { bucket } = ports.meter;
  const { day, attempt } = of;
  const nowMs = clock();
  const listed = new Map<string, Promise<StoredSegment[]>>();
  const unknown: string[] = [];
  const segmentsOn = (on: string) => {
    const known = listed.get(on) ?? segmentsOfDay(bucket, on, { onUnknown: (key) => unknown.push(key) });
    listed.set(on, known);
    return known;
  };
  const before = sourcesOf(await getJson<Seal>(bucket, sealKey(isoDay(Date.parse(day) - DAY_MS))));
  const earlier = await getJson<Seal>(bucket, sealKey(day));
  const attempts = await attemptsOf(ports, of);
  const foldedDay = lastFolded(attempts, day);
  const foldedTo = foldedDay === day ? null : await getJson<Seal>(bucket, sealKey(foldedDay));
  const sources = new Map<string, Position>(before);
  const works: ShardWork[] = [];
  const found: Finding[] = [];
  const known = new Set<string>();
  for (const key of await keysBelow(bucket, HEADS_PREFIX)) {
    const shard = key.slice(HEADS_PREFIX.length, -".json".length);
    known.add(shard);
    const object = await bucket.get(key);
    if (object === null) continue;
    const head: ArchiveHead = decodeHead(await object.text());
    const sealed = earlier === null ? null : sourcesOf(earlier);
    const stock = await takeInventory({ shard, day, head, before, sealed, nowMs, segmentsOn });
    found.push(...stock.found);
    for (const { source, to } of stock.sources) sources.set(source, to);
    const tail: StoredSegment[] = [];
    for (let ms = Date.parse(foldedDay) + DAY_MS; ms <= nowMs + DAY_MS; ms += DAY_MS) {
      tail.push(...(await segmentsOn(isoDay(ms))).filter(({ owner, isClosed }) => owner.shard === shard && !isClosed));
    }
    if (stock.segments.length + tail.length === 0) continue;
    const lives = head.lives.map(({ incarnation }) => incarnation);
    works.push({ shard, lives, sources: stock.sources, segments: stock.segments, tail });
  }
  for (const { owner, key } of await segmentsOn(day)) {
    if (!known.has(owner.shard)) found.push({ kind: "late_segment", where: key, detail: "No shard has this name." });
  }
  for (const key of unknown) found.push({ kind: "late_segment", where: key, detail: "It is no segment of a log." });
  const seal: Seal = { v: 1, day, sealedAtMs: nowMs, sources: Object.fromEntries([...sources].sort()) };
  const stands = await putOnce(bucket, sealKey(day), seal);
  await markSealed(primary, day, stands.sealedAtMs);
  for (const work of works) await putJson(bucket, workKey({ ...of, shard: work.shard }), work);
  const ends = works.flatMap(({ tail }) => tail.map(({ owner, to }) => [sourceOf(owner), to.seq] as const));
  await putJson(bucket, tailEndsKey(of), { ...seqsOf(foldedTo ?? stands), ...Object.fromEntries(ends) });
  await putLines(bucket, `${foundPrefix(day, attempt)}inventory.ndjson`, found);
  const read = works.flatMap(({ segments, tail }) => [...segments, ...tail]);
  return { shards: works.map(({ shard }) => shard), bytes: read.reduce((sum, { bytes }) => sum + bytes, 0) };
}

function seqsOf({ sources }: Seal): Record<string, number> {
  return Object.fromEntries(Object.entries(sources).map(([source, { seq }]) => [source, seq]));
}
