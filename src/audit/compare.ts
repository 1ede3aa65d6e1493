/**
 * The comparisons of an audit with the report databases, each a step of its own.
 */
import { sourceOf } from "../archive/archive.ts";
import { segmentsOfDay } from "../archive/segments.ts";
import { DAY_MS } from "../core/limits.ts";
import type { Position } from "../core/position.ts";
import { isoDay } from "../core/time.ts";
import { firstHourSumsRead } from "../facts/hour-sums-days.ts";
import { type AuditOf, type AuditPorts, attemptsOf, endOf, lastFolded, sourcesOf, tailEndsKey } from "./context.ts";
import { checkFigures } from "./figures-check.ts";
import { checkHourSums } from "./hour-sums-check.ts";
import { foundPrefix, getJson, getLines, keysBelow, putLines, type Seal, sealKey } from "./objects.ts";
import type { Finding } from "./scan.ts";
import { checkSums } from "./sums-check.ts";
import { type TailRow, tailKey, tailOf } from "./tail.ts";

/** Compares a service day of one bucket, `2026-11-27/05`, in every database. Resolves to how much it found. */
export async function compareFigures(
  ports: AuditPorts,
  of: AuditOf,
  { name, working }: { name: string; working: readonly string[] },
): Promise<number> {
  const { meter, databases, assign, clock, kept } = ports;
  const { bucket } = meter;
  const { day, attempt } = of;
  const [serviceDay = "", bucketName = ""] = name.split("/");
  const attempts = await attemptsOf(ports, of);
  const foldedTo = sourcesOf(await getJson<Seal>(bucket, sealKey(lastFolded(attempts, day))));
  const scanned: TailRow[] = [];
  for (const shard of working) scanned.push(...(await getLines<TailRow>(bucket, tailKey({ ...of, shard }))));
  const today = Math.floor(clock() / DAY_MS);
  const hoursKeptFrom = today - kept.hoursKeptDays;
  const found: Finding[] = [];
  for (const [database, d1] of databases) {
    const more = await checkFigures(bucket, {
      ...{ database: { name: database, d1 }, serviceDay, bucket: Number(bucketName), attempts, foldedTo },
      onRead: (results) => meter.note(results),
      ofDatabase: async (rows) => {
        if (databases.size === 1) return rows;
        const places = await assign([...new Set(rows.map(({ advertiserId }) => advertiserId))]);
        return rows.filter(({ advertiserId }) => places.get(advertiserId) === database);
      },
      tail: async (ledger) => [...scanned, ...(await newerRows(ports, of, ledger))],
      minutesKeptFrom: today - kept.minutesKeptDays,
      hoursKeptFrom,
    });
    found.push(...more);
    // Sums are compared with hours: where those are wrong, they are mended first, and the next audit compares.
    const isHourWrong = more.some(({ repair }) => repair?.tier === "hour");
    if (isHourWrong || Date.parse(serviceDay) / DAY_MS < Math.max(hoursKeptFrom, firstHourSumsRead(clock()))) continue;
    const where = { serviceDay, bucket: Number(bucketName) };
    found.push(...(await checkHourSums({ name: database, d1 }, where, (results) => meter.note(results))));
  }
  await putLines(bucket, `${foundPrefix(day, attempt)}figures-${name.replace("/", "-")}.ndjson`, found);
  return found.length;
}

/** What was posted since the shards' parts looked: it is archived for this, and read. */
async function newerRows(
  ports: AuditPorts,
  of: AuditOf,
  ledger: ReadonlyMap<string, Position>,
): Promise<readonly TailRow[]> {
  const { bucket } = ports.meter;
  const ends = new Map(Object.entries((await getJson<Record<string, number>>(bucket, tailEndsKey(of))) ?? {}));
  const ahead = Array.from(ledger).filter(([source, { seq }]) => seq > (ends.get(source) ?? 0));
  const shards = new Set(ahead.map(([source]) => source.split("/")[0] ?? ""));
  const rows: TailRow[] = [];
  for (const shard of shards) {
    await ports.archiveNow(shard);
    for (let ms = endOf(of.day); ms <= ports.clock() + DAY_MS; ms += DAY_MS) {
      for (const segment of await segmentsOfDay(bucket, isoDay(ms), { shard })) {
        const end = ends.get(sourceOf(segment.owner)) ?? 0;
        if (segment.isClosed || segment.to.seq <= end) continue;
        const more = await tailOf(bucket, segment, { lives: [], beforeMs: endOf(of.day) });
        rows.push(...more.rows.filter(({ seq }) => seq > end));
      }
    }
  }
  return rows;
}

/** Compares the sums of a service day in every database. */
export async function compareSums({ meter, databases }: AuditPorts, of: AuditOf, serviceDay: string): Promise<number> {
  const { bucket } = meter;
  const prefix = foundPrefix(of.day, of.attempt);
  const found: Finding[] = [];
  for (const [name, d1] of databases) {
    // Sums are compared with days: where a day is wrong itself, it is mended first, and the next audit compares.
    const figures = await keysBelow(bucket, `${prefix}figures-${serviceDay}`);
    const known = await Promise.all(figures.map((key) => getLines<Finding>(bucket, key)));
    const isDayWrong = known.flat().some(({ repair }) => repair?.database === name && repair.tier === "day");
    if (!isDayWrong) found.push(...(await checkSums({ name, d1 }, serviceDay, (results) => meter.note(results))));
  }
  await putLines(bucket, `${prefix}sums-${serviceDay}.ndjson`, found);
  return found.length;
}
