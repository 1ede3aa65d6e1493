/**
 * Tickets for live streams from a browser, whose EventSource sends no header: short-lived, in the address, and good for
 * the stream of one key alone.
 *
 *   POST /v1/live/tickets, with the key     → {"ticket":"<base64url of payload>.<mac>.<kid>","expiresAt":…,"url":…}
 *   GET  /v1/live/tickets/<ticket>          → the stream of that key's owner
 *
 *   payload = {"v":1,"key":"<key id>","at":<ms>}
 *
 * Keeps: a ticket names a key and holds none. It opens within a minute of its making and only while the key is in
 * force, since the key is looked up again: whoever revokes the key has revoked its tickets. A key without an owner gets
 * none, so that no address shows what all advertisers are counted. What a log or a referrer keeps of it is worth
 * nothing afterwards.
 */
import type { Principal } from "../../access/api-keys.ts";
import { principalOf } from "../../access/api-keys.ts";
import type { Asked, Keyed } from "../../access/asked.ts";
import { fromDatabase } from "../../access/database.ts";
import { refuseIfTooFast } from "../../access/rate-limit.ts";
import type { KeyRing } from "../../core/key-ring.ts";
import { SECOND_MS } from "../../core/limits.ts";
import { err, ok, type Result } from "../../core/result.ts";
import { isoSecond } from "../../core/time.ts";
import { CURSOR_AHEAD_MAX_MS } from "../limits.ts";
import { type ReportProblem, toProblemResponse } from "../problems.ts";
import { ringOf } from "../ring.ts";
import { openPayload, sealPayload } from "../sealed-payload.ts";

export const TICKET_LIFE_MS = 60 * SECOND_MS;
const TICKET_LENGTH_MAX = 1_000;
const PURPOSE = "live ticket v1";

export type Ticket = { readonly ticket: string; readonly expiresAt: string };

type Sealing = { readonly ring: KeyRing; readonly nowMs: number };

/** A ticket of a key that belongs to a tenant. */
export async function makeTicket(
  { keyId, advertiserId, publisherId }: Principal,
  { ring, nowMs }: Sealing,
): Promise<Result<Ticket, ReportProblem>> {
  if (advertiserId === null && publisherId === null) {
    const detail = "A ticket is made with a key of an advertiser or a publisher, so that an address shows one tenant.";
    return err({ reason: "insufficient_scope", detail });
  }
  const ticket = await sealPayload(ring, PURPOSE, { v: 1, key: keyId, at: nowMs });
  return ok({ ticket, expiresAt: isoSecond(nowMs + TICKET_LIFE_MS) });
}

/** The holder of a ticket's key; one that is forged, too old or of a key that is no more is the same to the caller. */
export async function openTicket(
  ticket: string,
  database: D1Database,
  { ring, nowMs }: Sealing,
): Promise<Result<Principal, ReportProblem>> {
  const opened = await openPayload(ring, PURPOSE, ticket.slice(0, TICKET_LENGTH_MAX));
  if (opened === null) return err(notInForce());
  const { key, at } = opened as { key: string; at: number };
  const ageMs = nowMs - at;
  if (ageMs > TICKET_LIFE_MS || ageMs < -CURSOR_AHEAD_MAX_MS) return err(notInForce());
  const principal = await fromDatabase(() => principalOf(key, { database, nowMs }));
  return principal === null ? err(notInForce()) : ok(principal);
}

function notInForce(): ReportProblem {
  const detail =
    "The ticket is not in force. Make a new one by POST /v1/live/tickets with the key, and open it within a minute.";
  return { reason: "authentication_required", detail, field: "ticket" };
}

/** The holder of a ticket, whose key is then asked as often as any. Throws DatabaseFault. */
export async function admitTicket(ticket: string, { env, config, nowMs }: Asked): Promise<Result<Principal, Response>> {
  const opened = await openTicket(ticket, env.REPORT_DB, { ring: await ringOf(config), nowMs });
  if (!opened.ok) return err(toProblemResponse(opened.error, { "WWW-Authenticate": "Bearer" }));
  const hasty = await refuseIfTooFast(opened.value, env.API_RATE);
  return hasty === null ? opened : err(hasty);
}

/** Answers one who asks for a ticket. */
export async function handleTickets({ principal, config, nowMs, search }: Keyed): Promise<Response> {
  const [unknown] = search().keys();
  if (unknown !== undefined) return toProblemResponse({ reason: "unknown_parameter", field: unknown.slice(0, 64) });
  const made = await makeTicket(principal, { ring: await ringOf(config), nowMs });
  if (!made.ok) return toProblemResponse(made.error);
  const body = { ...made.value, url: `/v1/live/tickets/${made.value.ticket}` };
  return Response.json(body, { status: 201, headers: { "Cache-Control": "private, no-store" } });
}
