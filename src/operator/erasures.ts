/**
 * Erasing a person's events, or one click's, by the operator.
 *
 *   POST /v1/admin/erasures  {"advertiserId":"adv_1","uid":"u_42"} or {"clickId":"2~…"}       202 and an id
 *   GET  /v1/admin/erasures/:id            how far it is and what it waits for; when it is done, its receipt
 *
 * Keeps: scope admin only. Who is erased stands in the order until it is done, and in no record of the act.
 */
import * as z from "zod";
import { type Actor, auditStatement } from "../access/audit.ts";
import { fromDatabase } from "../access/database.ts";
import { isId } from "../core/claims.ts";
import { openClickId } from "../core/click-id.ts";
import type { KeyRing } from "../core/key-ring.ts";
import { trimInvisible } from "../core/reference.ts";
import { err, ok, type Result } from "../core/result.ts";
import { type Order, readOrder, readReceipt, type SealedReceipt, type Subject, writeOrder } from "../erasure/order.ts";
import { newOrder } from "../erasure/run.ts";
import type { ReportProblem } from "../report/problems.ts";
import { invalidBody } from "./invalid.ts";

const anId = z.string().refine(isId, "An id is 1 to 64 of A–Z a–z 0–9 _ - .");
export const subjectSchema = z.union([
  z.strictObject({
    advertiserId: anId.describe("Whose ads."),
    uid: anId.describe("The claim `uid` of the tokens: everything that they name is erased."),
  }),
  z.strictObject({ clickId: z.string().min(1).max(4_000).describe("As the landing page was given it: that click.") }),
]);

type Answer = Result<Record<string, unknown>, ReportProblem>;
type Ports = { readonly env: Env; readonly ring: KeyRing };
const ID = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/;
const NO_ORDER = "No erasure has this id. POST /v1/admin/erasures answers one.";
const NO_CLICK_ID = "Give the click id as the landing page was given it, signed by this deployment.";

/** Begins to erase; cron goes on with it within two minutes. */
export async function startErasure(body: unknown, { env, ring }: Ports, actor: Actor): Promise<Answer> {
  const parsed = subjectSchema.safeParse(body);
  if (!parsed.success) return err(invalidBody(parsed.error));
  const subject = subjectOf(parsed.data, ring);
  if (subject === null) return err({ reason: "invalid_value", field: "clickId", detail: NO_CLICK_ID });
  const id = crypto.randomUUID();
  const after = { of: "uid" in subject ? "user" : "click" };
  const entry = { action: "create", subjectKind: "erasure", subjectId: id, before: null, after } as const;
  await fromDatabase(() => auditStatement(env.REPORT_DB, actor, entry).run());
  const order = newOrder(id, subject, { by: actor.keyId, nowMs: actor.nowMs });
  await writeOrder(env.ARCHIVE, order, null);
  return ok(ofOpen(order));
}

function subjectOf(asked: z.output<typeof subjectSchema>, ring: KeyRing): Subject | null {
  if ("uid" in asked) return asked;
  const click = openClickId(trimInvisible(asked.clickId), ring);
  return click === null ? null : { advertiserId: click.advertiserId, eventId: click.eventId };
}

export async function showErasure(id: string, { ARCHIVE: bucket }: Pick<Env, "ARCHIVE">): Promise<Answer> {
  // A receipt is put before its order is taken away.
  const stored = ID.test(id) ? await readOrder(bucket, id) : null;
  const sealed = ID.test(id) ? await readReceipt(bucket, id) : null;
  if (sealed !== null) return ok(ofDone(sealed));
  return stored === null ? err({ reason: "not_found", detail: NO_ORDER }) : ok(ofOpen(stored.order));
}

const instantOf = (ms: number) => new Date(ms).toISOString();

function ofOpen({ id, subject, by, askedAtMs, pass, phase, notBeforeMs, erased, waiting }: Order) {
  return {
    ...{ id, state: "open", of: "uid" in subject ? "user" : "click", by, askedAt: instantOf(askedAtMs) },
    ...{ pass, phase, goesOnAt: instantOf(notBeforeMs), erased: spelled(erased) },
    waiting: { heldDays: waiting.held, refusedObjects: waiting.refused },
    receipt: null,
  };
}

function ofDone(sealed: SealedReceipt) {
  const { receipt } = sealed;
  return {
    ...{ id: receipt.id, state: "done", of: receipt.subject, by: receipt.by, askedAt: instantOf(receipt.asked_at_ms) },
    ...{ pass: receipt.passes, phase: null, goesOnAt: null, erased: spelled(receipt.erased) },
    waiting: { heldDays: [], refusedObjects: [] },
    receipt: sealed,
  };
}

function spelled({ lines, click_lines: clickLines, tokens, copies, late_clicks: lateClicks }: Order["erased"]) {
  return { lines, clickLines, tokens, copies, lateClicks };
}
