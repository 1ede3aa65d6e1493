/**
 * The operator's routes for audits of log days.
 *
 *   GET  /v1/admin/audits?from=2026-11-01&to=2026-11-30     the sealed days, with the state by their last audits
 *   GET  /v1/admin/audits/2026-11-27                        its reports, the newest first
 *   POST /v1/admin/audits         {"day":"2026-11-27"}      has it audited; 202 and the audit's id
 *   POST /v1/admin/audits/2026-11-27/mend                   mends what its last audit found and left open
 *   POST /v1/admin/audits/2026-11-27/losses  {"object":"raw/v1/…","reason":"…"}      accepts a loss by name
 *
 * Keeps: scope admin only. A loss is accepted only where the day's last audit names it, in a kind that nothing else
 * mends; it is put once and never changed, and closes the day at the next audit. Each act is in the audit log first.
 */
import * as z from "zod";
import { type Actor, auditStatement } from "../access/audit.ts";
import { fromDatabase } from "../access/database.ts";
import { type AuditReport, auditPrefix } from "../audit/audit-report.ts";
import { type LogDay, readLogDays } from "../audit/log-days.ts";
import { getJson, getLines, lossPrefix, putOnce } from "../audit/objects.ts";
import type { Finding } from "../audit/scan.ts";
import type { StartRefusal } from "../audit/start.ts";
import { findingsKey } from "../audit/write-report.ts";
import type { Config } from "../config.ts";
import { encodeUtf8 } from "../core/base64url.ts";
import { DISCREPANCY_KINDS, type Discrepancy, isAcceptable } from "../core/discrepancy.ts";
import { hexAt } from "../core/hex.ts";
import { err, ok, type Result } from "../core/result.ts";
import { isoDay } from "../core/time.ts";
import type { ReportProblem } from "../report/problems.ts";
import { invalidBody } from "./invalid.ts";

export const logDay = z
  .string()
  .refine(isDay, "A log day is a date in UTC, as in 2026-11-27.")
  .meta({ format: "date" })
  .describe("A log day: a date in UTC.");

export const auditsQuery = z.strictObject({ from: logDay.optional(), to: logDay.optional() });
export const auditStart = z.strictObject({ day: logDay });
export const lossSchema = z.strictObject({
  object: z.string().min(1).max(1_024).describe("What the audit names, letter for letter: `where` of a discrepancy."),
  reason: z.string().trim().min(10).max(500).describe("Why it is lost; printed on what it touches."),
});

const REPORTS_MAX = 20;

type Answer = Result<Record<string, unknown>, ReportProblem>;
type Loss = { readonly object: string; readonly reason: string; readonly by: string; readonly atMs: number };

export async function listAudits(search: URLSearchParams, primary: D1Database): Promise<Answer> {
  const parsed = auditsQuery.safeParse(Object.fromEntries(search));
  if (!parsed.success) return err(invalidBody(parsed.error));
  const { from = "", to } = parsed.data;
  const days = await fromDatabase(() => readLogDays(primary, from));
  return ok({ days: days.filter((one) => to === undefined || one.day <= to).map(toDay) });
}

export async function showAudits(name: string, { ARCHIVE: bucket, REPORT_DB: primary }: Env): Promise<Answer> {
  if (!isDay(name)) return err(NO_DAY);
  const [known] = await fromDatabase(() => readLogDays(primary, name));
  const keys = await reportKeys(bucket, name);
  if (known?.day !== name && keys.length === 0) return err(NO_DAY);
  const reports = await Promise.all(keys.slice(0, REPORTS_MAX).map((key) => getJson<AuditReport>(bucket, key)));
  const losses = await bucket.list({ prefix: lossPrefix(name) });
  const accepted = await Promise.all(losses.objects.map(({ key }) => getJson<Loss>(bucket, key)));
  return ok({
    day: name,
    state: known?.day === name ? known.state : null,
    audits: reports.filter((report) => report !== null).map(toAudit),
    losses: accepted.filter((loss) => loss !== null).map(toLoss),
  });
}

/** Has a day audited, in the name of the actor, who is on record first. */
export async function runAudit(
  body: unknown,
  { env, config }: { env: Env; config: Config },
  actor: Actor,
): Promise<Answer> {
  const parsed = auditStart.safeParse(body);
  if (!parsed.success) return err(invalidBody(parsed.error));
  const subject = { subjectKind: "log_day", subjectId: parsed.data.day };
  const entry = { action: "audit", ...subject, before: null, after: parsed.data } as const;
  await fromDatabase(() => auditStatement(env.REPORT_DB, actor, entry).run());
  const { startAudit } = await import("../audit/start.ts");
  const start = { day: parsed.data.day, nowMs: actor.nowMs, graceMs: config.closeGraceMs };
  const started = await startAudit(env, start);
  return started.ok ? ok({ id: started.value, day: parsed.data.day }) : err(refusal(started.error, parsed.data.day));
}

