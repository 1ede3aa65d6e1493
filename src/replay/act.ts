/**
 * Applying a replay, and taking it back: revisions of a part's clicks, in the shard that owns them.
 *
 *   apply   valid → invalid, the duplicate takes over         cause replay/<id>
 *   undo    invalid → valid, the duplicate gives it back      cause replay/<id>/undo
 *
 * Keeps: idempotent: what was revised under this cause is not revised again, and what somebody else has revised
 * meanwhile is left as it is. Undoing touches nothing but what this replay made, as long as it is as it left it.
 */
import type { Change, RevisionOutcome } from "../core/revision.ts";
import type { Decision } from "../core/verdict.ts";
import type { RevisionRequest } from "../shard/revise.ts";
import { changesOf, reviseIn, type ShardNamespace } from "../shard/stub.ts";
import type { AppliedChange, PlannedChange, ReplayTally } from "./replay.ts";

/** Revisions of one call. */
const CALL_MAX = 50;

export type ActPorts = { readonly shards: ShardNamespace; readonly by: string };
export type ActOn = { readonly id: string; readonly shard: string };

const VALID = "valid";
const DUPLICATE: Decision = { verdict: "duplicate", reason: "same_impression" };

export const applyCause = (id: string) => `replay/${id}`;
export const undoCause = (id: string) => `replay/${id}/undo`;

/** Revises what was planned; resolves to what stands revised by this replay. */
export async function applyChanges(
  { shards, by }: ActPorts,
  { id, shard }: ActOn,
  changes: readonly PlannedChange[],
): Promise<AppliedChange[]> {
  const cause = applyCause(id);
  const applied: AppliedChange[] = [];
  let open = changes.map((change) => ({ change, request: requestOf(change) }));
  // As planned; as it is now; and without the duplicate, which may be what is in the way.
  for (let tries = 0; open.length > 0 && tries < 3; tries++) {
    const again: typeof open = [];
    const outcomes = await reviseAll(shards, shard, { requests: open.map(({ request }) => request), cause, by });
    for (const [at, { change, request }] of open.entries()) {
      const outcome = outcomes[at] as RevisionOutcome;
      const isNew = outcome.outcome === "revised" && outcome.cause === cause;
      // The same revision may stand under another's name, and be taken back since.
      const known = outcome.outcome === "revised" ? await changesOf(shards, shard, change.event) : outcome.changes;
      const made = isNew ? outcome : madeBy(known, cause);
      if (made !== null) {
        const promote = isNew ? (request.promote ?? null) : null;
        applied.push({ ...change, from: made.from, n: made.n, promote: promote === null ? null : change.promote });
        continue;
      }
      const retry = retryOf(request, known, tries);
      if (retry !== null) again.push({ change, request: retry });
    }
    open = again;
  }
  return applied;
}

/** Takes back what was revised; counts what was, and what somebody has changed since. */
export async function undoChanges(
  { shards, by }: ActPorts,
  { id, shard }: ActOn,
  applied: readonly AppliedChange[],
): Promise<ReplayTally> {
  const cause = undoCause(id);
  let open = applied.map(inverseOf);
  let revised = 0;
  for (let tries = 0; open.length > 0 && tries < 2; tries++) {
    const outcomes = await reviseAll(shards, shard, { requests: open, cause, by });
    const refused = open.filter((_, at) => !isMadeBy(outcomes[at] as RevisionOutcome, cause));
    revised += open.length - refused.length;
    // Another click has claimed the impression meanwhile: then this one is its duplicate.
    open = refused
      .filter((request) => outcomes[open.indexOf(request)]?.outcome === "claimed")
      .map((request) => ({ ...request, to: DUPLICATE }));
  }
  return { revised, skipped: applied.length - revised };
}

function requestOf({ encoded, from, to, promote }: PlannedChange): RevisionRequest {
  return { encoded, n: 1, from, to, promote };
}

/** The inverse: the click gets back what it was, from the duplicate if that one took over. */
function inverseOf({ encoded, n, from, to, promote }: AppliedChange): RevisionRequest {
  if (promote === null) return { encoded, n: n + 1, from: to, to: from };
  const reason = from.reason === "late_accepted" ? from.reason : null;
  return {
    ...{ encoded: promote.encoded, n: promote.n + 1, to: promote.from },
    from: { verdict: VALID, reason: promote.reason ?? null },
    promote: { encoded, n: n + 1, from: to, reason },
  };
}

/** The change that this cause has made, if it is the last. */
function madeBy(changes: readonly Change[], cause: string): Change | null {
  const last = changes.at(-1);
  return last?.cause === cause ? last : null;
}

function isMadeBy(outcome: RevisionOutcome, cause: string): boolean {
  return outcome.outcome === "revised" ? outcome.cause === cause : madeBy(outcome.changes, cause) !== null;
}

function retryOf(request: RevisionRequest, changes: readonly Change[], tries: number): RevisionRequest | null {
  const last = changes.at(-1);
  if (last !== undefined && last.verdict !== VALID) return null;
  const known = last === undefined ? {} : { n: last.n + 1, from: { verdict: last.verdict, reason: last.reason } };
  return { ...request, ...known, promote: tries === 0 && last !== undefined ? (request.promote ?? null) : null };
}

async function reviseAll(
  shards: ShardNamespace,
  shard: string,
  { requests, cause, by }: { requests: readonly RevisionRequest[]; cause: string; by: string },
): Promise<RevisionOutcome[]> {
  const outcomes: RevisionOutcome[] = [];
  for (let at = 0; at < requests.length; at += CALL_MAX) {
    outcomes.push(...(await reviseIn(shards, shard, requests.slice(at, at + CALL_MAX), { cause, by })));
  }
  return outcomes;
}
