/**
 * The audit of a log day: sealed, taken stock of, read again, decided again, added up again, and compared.
 *
 *   start ─▶ seal ─▶ inventory ─▶ each shard's part (audit/shard-audit.ts) ─▶ figures ─▶ sums ─▶ leftovers ─▶ report
 *
 * Keeps: what it knows stands in R2 between steps, under its attempt's number; a step that runs again writes the same.
 * Days are audited in their order: a day is sealed only behind the one before it.
 * Relies on: one attempt of one number at a time (audit/start.ts).
 */
import { HEADS_PREFIX } from "../archive/head.ts";
import { ADVERTISER_BUCKETS, DAY_MS, SECOND_MS } from "../core/limits.ts";
import { type AuditReport, auditId, auditKey } from "./audit-report.ts";
import { compareFigures, compareSums } from "./compare.ts";
import { type AuditOf, type AuditPorts, endOf, touchedName } from "./context.ts";
import { CountedSteps } from "./cost.ts";
import { leftovers } from "./leftovers.ts";
import { foundPrefix, getJson, keysBelow, putJson, putLines, SEALED_THROUGH_KEY } from "./objects.ts";
import { doneKey, type ShardDone } from "./shard-audit.ts";
import type { Steps } from "./steps.ts";
import { takeStock } from "./stock.ts";
import { writeReport } from "./write-report.ts";

/** Shards that are sealed in one step, and tries before the audit gives up until it is started again. */
const SEALED_AT_ONCE = 8;
const SEAL_TRIES = 30;
const SEAL_WAIT_MS = 10 * SECOND_MS;

/** Audits a sealed or unsealed day that is over. Resolves to its report, which is durable. */
export async function runAudit(ports: AuditPorts, of: AuditOf, every: Steps): Promise<AuditReport> {
  const { day, attempt } = of;
  const { bucket } = ports.meter;
  const steps = new CountedSteps(every, ports.meter);
  const startedAtMs = await steps.do("start", async () => ports.clock());
  await sealAll(ports, of, steps);
  const { shards: working, bytes } = await steps.do("inventory", () => takeStock(ports, of));
  // The parts count their own cost.
  await ports.runShards(of, { shards: working, bytes }, every);
  const touched = await steps.do("touched", async () => {
    const done = await Promise.all(working.map((shard) => getJson<ShardDone>(bucket, doneKey({ ...of, shard }))));
    // What nobody logged may stand in a database all the same, on the day itself in any bucket.
    const own = Array.from({ length: ADVERTISER_BUCKETS }, (_, bucketAt) => touchedName(day, bucketAt));
    return [...new Set([...own, ...done.flatMap((part) => part?.touched ?? [])])].sort();
  });
  for (const name of touched) {
    await steps.do(`figures ${name}`, () => compareFigures(ports, of, { name, working }));
  }
  for (const serviceDay of new Set(touched.map((name) => name.slice(0, 10)))) {
    await steps.do(`sums ${serviceDay}`, () => compareSums(ports, of, serviceDay));
  }
  await steps.do("leftovers", async () => {
    const found = await leftovers(bucket, day);
    await putLines(bucket, `${foundPrefix(day, attempt)}leftovers.ndjson`, found);
    return found.length;
  });
  await steps.do("report", async () => {
    await writeReport(ports, of, { startedAtMs, working, cost: steps.cost });
    return null;
  });
  const report = await getJson<AuditReport>(bucket, auditKey(day, attempt));
  if (report === null) throw new Error(`the report of ${auditId(day, attempt)} is gone`);
  return report;
}

/** Every shard that may have logged, and every one that ever did. */
async function shardsOf({ meter: { bucket }, shardNames }: AuditPorts): Promise<string[]> {
  const heads = await keysBelow(bucket, HEADS_PREFIX);
  const known = heads.map((key) => key.slice(HEADS_PREFIX.length, -".json".length));
  return [...new Set([...(await shardNames()), ...known])].sort();
}

/**
 * Closes the logs of all shards at the end of the last day that may be closed by now, and at this one's in any case: so
 * that of many days that wait, the first one's audit closes them all.
 */
async function sealAll(ports: AuditPorts, { day }: AuditOf, steps: Steps): Promise<void> {
  const { clock, closeGraceMs } = ports;
  const { bucket } = ports.meter;
  const untilMs = await steps.do("until", async () => {
    const through = (await getJson<{ untilMs: number }>(bucket, SEALED_THROUGH_KEY))?.untilMs ?? 0;
    const due = Math.floor((clock() - closeGraceMs) / DAY_MS) * DAY_MS;
    return through >= endOf(day) ? 0 : Math.max(endOf(day), due);
  });
  if (untilMs === 0) return;
  const shards = await steps.do("shards", () => shardsOf(ports));
  for (let at = 0; at < shards.length; at += SEALED_AT_ONCE) {
    await sealShards(ports, shards.slice(at, at + SEALED_AT_ONCE), { untilMs, number: at, steps });
  }
  await steps.do("sealed", async () => {
    await putJson(bucket, SEALED_THROUGH_KEY, { untilMs });
    return null;
  });
}

async function sealShards(
  { seal }: AuditPorts,
  shards: readonly string[],
  { untilMs, number, steps }: { untilMs: number; number: number; steps: Steps },
): Promise<void> {
  let waiting: readonly string[] = shards;
  for (let tries = 0; waiting.length > 0; tries++) {
    if (tries === SEAL_TRIES) throw new Error(`not archived up to the end of the day: ${waiting.join(", ")}`);
    if (tries > 0) await steps.sleep(`wait ${number} ${tries}`, SEAL_WAIT_MS);
    const asked = waiting;
    waiting = await steps.do(`seal ${number} ${tries}`, async () => {
      const sealed = await Promise.all(asked.map((shard) => seal(shard, untilMs)));
      return asked.filter((_, at) => sealed[at] === false);
    });
  }
}
