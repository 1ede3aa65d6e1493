/**
 * The operator's routes for holds: log days whose lines are kept longer than RAW_KEPT_DAYS.
 *
 *   PUT    /v1/admin/holds/dispute-7  {"from":"2026-09-01","to":"2026-09-08","advertiserId":"adv_1","reason":"…"}
 *   GET    /v1/admin/holds?after=…&limit=100                    those in force and those released, by id
 *   GET    /v1/admin/holds/dispute-7                            one, with the days of it whose lines are gone
 *   DELETE /v1/admin/holds/dispute-7                            releases it; the record stays
 *
 * Keeps: scope admin only. A hold never changes: the same again answers what stands there, another under its id is
 * refused, and so is one that was released. Each act is in the audit log first.
 */
import * as z from "zod";
import { type Actor, auditStatement } from "../access/audit.ts";
import { fromDatabase } from "../access/database.ts";
import { type Hold, holdIds, type KnownHold, putHold, readHold, releaseHold, retiredDays } from "../archive/holds.ts";
import { isId } from "../core/claims.ts";
import { DAY_MS } from "../core/limits.ts";
import { err, ok, type Result } from "../core/result.ts";
import type { ReportProblem } from "../report/problems.ts";
import { logDay } from "./audits.ts";
import { invalidBody } from "./invalid.ts";

/** Days that one hold names: longer ones are several. */
const HOLD_DAYS_MAX = 400;

export const holdSchema = z
  .strictObject({
    from: logDay.describe("The first log day that is held."),
    to: logDay.describe(`The day behind the last one, at most ${HOLD_DAYS_MAX} later.`),
    advertiserId: z.string().refine(isId, "An id is 1 to 64 of A–Z a–z 0–9 _ - .").nullish().describe("Whose dispute."),
    reason: z.string().trim().min(10).max(500).describe("Why these days stay."),
  })
  .refine(({ from, to }) => to > from && Date.parse(to) - Date.parse(from) <= HOLD_DAYS_MAX * DAY_MS, {
    message: `A hold ends 1 to ${HOLD_DAYS_MAX} days behind its first day: \`to\` is the day after the last one.`,
    path: ["to"],
  });
export const holdsQuery = z.strictObject({
  limit: z.coerce.number().int().min(1).max(200).default(100),
  after: z.string().min(1).max(64).optional().describe("`next` of the page before."),
});

type Answer = Result<Record<string, unknown>, ReportProblem>;
const NO_HOLD = "No hold has this id. GET /v1/admin/holds lists them.";

export async function listHolds(search: URLSearchParams, bucket: R2Bucket): Promise<Answer> {
  const parsed = holdsQuery.safeParse(Object.fromEntries(search));
  if (!parsed.success) return err(invalidBody(parsed.error));
  const { limit, after = "" } = parsed.data;
  const { ids, isMore } = await holdIds(bucket, { after, limit });
  const holds = await Promise.all(ids.map((id) => readHold(bucket, id)));
  return ok({ holds: holds.filter((hold) => hold !== null).map(toHold), next: isMore ? (ids.at(-1) ?? null) : null });
}

export async function showHold(id: string, bucket: R2Bucket): Promise<Answer> {
  const known = isId(id) ? await readHold(bucket, id) : null;
  if (known === null) return err({ reason: "not_found", detail: NO_HOLD });
  return ok({ ...toHold(known), daysGone: await retiredDays(bucket, known.hold) });
}

/** Holds days; answers which of them are gone already, or are being deleted. */
export async function holdDays(id: string, body: unknown, { env, actor }: { env: Env; actor: Actor }): Promise<Answer> {
  if (!isId(id)) {
    return err({ reason: "invalid_value", field: "id", detail: "An id is 1 to 64 of A–Z a–z 0–9 _ - ." });
  }
  const parsed = holdSchema.safeParse(body);
  if (!parsed.success) return err(invalidBody(parsed.error));
  const { from, to, reason, advertiserId = null } = parsed.data;
  const bucket = env.ARCHIVE;
  const asked: Hold = { id, from, to, advertiserId, reason, by: actor.keyId, atMs: actor.nowMs };
  const known = await readHold(bucket, id);
  if (known === null) {
    const entry = { action: "create", subjectKind: "hold", subjectId: id, before: null, after: parsed.data } as const;
    await fromDatabase(() => auditStatement(env.REPORT_DB, actor, entry).run());
  }
  const hold = known?.hold ?? (await putHold(bucket, asked));
  const differs = (["from", "to", "advertiserId", "reason"] as const).find((name) => hold[name] !== asked[name]);
  if (differs !== undefined) {
    const detail = `Hold ${id} stands with another ${differs}, and a hold never changes. Choose another id.`;
    return err({ reason: "already_exists", field: differs, detail });
  }
  if (known !== null && known.released !== null) {
    return err({ reason: "already_exists", field: "id", detail: `Hold ${id} was released. Choose another id.` });
  }
  return ok({ ...toHold({ hold, released: null }), daysGone: await retiredDays(bucket, hold) });
}

/** Releases a hold; again answers the same. Its days leave with the job's next turns. */
export async function endHold(id: string, { env, actor }: { env: Env; actor: Actor }): Promise<Answer> {
  const bucket = env.ARCHIVE;
  const known = isId(id) ? await readHold(bucket, id) : null;
  if (known === null) return err({ reason: "not_found", detail: NO_HOLD });
  if (known.released !== null) return ok(toHold(known));
  const subject = { subjectKind: "hold", subjectId: id };
  const entry = { action: "release", ...subject, before: known.hold, after: { releasedAtMs: actor.nowMs } } as const;
  await fromDatabase(() => auditStatement(env.REPORT_DB, actor, entry).run());
  const released = await releaseHold(bucket, id, { by: actor.keyId, atMs: actor.nowMs });
  return ok(toHold({ hold: known.hold, released }));
}

function toHold({ hold: { id, from, to, advertiserId, reason, by, atMs }, released }: KnownHold) {
  return {
    ...{ id, from, to, advertiserId, reason, by, heldAt: new Date(atMs).toISOString() },
    releasedBy: released?.by ?? null,
    releasedAt: released === null ? null : new Date(released.atMs).toISOString(),
  };
}
