/**
 * What cron does each minute: measure, keep it, judge, tell.
 *
 * Keeps: tallies of isolates are deleted when a snapshot has them, and never before. Alarms follow a snapshot that was
 * written, so that of two crons at once one tells.
 */
import { ALARMS, type Alarm, judge } from "../core/alarms.ts";
import type { Sample } from "../core/metrics.ts";
import { samplesOf } from "./add-up.ts";
import { type MeasurePorts, measure } from "./measure.ts";
import { readSnapshot, writeSnapshot } from "./snapshot.ts";
import { tellAlarms } from "./tell-alarms.ts";

/** Measures and tells. Rejects where R2 or the primary database does not answer. */
export async function watch(ports: MeasurePorts): Promise<void> {
  const { bucket, primary, nowMs } = ports;
  const { snapshot: before, etag } = await readSnapshot(bucket);
  const { samples: measured, unknown, sums } = await measure(ports, before);
  const found = [...measured, ...samplesOf(sums)];
  const { metSince, raised } = judge({ samples: found, unknown }, before.metSince, nowMs);
  const samples = [...found, ...ofAlarms(raised)];
  if (!(await writeSnapshot(bucket, { ...sums, atMs: nowMs, samples, metSince }, etag))) return;
  await bucket.delete([...sums.told]);
  await tellAlarms(primary, raised, nowMs);
}

function ofAlarms(raised: ReadonlySet<string>): Sample[] {
  const alarms: readonly Alarm[] = ALARMS;
  return alarms
    .filter(({ isOfScraper }) => isOfScraper !== true)
    .map(({ alarm }) => ({ name: "clickledger_alarm", of: alarm, value: raised.has(alarm) ? 1 : 0 }));
}
