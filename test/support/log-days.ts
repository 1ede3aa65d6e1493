/**
 * Several log days in the minutes of one test: each is closed early, so that what is counted next goes under the name of
 * the next day, and is audited at once.
 */
import { env } from "cloudflare:workers";
import { runAudit } from "../../src/audit/audit.ts";
import type { AuditReport } from "../../src/audit/audit-report.ts";
import { auditPorts } from "../../src/audit/ports.ts";
import { takeAttempt } from "../../src/audit/start.ts";
import { PLAIN_STEPS } from "../../src/audit/steps.ts";
import { DAY_MS } from "../../src/core/limits.ts";
import { Sketch } from "../../src/core/sketch.ts";
import { isoDay } from "../../src/core/time.ts";
import { TODAY } from "./audited.ts";

/** The name of the log day so many days on. */
export function dayOn(days: number): string {
  return isoDay(Date.parse(TODAY) + days * DAY_MS);
}

/** Closes and audits a day as if it were over. */
export async function closeDay(day: string, nowMs = Date.parse(day) + DAY_MS): Promise<AuditReport> {
  const attempt = await takeAttempt(env, { day, nowMs, graceMs: 0, isEarly: true });
  if (!attempt.ok) throw new Error(attempt.error);
  const ports = { ...auditPorts(env), shardNames: async () => [], clock: () => nowMs };
  return runAudit(ports, { day, attempt: attempt.value }, PLAIN_STEPS);
}

/** Deletes what lies under a prefix. */
export async function deleteBelow(prefix: string): Promise<number> {
  const { objects } = await env.ARCHIVE.list({ prefix });
  if (objects.length > 0) await env.ARCHIVE.delete(objects.map(({ key }) => key));
  return objects.length;
}

type Row = Record<string, unknown>;
const FACTS = ["facts_minute", "facts_hour", "facts_day"];
const TABLES: Readonly<Record<string, string>> = {
  ledger: "SELECT source, seq, chain, logged_at_ms, part FROM ledger",
  advertisers: "SELECT advertiser_id, bucket FROM advertisers",
  advertiser_directory: "SELECT advertiser_id, database FROM advertiser_directory",
  log_days: "SELECT * FROM log_days",
  late_clicks: "SELECT * FROM late_clicks",
  day_sums: "SELECT * FROM day_sums",
  hour_sums: "SELECT advertiser_id, dimension, day, json(sums) AS sums FROM hour_sums",
  roll_marks: "SELECT * FROM roll_marks",
  day_sum_marks: "SELECT * FROM day_sum_marks",
  hour_sum_marks: "SELECT * FROM hour_sum_marks",
  ...Object.fromEntries(FACTS.map((table) => [table, `SELECT *, CAST(sketch AS TEXT) AS sketch FROM ${table}`])),
};

/** Everything that a rebuild has to bring back, table by table, without what a grouping of postings may change. */
export async function everything(database: D1Database): Promise<Record<string, Row[]>> {
  const read = await Promise.all(
    Object.entries(TABLES).map(async ([table, sql]) => {
      const { results } = await database.prepare(sql).all<Row>();
      const rows = FACTS.includes(table) ? results.map(plain) : results;
      return [table, rows.toSorted((a, b) => (JSON.stringify(a) < JSON.stringify(b) ? -1 : 1))] as const;
    }),
  );
  return Object.fromEntries(read);
}

/** As it counts: how its text was put together is the way by which it came. */
function plain({ cells, reasons, sketch, ...row }: Row): Row {
  const counted = (JSON.parse(String(cells)) as [string[], number[]][]).filter(([, counts]) => counts.some(Boolean));
  const named = Object.entries(JSON.parse(String(reasons)) as Record<string, number>).filter(
    ([, count]) => count !== 0,
  );
  const users = typeof sketch === "string" ? Sketch.decode(sketch).encode() : null;
  return { ...row, users, cells: counted.map((cell) => JSON.stringify(cell)).sort(), reasons: named.sort() };
}
