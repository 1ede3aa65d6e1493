/**
 * Ending an advertiser's postback secret alone, without a key: for when the secret has leaked and no key has.
 *
 *   POST /v1/admin/advertisers/:id/postback-secret/revoke   {"epoch": 0, "overlapSeconds": 0}
 *     → {"advertiserId": "adv_21", "epoch": 1, "previousEndsAt": "2026-04-20T12:00:00Z"}
 *
 * Keeps: it ends the secret of the epoch that is named (`GET /v1/conversions/secret` shows it), so that sending it
 * again ends no newer one: of an epoch that is over, nothing changes but that its overlap may become shorter. The act
 * and its audit entry are one transaction; two that meet raise the epoch once.
 */
import * as z from "zod";
import { type Actor, auditStatement } from "../access/audit.ts";
import { fromDatabase } from "../access/database.ts";
import { SECOND_MS } from "../core/limits.ts";
import { err, ok } from "../core/result.ts";
import { isoSecond } from "../core/time.ts";
import { OVERLAP_MAX_S } from "./keys.ts";
import { SELECT_POSTBACK_EPOCH, SET_POSTBACK_EPOCH } from "./keys-sql.ts";
import { parseBody } from "./parse.ts";
import { type Answer, persist } from "./records.ts";

export const endSecretSchema = z.strictObject({
  epoch: z.int().min(0).describe("The epoch whose secret ends, as GET /v1/conversions/secret shows it."),
  overlapSeconds: z.int().min(0).max(OVERLAP_MAX_S).default(0).describe("So long the old secret is taken still."),
});

type EpochRow = { readonly epoch: number; readonly previousUntilMs: number };

export async function endPostbackSecret(
  advertiserId: string,
  body: object,
  { database, actor }: { database: D1Database; actor: Actor },
): Promise<Answer> {
  const parsed = parseBody(body, endSecretSchema);
  if (!parsed.ok) return parsed;
  const { epoch, overlapSeconds } = parsed.value;
  const endsAtMs = actor.nowMs + overlapSeconds * SECOND_MS;
  return persist(async () => {
    const before = await fromDatabase(() =>
      database.prepare(SELECT_POSTBACK_EPOCH).bind(advertiserId).first<EpochRow>(),
    );
    if (before === null) return err({ reason: "not_found" });
    const after = endedOf(before, epoch, endsAtMs);
    if (after === null) {
      const detail = `The secret in force is of epoch ${before.epoch}: that is the highest one that can be ended.`;
      return err({ reason: "invalid_value", field: "epoch", detail });
    }
    if (after === before) return ok({ status: 200, body: toJson(advertiserId, before) });
    const shown = { before: toJson(advertiserId, before), after: toJson(advertiserId, after) };
    const subject = { subjectKind: "postback_secret", subjectId: advertiserId, ...shown };
    await fromDatabase(() =>
      database.batch([
        database
          .prepare(SET_POSTBACK_EPOCH)
          .bind(advertiserId, before.epoch, before.previousUntilMs, after.epoch, after.previousUntilMs),
        auditStatement(database, actor, { action: "revoke", ...subject }),
      ]),
    );
    return ok({ status: 200, body: shown.after });
  });
}

/** The epochs once that of `epoch` has ended; the same object where it has already, null where there is none such. */
function endedOf(before: EpochRow, epoch: number, endsAtMs: number): EpochRow | null {
  if (epoch > before.epoch) return null;
  if (epoch === before.epoch) return { epoch: epoch + 1, previousUntilMs: endsAtMs };
  const isLast = epoch === before.epoch - 1;
  return isLast && endsAtMs < before.previousUntilMs ? { ...before, previousUntilMs: endsAtMs } : before;
}

function toJson(advertiserId: string, { epoch, previousUntilMs }: EpochRow): Record<string, unknown> {
  return { advertiserId, epoch, previousEndsAt: previousUntilMs === 0 ? null : isoSecond(previousUntilMs) };
}
