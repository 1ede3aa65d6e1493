/**
 * Webhooks: made, listed, changed, deleted, their secrets rotated, and what became of their deliveries.
 *
 *   POST   /v1/webhooks                 {"url", "types", "description"} → 201 with "secret"
 *   GET    /v1/webhooks, /v1/webhooks/:id
 *   PATCH  /v1/webhooks/:id             "status": "paused" or "active", which starts one again that was stopped
 *   DELETE /v1/webhooks/:id             once its row is gone nothing is sent, whether its object answers or not
 *   POST   /v1/webhooks/:id/rotate      {"overlapSeconds": 86400} → "secret"; until then the old one signs too
 *   POST   /v1/webhooks/:id/test        sends a message that tells of nothing, and says what became of it
 *   GET    /v1/webhooks/:id/deliveries  newest first; POST …/deliveries/:event/replay has one sent again
 *
 * Keeps: a secret is in the answer that makes it and nowhere else. A key with an owner acts on its owner's webhooks,
 * the operator's on the operator's: another's is one that does not exist. Acts are in the audit log.
 */
import * as z from "zod";
import type { Keyed } from "../access/asked.ts";
import { auditStatement } from "../access/audit.ts";
import { fromDatabase } from "../access/database.ts";
import { parseBody, parseSearch } from "../admin/parse.ts";
import { persist } from "../admin/records.ts";
import { encodeBase64url } from "../core/base64url.ts";
import { SECOND_MS } from "../core/limits.ts";
import { err, ok, type Result } from "../core/result.ts";
import { isoSecond } from "../core/time.ts";
import { FAILURES_WARNED } from "../core/webhook-schedule.ts";
import { spellWebhookSecret } from "../core/webhook-signature.ts";
import { type ReportProblem, toProblemResponse } from "../report/problems.ts";
import { checkAddress } from "./address.ts";
import type { Delivery } from "./delivery-log.ts";
import * as sql from "./endpoints-sql.ts";
import { deliveriesQuery, type WebhookChange, webhookChange, webhookCreation, webhookRotation } from "./schemas.ts";
import { webhookSecretsOf } from "./secrets.ts";
import { forgetDeleted } from "./wake.ts";

type Row = sql.WebhookRow;
type Answer = Result<Response, ReportProblem>;

const WEBHOOKS_MAX = 10;
const ID_BYTES = 12;
const NOT_FOUND = { reason: "not_found", detail: "This account has no webhook of this id." } as const;
const HEADERS = { "Cache-Control": "private, no-store", "X-Content-Type-Options": "nosniff" } as const;

const act = (does: (asked: Keyed) => Promise<Answer>) => async (asked: Keyed) => {
  const result = await does(asked);
  return result.ok ? result.value : toProblemResponse(result.error);
};
const body = (value: object, status = 200): Answer => ok(Response.json(value, { status, headers: HEADERS }));

type ActOnOne = (asked: Keyed, row: Row) => Promise<Answer>;

async function withRow(asked: Keyed, does: ActOnOne): Promise<Answer> {
  const row = await sql.readEndpoint(asked.env.REPORT_DB, asked.param("id"));
  const isOwn = row !== null && row.advertiserId === asked.principal.advertiserId;
  return isOwn ? does(asked, row) : err(NOT_FOUND);
}

/** An act on one webhook of the caller's account. */
const onOne = (does: ActOnOne) => act((asked) => withRow(asked, does));
/** The same for what changes it: it looks again where somebody else, or a stop, has changed it meanwhile. */
const changingOne = (does: ActOnOne) => act((asked) => persist(() => withRow(asked, does)));

const objectOf = ({ env }: Keyed, { id }: Row) => env.WEBHOOK_ENDPOINT.getByName(id);

