/**
 * What happened to one event, from what its shard logged: the claims, the facts, each rule's word, the verdict, and
 * where it was counted. For the person who asks why.
 *
 * Keeps: pure; says nothing that the log does not hold, except what today's rules say of it, which is told apart by its
 * version. Keyed hashes of address and user are not shown: they are for telling clients apart, not for people.
 */
import type { Claims } from "./claims.ts";
import type { EventId } from "./event-id.ts";
import { GIVT_RULES, givtReasonOf } from "./givt.ts";
import { impressionKeyOf } from "./impression-key.ts";
import { MINUTE_MS } from "./limits.ts";
import { type LoggedEvent, wasDurableBeforeRedirect } from "./log-line.ts";
import { type Change, REVIEW_CAUSE } from "./revision.ts";
import { versionOf } from "./rules.ts";
import { isoSecond, minuteOf } from "./time.ts";
import { signerOf } from "./token.ts";
import { countedAtMs, type Decision, latenessMs, RULES_VERSION } from "./verdict.ts";

/** Where the lines were found. */
export type Source = { readonly shard: string | null; readonly archiveObject: string | null };

export type FirstClaim = { readonly eventId: EventId; readonly receivedAt: string };

/**
 * The explanation of an event from its first line, what reviews and revisions made of it since (of the late click that
 * it joined, if it joined one), and the first claim.
 */
export function explainEvent(
  { logged, changes }: { logged: LoggedEvent; changes: readonly Change[] },
  source: Source,
  firstClaim: FirstClaim | null,
): Record<string, unknown> {
  const { event, claims } = logged;
  const {
    id,
    token,
    ipHash,
    userHash: __,
    receivedAtMs,
    occurredAtMs,
    redirectByMs: _redirectByMs,
    acceptedAtMs: _acceptedAtMs,
    ...facts
  } = event;
  const countedInMs = logged.joins?.occurredAtMs ?? countedAtMs(logged);
  const history = historyOf(logged, changes);
  const last = history.at(-1) ?? logged;
  const review = changes.find(({ cause }) => cause === REVIEW_CAUSE);
  return {
    eventId: id,
    receivedAt: isoSecond(receivedAtMs),
    occurredAt: isoSecond(occurredAtMs),
    claims: shownClaims(claims, event.gpc),
    signer: signerOf(token),
    facts: { ...facts, hasAddressHash: ipHash !== null, hasUser: hasUser(logged) },
    verdict: last.verdict,
    reason: last.reason,
    joins: logged.joins?.to ?? null,
    history,
    rulesVersion: versionOf(logged.rules),
    ruleSet: logged.rules,
    rules: GIVT_RULES.map(({ name, means, applies }) => ({
      rule: name,
      means,
      applies: applies({ ...event, claims }),
    })),
    rulesShownVersion: RULES_VERSION,
    lateByMs: Math.max(0, latenessMs(event)),
    impression: { key: impressionKeyOf(event.type, claims), firstClaim },
    review: review === undefined ? null : { by: review.by, at: isoSecond(review.atMs) },
    countedInMinute: last.verdict === "deferred" ? null : isoSecond(minuteOf(countedInMs) * MINUTE_MS),
    loggedAt: isoSecond(logged.loggedAtMs),
    durable: durabilityOf(logged),
    foundIn: source,
  };
}

/** What an ordinary person's browser calls itself, for clicks that nobody has made. */
const PERSONS_AGENT =
  "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/142.0.0.0 Safari/537.36";

/**
 * What the rules would say of a click that a person made on a token at this instant, by what is known without one: the
 * token, and whether its impression is claimed. A click of a program may still be invalid.
 */
export function judgeAsIfClicked(
  claims: Claims,
  { nowMs, isClaimed }: { nowMs: number; isClaimed: boolean },
): Decision {
  const person = { type: "click", method: "GET", userAgent: PERSONS_AGENT, asn: null } as const;
  const invalid = givtReasonOf({ ...person, receivedAtMs: nowMs, claims });
  if (invalid !== null) return { verdict: "invalid", reason: invalid };
  return isClaimed ? { verdict: "duplicate", reason: "same_impression" } : { verdict: "valid", reason: null };
}

/** The claims without their user where the click asked not to be tracked. */
export function shownClaims(claims: Claims, isPrivate: boolean): Claims {
  return isPrivate ? { ...claims, uid: null } : claims;
}

function hasUser({ event, claims }: LoggedEvent): boolean {
  return !event.gpc && (event.userHash !== null || claims.uid !== null);
}

/** A decision on the event: by the rules at first, then by whoever changed it, and what for. */
type Decided = Decision & { readonly at: string; readonly cause: string; readonly by: string | null };

/** All decisions, oldest first; of clicks that joined a late one, none is the valid one that was accepted. */
function historyOf(logged: LoggedEvent, changes: readonly Change[]): Decided[] {
  const hasJoined = logged.joins !== undefined && logged.joins !== null;
  const first = { verdict: logged.verdict, reason: logged.reason, at: isoSecond(logged.loggedAtMs) };
  const later = changes.map(({ verdict, reason, atMs, cause, by }): Decided => {
    const decision: Decision =
      hasJoined && verdict === "valid" ? { verdict: "duplicate", reason: "same_impression" } : { verdict, reason };
    return { ...decision, at: isoSecond(atMs), cause, by };
  });
  return [{ ...first, cause: "rules", by: null }, ...later];
}

/** Of a click that asked to be durable before its redirect: by when, and whether it was. */
function durabilityOf(logged: LoggedEvent): Record<string, unknown> | null {
  const { redirectByMs, acceptedAtMs } = logged.event;
  if (redirectByMs === null) return null;
  return {
    redirectBy: isoSecond(redirectByMs),
    acceptedAt: acceptedAtMs === null ? null : isoSecond(acceptedAtMs),
    wasBeforeRedirect: wasDurableBeforeRedirect(logged),
  };
}
