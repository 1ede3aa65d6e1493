/** A log day that an audit blocked, as an operator meets it: its row, its report, and all that was found. */
import { putHold } from "../../src/archive/holds.ts";
import { type AuditReport, auditKey } from "../../src/audit/audit-report.ts";
import { markAudited, markSealed } from "../../src/audit/log-days.ts";
import { putJson, putLines } from "../../src/audit/objects.ts";
import { findingsKey } from "../../src/audit/write-report.ts";
import type { Discrepancy } from "../../src/core/discrepancy.ts";
import { EXAMPLE } from "../../src/openapi/example-values.ts";

export const FOUND: readonly Discrepancy[] = [
  {
    ...{ kind: "segment_missing", where: EXAMPLE.lostObject },
    ...{ detail: "Rows 812 to 840 of clicks-3 are in no segment.", acceptable: true },
  },
  {
    ...{ kind: "fact_missing", where: "REPORT_DB/facts_minute/adv_1 29611440 cmp_7 ad_9" },
    ...{ detail: "valid is 17, and 18 by the log.", advertiserId: "adv_1", acceptable: false },
  },
];

const ENDED_MS = Date.UTC(2026, 3, 21, 0, 5);

export async function seedBlockedDay(
  { ARCHIVE, REPORT_DB }: Env,
  day: string = EXAMPLE.logDay,
  all: readonly Discrepancy[] = FOUND,
): Promise<void> {
  const report: AuditReport = {
    ...{ v: 1, id: `${day}/0001`, day, attempt: 1, outcome: "blocked" },
    ...{ sealedAtMs: ENDED_MS - 120_000, startedAtMs: ENDED_MS - 90_000, endedAtMs: ENDED_MS },
    found: Object.fromEntries(all.map((one) => [one.kind, { count: 1, examples: [one] }])),
    ...{ accepted: [], mendedOn: null },
    folds: "0".repeat(64),
    cost: {
      ...{ events: 1_204, segments: 24, objectsRead: 61, objectsWritten: 40, objectLists: 19 },
      ...{ statements: 63, rowsRead: 880, steps: 9 },
    },
  };
  await putLines(ARCHIVE, findingsKey({ day, attempt: 1 }), all);
  await putJson(ARCHIVE, auditKey(day, 1), report);
  const held = { id: EXAMPLE.holdId, from: day, to: "2026-04-22", advertiserId: "adv_1", atMs: ENDED_MS };
  await putHold(ARCHIVE, { ...held, reason: "The advertiser disputes these days.", by: EXAMPLE.keyId });
  await markSealed(REPORT_DB, day, report.sealedAtMs);
  await markAudited(REPORT_DB, report);
}