export const createWebhook = act(async (asked) => {
  const { env, config, principal, actor } = asked;
  const parsed = parseBody(asked.body as object, webhookCreation);
  if (!parsed.ok) return parsed;
  const checked = checkAddress(parsed.value.url, config.webhookHttpHosts);
  if (!checked.ok) return err({ reason: "webhook_address", field: "url", detail: checked.error });
  const others = await sql.readEndpointsOf(env.REPORT_DB, principal.advertiserId);
  if (others.length >= WEBHOOKS_MAX) {
    return err({ reason: "webhooks_too_many", detail: `Delete one first: an account has ${WEBHOOKS_MAX} at most.` });
  }
  const row: Row = {
    id: `wh_${encodeBase64url(crypto.getRandomValues(new Uint8Array(ID_BYTES)))}`,
    ...{ advertiserId: principal.advertiserId, ...parsed.value, url: checked.value.href, status: "active" },
    ...{ secretVersion: 1, oldSecretEndMs: null, createdAtMs: actor.nowMs, updatedAtMs: actor.nowMs },
  };
  // Whatever may fail does so before there is a webhook whose secret nobody has seen.
  const secret = await secretOf(asked, row);
  await objectOf(asked, row).begin(row.advertiserId);
  const made = () => body({ ...toJson(row), secret }, 201);
  const make = async () => {
    await write(asked, [sql.insertEndpoint(env.REPORT_DB, row)], { action: "create", before: null, after: row });
    return made();
  };
  return persist(make, async () => ((await sql.readEndpoint(env.REPORT_DB, row.id)) === null ? null : made()));
});

export const listWebhooks = act(async ({ env, principal, search }) => {
  const parsed = parseSearch(search(), z.strictObject({}));
  if (!parsed.ok) return parsed;
  const rows = await sql.readEndpointsOf(env.REPORT_DB, principal.advertiserId);
  return body({ webhooks: rows.map(toJson) });
});

export const showWebhook = onOne(async (asked, row) => {
  const { health } = await objectOf(asked, row).deliveries({ before: 0, limit: 0, state: null });
  const { failures, failingSinceMs } = health;
  const failingSince = failingSinceMs === null ? null : isoSecond(failingSinceMs);
  return body({ ...toJson(row), failures, failingSince, isWarned: failures >= FAILURES_WARNED });
});

export const changeWebhook = changingOne(async (asked, before) => {
  const parsed = parseBody(asked.body as object, webhookChange);
  if (!parsed.ok) return parsed;
  const given: WebhookChange = parsed.value;
  const checked = given.url === undefined ? null : checkAddress(given.url, asked.config.webhookHttpHosts);
  if (checked !== null && !checked.ok) return err({ reason: "webhook_address", field: "url", detail: checked.error });
  const row = changed(before, { ...given, ...(checked === null ? {} : { url: checked.value.href }) }, asked);
  await write(asked, [sql.updateEndpoint(asked.env.REPORT_DB, before, row)], { action: "update", before, after: row });
  if (row.status === "active" && before.status !== "active") await objectOf(asked, row).resume();
  return body(toJson(row));
});

export const deleteWebhook = act(async (asked) => {
  const database = asked.env.REPORT_DB;
  let found: Row | null = null;
  const remove: ActOnOne = async (_, row) => {
    found = row;
    const statements = sql.deleteEndpoint(database, row, asked.nowMs);
    await write(asked, statements, { action: "revoke", before: row, after: row });
    return body(toJson(row));
  };
  // Whoever did it: it was there when this was asked, and is gone.
  const written = async () =>
    found !== null && (await sql.readEndpoint(database, found.id)) === null ? body(toJson(found)) : null;
  const answer = await persist(() => withRow(asked, remove), written);
  // It is deleted now. What its object has goes at once, or else by cron.
  if (answer.ok) await forgetDeleted(asked.env, asked.param("id"));
  return answer;
});

