/**
 * Explain: what happened to one click, for the advertiser who doubts it and the auditor who asks.
 *
 *   GET  /v1/clicks/:id     an event id, or the click id that the landing page was given
 *   POST /v1/explain        {"token": "…"}: which click of this impression counts, that one's explanation, and what
 *                           would become of a click now
 *
 * Looks in the logs of the shards that may own the event, then in the archive. Keeps: nothing is said of a token, nor
 * by a click id, that was not signed here. Asking counts nothing, and leaves no trace. Who may not see an event gets
 * the answer of one that is not there, after the same work: its lines are passed over, and the search goes on to its
 * end. A click is claimed in the shard of its token, so a duplicate leads to its first claim.
 * Relies on: advertiser and publisher are part of an impression's identity (core/impression-key.ts), so whoever may see
 * a click may see the click that claimed its impression.
 */

import type { Whose } from "../access/looks.ts";
import type { ReadScope } from "../access/read-scope.ts";
import { findArchived } from "../archive/reader.ts";
import { openClickId } from "../core/click-id.ts";
import { decodeEventId, type EventId, isEventId } from "../core/event-id.ts";
import { explainEvent, type FirstClaim, judgeAsIfClicked, shownClaims } from "../core/explain.ts";
import { impressionKeyOf } from "../core/impression-key.ts";
import type { KeyRing } from "../core/key-ring.ts";
import { SECOND_MS } from "../core/limits.ts";
import { decodeEventLine, type LoggedEvent } from "../core/log-line.ts";
import { trimInvisible } from "../core/reference.ts";
import type { Refusal } from "../core/refusal.ts";
import { err, ok, type Result } from "../core/result.ts";
import { eventShardName, shardOf, shardsOfHash, type Topology } from "../core/routing.ts";
import { hourOf, isoSecond } from "../core/time.ts";
import { signerOf, type TokenPolicy, tokenWithin, verifyOldToken, verifyToken } from "../core/token.ts";
import { problemJson } from "../problem.ts";
import type { ReportProblem } from "../report/problems.ts";
import { changesOf, claimantIn, findLogged, type ShardNamespace } from "../shard/stub.ts";

export type ExplainPorts = {
  readonly shards: ShardNamespace;
  readonly archive: R2Bucket;
  readonly topology: Topology;
  readonly ring: KeyRing;
  readonly policy: TokenPolicy;
  readonly nowMs: number;
  /** Where it is noted whose click was found. */
  readonly whose?: Pick<Whose, "note">;
};

/** An event's line, decoded and as it stands in the log, and where it was found. */
export type Found = {
  readonly logged: LoggedEvent;
  readonly text: string;
  readonly shard: string;
  readonly object: string | null;
};

const NO_ID = "An id is an event id, or a click id as the landing page was given it.";
export const NO_CLICK = "No click of yours has this id or token.";
const NO_KEY =
  "The token was signed with a key that this deployment does not have, or has no longer: ask about another.";
const NOT_SIGNED = "Only a token as it was signed is explained; its signature is checked over every character.";

/** Explains the click of an event id or a click id. */
export async function explainClick(
  id: string,
  scope: ReadScope,
  ports: ExplainPorts,
): Promise<Result<Record<string, unknown>, ReportProblem>> {
  const eventId = eventIdOf(id, ports.ring);
  if (!eventId.ok) return eventId;
  const found = await findEvent(eventId.value, scope, ports);
  if (found === null) return err({ reason: "not_found", detail: NO_CLICK });
  return ok(await explanationOf(found, await firstClaimOf(found.logged.claims, ports), ports));
}

/** The event that an event id or a click id names. */
export function eventIdOf(id: string, ring: KeyRing): Result<EventId, ReportProblem> {
  const given = trimInvisible(id);
  const eventId = isEventId(given) ? given : openClickId(given, ring)?.eventId;
  return eventId === undefined ? err({ reason: "invalid_value", field: "id", detail: NO_ID }) : ok(eventId);
}

/** Explains which click of a token's impression counts, and what one more would be. */
export async function explainToken(
  token: string,
  scope: ReadScope,
  ports: ExplainPorts,
): Promise<Result<Record<string, unknown>, ReportProblem | Refusal>> {
  const claims = await verifyOldToken(token, ports);
  if (!claims.ok) return err({ field: "token", ...told(claims.error) });
  if (!isVisible({ claims: claims.value }, scope)) return err({ reason: "not_found", detail: NO_CLICK });
  const firstClaim = await firstClaimOf(claims.value, ports);
  const now = await asIfClicked(token, firstClaim !== null, ports);
  const signer = signerOf(tokenWithin(token, ports.ring));
  if (firstClaim === null) return ok({ claims: claims.value, signer, firstClaim: null, click: null, now });
  const found = await findEvent(firstClaim.eventId, scope, ports);
  // Where it cannot be seen whether the click asked not to be tracked, it is taken to have.
  const shown = shownClaims(claims.value, found?.logged.event.gpc ?? true);
  const click = found === null ? null : await explanationOf(found, firstClaim, ports);
  return ok({ claims: shown, signer, firstClaim, click, now });
}