/** Mends what the day's last audit left open; again, what is mended already is left alone. */
export async function mendDay(name: string, { env, actor }: { env: Env; actor: Actor }): Promise<Answer> {
  const [last] = isDay(name) ? await reportKeys(env.ARCHIVE, name) : [];
  const report = last === undefined ? null : await getJson<AuditReport>(env.ARCHIVE, last);
  if (report === null) return err(NO_DAY);
  const subject = { subjectKind: "log_day", subjectId: name };
  const entry = { action: "mend", ...subject, before: null, after: { audit: report.id } } as const;
  await fromDatabase(() => auditStatement(env.REPORT_DB, actor, entry).run());
  const [{ mendAudit }, { mendPorts }] = await Promise.all([import("../audit/mend.ts"), import("../audit/ports.ts")]);
  const mended = await mendAudit(await mendPorts(env), report, actor.keyId);
  if (mended.ok) {
    const found = Object.entries(mended.value).map(([kind, sums]) => ({ kind, ...sums }));
    return ok({ id: report.id, day: name, found });
  }
  if (mended.error === "audit_unknown") return err(NO_DAY);
  const detail = `Audit ${report.id} doubts the archive itself: bring its objects back, or accept their loss.`;
  return err({ reason: "archive_in_question", detail });
}

/** Accepts a loss that the day's last audit names; the same again answers what was accepted. */
export async function acceptLoss(name: string, body: unknown, { env, actor }: { env: Env; actor: Actor }) {
  const parsed = lossSchema.safeParse(body);
  if (!parsed.success) return err(invalidBody(parsed.error));
  const bucket = env.ARCHIVE;
  const [last] = isDay(name) ? await reportKeys(bucket, name) : [];
  const report = last === undefined ? null : await getJson<AuditReport>(bucket, last);
  if (report === null) return err(NO_DAY);
  const { object, reason } = parsed.data;
  const key = `${lossPrefix(name)}${await nameOf(object)}.json`;
  const known = await getJson<Loss>(bucket, key);
  if (known !== null) return ok(toLoss(known));
  const found = await getLines<Finding>(bucket, findingsKey(report));
  const named = found.filter(({ where }) => where === object);
  if (named.length === 0) {
    const detail = `Audit ${report.id} has nothing open at this object. GET /v1/admin/audits/${name} lists what is.`;
    return err({ reason: "loss_not_found", field: "object", detail } as const);
  }
  // What is accepted at one place is accepted whole.
  const other = named.find((finding) => !isAcceptable(finding));
  if (other !== undefined) {
    const detail = `A ${other.kind} is mended by ${DISCREPANCY_KINDS[other.kind]}, and cannot be accepted.`;
    return err({ reason: "loss_not_acceptable", field: "object", detail } as const);
  }
  const loss: Loss = { object, reason, by: actor.keyId, atMs: actor.nowMs };
  const subject = { subjectKind: "loss", subjectId: name };
  const entry = { action: "accept", ...subject, before: { found: named }, after: { object, reason } } as const;
  await fromDatabase(() => auditStatement(env.REPORT_DB, actor, entry).run());
  return ok(toLoss(await putOnce(bucket, key, loss)));
}

const NO_DAY = {
  reason: "not_found",
  detail: "No log day of this date is sealed or audited. GET /v1/admin/audits lists those that are.",
} as const;

function refusal(reason: StartRefusal, name: string): ReportProblem {
  const details: Readonly<Record<StartRefusal, string>> = {
    day_not_over: `${name} is not over, or its grace (CLOSE_GRACE_H) is not. Ask again when both have passed.`,
    day_without_log: `Nothing was logged on ${name} or before it. Name a day of the archive.`,
    day_before_open: `The day before ${name} was not audited. Days are audited in their order: begin with that one.`,
    day_retired: `The lines of ${name} were deleted when they were old; what they added up to stays in its folds.`,
    audit_running: `An audit of ${name} is under way. Wait for its report: GET /v1/admin/audits/${name}.`,
  };
  return { reason, field: "day", detail: details[reason] };
}

/** The keys of a day's reports, the newest first; what audits under way keep stands in folders beside them. */
async function reportKeys(bucket: R2Bucket, name: string): Promise<string[]> {
  const { objects } = await bucket.list({ prefix: auditPrefix(name), delimiter: "/" });
  return objects.map(({ key }) => key).toReversed();
}

function toDay({ day: name, state, attempt, found, mendedOn, ...times }: LogDay): Record<string, unknown> {
  const auditedAt = times.auditedAtMs === null ? null : new Date(times.auditedAtMs).toISOString();
  const sealedAt = new Date(times.sealedAtMs).toISOString();
  return { ...{ day: name, state, attempt, sealedAt, auditedAt }, found, mendedOn };
}

function toAudit({ id, attempt, outcome, found, accepted, cost, ...times }: AuditReport): Record<string, unknown> {
  const at = (ms: number) => new Date(ms).toISOString();
  return {
    ...{ id, attempt, outcome, sealedAt: at(times.sealedAtMs), startedAt: at(times.startedAtMs) },
    endedAt: at(times.endedAtMs),
    found: Object.entries(found).map(([kind, { count, examples }]) => ({
      ...{ kind, count, mendedBy: DISCREPANCY_KINDS[kind as Discrepancy["kind"]], examples },
    })),
    accepted: accepted.map(({ object, reason, by }) => ({ object, reason, by })),
    cost,
  };
}

function toLoss({ object, reason, by, atMs }: Loss): Record<string, unknown> {
  return { object, reason, by, acceptedAt: new Date(atMs).toISOString() };
}

/** A name of bounded length for an object, whatever it is called. */
async function nameOf(object: string): Promise<string> {
  const digest = new Uint8Array(await crypto.subtle.digest("SHA-256", encodeUtf8(object)));
  return hexAt(digest, 0, 16);
}

function isDay(text: string): boolean {
  const ms = /^\d{4}-\d{2}-\d{2}$/.test(text) ? Date.parse(text) : Number.NaN;
  return !Number.isNaN(ms) && isoDay(ms) === text;
}