export const rotateWebhook = act(async (asked) => {
  const parsed = parseBody(asked.body as object, webhookRotation);
  if (!parsed.ok) return parsed;
  const { overlapSeconds } = parsed.value;
  let made: Row | null = null;
  const shown = async (row: Row) => body({ ...toJson(row), secret: await secretOf(asked, row) });
  const rotate: ActOnOne = async ({ env }, before) => {
    const endMs = before.oldSecretEndMs ?? 0;
    if (asked.nowMs < endMs && overlapSeconds > 0) {
      const detail = `The secret before signs until ${isoSecond(endMs)}, and two sign at most: rotate again then, or`;
      return err({ reason: "webhook_rotating", detail: `${detail} with overlapSeconds 0, which ends both now.` });
    }
    const oldSecretEndMs = asked.nowMs + overlapSeconds * SECOND_MS;
    made = changed(before, { secretVersion: before.secretVersion + 1, oldSecretEndMs }, asked);
    await write(asked, [sql.updateEndpoint(env.REPORT_DB, before, made)], { action: "rotate", before, after: made });
    return shown(made);
  };
  // A secret that was made though the database's answer was lost is shown: no second look would make it again.
  const written = async () => {
    const row = await sql.readEndpoint(asked.env.REPORT_DB, asked.param("id"));
    const isMade = row?.secretVersion === made?.secretVersion && row?.oldSecretEndMs === made?.oldSecretEndMs;
    return row !== null && isMade ? shown(row) : null;
  };
  return persist(() => withRow(asked, rotate), written);
});

export const testWebhook = onOne(async (asked, row) => {
  const outcome = await objectOf(asked, row).ping();
  if (outcome === null) return err(NOT_FOUND);
  const { isDelivered, status } = outcome;
  return body({ isDelivered, status, error: outcome.isDelivered ? null : outcome.error });
});

export const listDeliveries = onOne(async (asked, row) => {
  const parsed = parseSearch(asked.search(), deliveriesQuery);
  if (!parsed.ok) return parsed;
  const { before, limit, state = null } = parsed.value;
  const { deliveries } = await objectOf(asked, row).deliveries({ before, limit, state });
  const next = deliveries.length === limit ? (deliveries.at(-1)?.number ?? null) : null;
  return body({ deliveries: deliveries.map(toDelivery), next });
});

export const replayDelivery = onOne(async (asked, row) => {
  if (row.status !== "active") return err({ reason: "webhook_stopped" });
  const eventId = asked.param("event");
  const entry = {
    action: "replay",
    subjectKind: "webhook",
    subjectId: row.id,
    before: null,
    after: { eventId },
  } as const;
  await fromDatabase(() => auditStatement(asked.env.REPORT_DB, asked.actor, entry).run());
  const isThere = await objectOf(asked, row).replay(eventId);
  if (!isThere) return err({ reason: "not_found", detail: "The log of this webhook has no event of this id." });
  return body({ eventId, state: "waiting" }, 202);
});

type Act = {
  readonly action: "create" | "update" | "revoke" | "rotate";
  readonly before: Row | null;
  readonly after: Row;
};

/** The statements and their entry, together. */
async function write({ env, actor }: Keyed, statements: D1PreparedStatement[], { action, before, after }: Act) {
  const subject = {
    subjectKind: "webhook",
    subjectId: after.id,
    before: before && toJson(before),
    after: toJson(after),
  };
  const entry = auditStatement(env.REPORT_DB, actor, { action, ...subject });
  await fromDatabase(() => env.REPORT_DB.batch([...statements, entry]));
}

function changed(before: Row, given: Partial<{ [K in keyof Row]: Row[K] | undefined }>, { nowMs }: Keyed): Row {
  const set = Object.fromEntries(Object.entries(given).filter(([, value]) => value !== undefined));
  return { ...before, ...set, updatedAtMs: Math.max(nowMs, before.updatedAtMs + 1) };
}

async function secretOf({ env }: Keyed, { id, secretVersion }: Row): Promise<string> {
  return spellWebhookSecret((await webhookSecretsOf(env.ARCHIVE))(id, secretVersion));
}

function toJson({ id, advertiserId, url, types, description, status, oldSecretEndMs, createdAtMs }: Row) {
  const oldSecretEndsAt = oldSecretEndMs === null ? null : isoSecond(oldSecretEndMs);
  return { id, advertiserId, url, types, description, status, oldSecretEndsAt, createdAt: isoSecond(createdAtMs) };
}

function toDelivery({ eventId, type, state, tries, createdAtMs, dueAtMs, lastAtMs, lastStatus, lastError }: Delivery) {
  const at = (ms: number | null) => (ms === null ? null : isoSecond(ms));
  return {
    ...{ eventId, type, state, tries, createdAt: isoSecond(createdAtMs), dueAt: at(dueAtMs), lastAt: at(lastAtMs) },
    ...{ lastStatus, lastError },
  };
}