/** What would become of a click on a token at this instant: where it would lead, what it would count as, or why not. */
async function asIfClicked(
  token: string,
  isClaimed: boolean,
  { ring, policy, nowMs }: ExplainPorts,
): Promise<Record<string, unknown>> {
  const taken = await verifyToken(tokenWithin(token, ring), { ring, policy, nowMs });
  const at = isoSecond(nowMs);
  if (!taken.ok) {
    return { at, redirects: false, landingUrl: null, verdict: null, reason: null, problem: problemJson(taken.error) };
  }
  const judged = judgeAsIfClicked(taken.value, { nowMs, isClaimed });
  return { at, redirects: true, landingUrl: taken.value.url, ...judged, problem: null };
}

/** Who asks has a token from somewhere, and is not the one who signs. */
function told(refusal: Refusal): Refusal {
  if (refusal.reason === "signature_invalid") return { ...refusal, detail: NOT_SIGNED };
  return refusal.reason === "key_unknown" ? { ...refusal, detail: NO_KEY } : refusal;
}

async function explanationOf(
  { logged, shard, object }: Found,
  firstClaim: FirstClaim | null,
  { shards }: ExplainPorts,
): Promise<Record<string, unknown>> {
  // A late click that joined another one is decided with that one.
  const changes = await changesOf(shards, shard, logged.joins?.to ?? logged.event.id);
  return explainEvent({ logged, changes }, { shard, archiveObject: object }, firstClaim);
}

/** The first line of an event, if the asker may see it. */
export async function findEvent(eventId: EventId, scope: ReadScope, ports: ExplainPorts): Promise<Found | null> {
  const { receivedAtMs, routingHash } = decodeEventId(eventId);
  const shards = shardsOfHash("click", routingHash, ports.topology).map((index) => eventShardName("click", index));
  const found = await findLine({ eventId, shards, fromMs: receivedAtMs, isWanted: isFirst }, scope, ports);
  if (found !== null) ports.whose?.note({ advertiserId: found.logged.claims.adv });
  return found;
}

export type LineOf = {
  readonly eventId: EventId;
  readonly shards: readonly string[];
  /** An instant before which it was not logged, as far as clocks agree. */
  readonly fromMs: number;
  readonly isWanted: (logged: LoggedEvent) => boolean;
};

/**
 * A line of an event, if the asker may see it: in the log of a shard that may own it, else in their archive. A log that
 * was trimmed may still hold a review or a revision of it.
 */
export async function findLine(
  { eventId, shards: names, fromMs, isWanted }: LineOf,
  scope: ReadScope,
  { shards, archive, nowMs }: Pick<ExplainPorts, "shards" | "archive" | "nowMs">,
): Promise<Found | null> {
  const isSeen = (logged: LoggedEvent) => isWanted(logged) && isVisible(logged, scope);
  for (const shard of names) {
    for (const text of await findLogged(shards, shard, eventId)) {
      const logged = decodeEventLine(text);
      if (isSeen(logged)) return { logged, text, shard, object: null };
    }
  }
  const archived = await findArchived(archive, names, {
    ...{ needle: `"id":"${eventId}"`, fromMs, nowMs },
    isWanted: (line) => isSeen(decodeEventLine(line)),
  });
  const [first] = archived;
  if (first === undefined) return null;
  const { object, line: text } = first;
  const shard = names.find((name) => object.includes(`/shard=${name}/`)) ?? "";
  return { logged: decodeEventLine(text), text, shard, object };
}

/** Neither a review nor a revision, whose lines come later. */
function isFirst({ review, revision }: LoggedEvent): boolean {
  return review === null && (revision === undefined || revision === null);
}

/** The click that the impression of these claims was claimed by; null when none was, or its key is forgotten. */
async function firstClaimOf(
  claims: LoggedEvent["claims"],
  { shards, topology }: ExplainPorts,
): Promise<FirstClaim | null> {
  const iatMs = claims.iat * SECOND_MS;
  const shard = eventShardName("click", shardOf("click", claims, topology));
  const eventId = await claimantIn(shards, shard, impressionKeyOf("click", claims), hourOf(iatMs));
  return eventId === null ? null : { eventId, receivedAt: isoSecond(decodeEventId(eventId).receivedAtMs) };
}

function isVisible({ claims }: Pick<LoggedEvent, "claims">, scope: ReadScope): boolean {
  return scope.sees({ advertiserId: claims.adv, publisherId: claims.pub });
}
