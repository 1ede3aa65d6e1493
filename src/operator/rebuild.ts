/**
 * Filling a report database from the archive, by hand.
 *
 *   POST /v1/admin/rebuild  {"database":"REPORT_DB","after":""}   → {"events":…,"shards":…,"next":"clicks-3"}
 *
 * Of days whose lines are gone it takes the folds, and of the primary database it makes the index of log days again.
 *
 * Keeps: scope admin only. Idempotent (facts/rebuild.ts); a call ends after some seconds and says where to go on.
 */
import * as z from "zod";
import { type Actor, auditStatement } from "../access/audit.ts";
import { fromDatabase } from "../access/database.ts";
import { R2FoldedLog } from "../audit/fold-log.ts";
import { SECOND_MS } from "../core/limits.ts";
import { err, ok, type Result } from "../core/result.ts";
import { isoDay } from "../core/time.ts";
import { Directory, PRIMARY_DATABASE } from "../facts/directory.ts";
import { LogMissingError } from "../facts/folded-log.ts";
import { rebuild } from "../facts/rebuild.ts";
import type { ReportProblem } from "../report/problems.ts";
import { invalidBody } from "./invalid.ts";

/** A call works so long; a shard's postings that have begun are finished. */
const WORK_MS = 10 * SECOND_MS;

export const rebuildSchema = z.strictObject({
  database: z.string().max(64).default(PRIMARY_DATABASE).describe("Name of its binding."),
  after: z.string().max(128).default("").describe("`next` of the answer before; empty to begin."),
});

export async function rebuildDatabase(
  body: unknown,
  env: Env,
  { actor, newTo, dedupHorizonMs }: { actor: Actor; newTo: readonly string[]; dedupHorizonMs: number },
): Promise<Result<Record<string, unknown>, ReportProblem>> {
  const parsed = rebuildSchema.safeParse(body ?? {});
  if (!parsed.success) return err(invalidBody(parsed.error));
  const { database: name, after } = parsed.data;
  const directory = new Directory(env);
  const database = directory.databases.get(name);
  if (database === undefined) {
    return err({ reason: "invalid_value", field: "database", detail: `No report database is bound as ${name}.` });
  }
  if (after === "") {
    const subject = { subjectKind: "database", subjectId: name };
    const entry = { action: "rebuild", ...subject, before: null, after: { database: name } } as const;
    await fromDatabase(() => auditStatement(env.REPORT_DB, actor, entry).run());
  }
  const clock = () => Date.now();
  const assign = (ids: readonly string[]) => directory.assign(ids, { newTo, nowMs: clock() });
  const folded = new R2FoldedLog(env.ARCHIVE, name === PRIMARY_DATABASE ? database : null);
  // A late click that was logged before has left the review list, which no fold holds.
  const linesFrom = isoDay(clock() - dedupHorizonMs);
  const ports = { database, name, bucket: env.ARCHIVE, folded, linesFrom, assign, clock };
  return fromDatabase(async () => {
    try {
      return ok({ ...(await rebuild(ports, { after, untilMs: clock() + WORK_MS })) });
    } catch (fault) {
      if (!(fault instanceof LogMissingError)) throw fault;
      return err({ reason: "log_missing", detail: fault.message });
    }
  });
}
