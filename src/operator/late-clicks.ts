/**
 * The review list: late clicks that wait for a decision, and those decided.
 *
 *   GET  /v1/late-clicks?status=waiting|decided|all&limit=100&after=<id>     newest state, in order of receipt
 *   POST /v1/late-clicks   {"decisions": [{"id": "…", "decision": "accept" | "reject"}, …]}   up to 1 000, result each
 *
 * Keeps: a tenant lists its own, from its own report database; the operator those of all databases. Deciding needs
 * scope admin, since accepting bills and rejecting does not. The decision is made in the click's shard, once, with who
 * and when; the list follows with the shard's next posting, some seconds later. A foreign and an unknown id are the
 * same to the caller.
 */

import * as z from "zod";
import { type Actor, auditStatement } from "../access/audit.ts";
import { fromDatabase } from "../access/database.ts";
import type { ReadScope } from "../access/read-scope.ts";
import type { EventId } from "../core/event-id.ts";
import { isEventId } from "../core/event-id.ts";
import { err, ok, type Result } from "../core/result.ts";
import type { ReviewOutcome } from "../core/review.ts";
import { isoSecond } from "../core/time.ts";
import type { Directory } from "../facts/directory.ts";
import type { ReportProblem } from "../report/problems.ts";
import type { ReviewRequest } from "../shard/review.ts";
import { invalidBody } from "./invalid.ts";
import { LATE_CLICKS, LATE_SHARDS } from "./late-clicks-sql.ts";

const DECISIONS_MAX = 1_000;
const AN_ID = "An id is that of a late click, as GET /v1/late-clicks lists it.";
const STATUSES = ["waiting", "decided", "all"] as const;

export const listSchema = z.strictObject({
  status: z.enum(STATUSES).default("waiting"),
  limit: z.coerce.number().int().min(1).max(1_000).default(100),
  after: z.string().refine(isEventId, "after is the next of the page before.").optional(),
});
export const decisionsSchema = z.strictObject({
  decisions: z
    .array(z.strictObject({ id: z.string().refine(isEventId, AN_ID), decision: z.enum(["accept", "reject"]) }))
    .min(1)
    .max(DECISIONS_MAX),
});

type LateRow = {
  readonly advertiser_id: string;
  readonly event_id: EventId;
  readonly campaign_id: string;
  readonly ad_id: string;
  readonly publisher_id: string;
  readonly clicks: number;
  readonly cpc_micros: number;
  readonly occurred_at_ms: number;
  readonly received_at_ms: number;
  readonly verdict: string;
  readonly reason: string | null;
  readonly decided_by: string | null;
  readonly decided_at_ms: number | null;
};

type Databases = Pick<Directory, "databasesOf">;

/** The list as the scope may see it, over the databases that hold it; `next` is the `after` of the next page. */
export async function listLateClicks(
  search: URLSearchParams,
  directory: Databases,
  scope: ReadScope,
): Promise<Result<Record<string, unknown>, ReportProblem>> {
  const parsed = listSchema.safeParse(Object.fromEntries(search));
  if (!parsed.success) return err(invalidBody(parsed.error));
  const { status, limit, after = "" } = parsed.data;
  const owner = scope.advertiserId === null ? null : [scope.advertiserId];
  const databases = await fromDatabase(() => directory.databasesOf(owner));
  const lists = await readEach(databases, (database) =>
    LATE_CLICKS.in(database, scope, status, after, limit).all<LateRow>(),
  );
  // Each list is cut at the limit, so whoever is among the first of all is among the first of its own.
  const rows = lists.toSorted((left, right) => (left.event_id < right.event_id ? -1 : 1)).slice(0, limit);
  return ok({ lateClicks: rows.map(toJson), next: rows.length === limit ? (rows.at(-1)?.event_id ?? null) : null });
}

/**
 * Decides on late clicks in the name of the actor, who is on record in the primary database first; one result per row,
 * in their order.
 */
export async function decideLateClicks(
  body: unknown,
  { directory, primary, shards }: { directory: Databases; primary: D1Database; shards: Env["EVENT_SHARD"] },
  { actor, scope }: { readonly actor: Actor; readonly scope: ReadScope },
): Promise<Result<Record<string, unknown>, ReportProblem>> {
  const parsed = decisionsSchema.safeParse(body);
  if (!parsed.success) return err(invalidBody(parsed.error));
  const requests = parsed.data.decisions.map(({ id, decision }) => ({ event: id as EventId, choice: decision }));
  const ids = JSON.stringify(requests.map(({ event }) => event));
  const databases = await fromDatabase(() => directory.databasesOf(null));
  const found = await readEach(databases, (database) =>
    LATE_SHARDS.in(database, scope, ids).all<{ event_id: EventId; shard: string }>(),
  );
  const entry = { action: "decide", subjectKind: "late_clicks", subjectId: "", before: null } as const;
  await fromDatabase(() => auditStatement(primary, actor, { ...entry, after: parsed.data }).run());
  const shardOf = new Map(found.map(({ event_id, shard }) => [event_id, shard]));
  const outcomes = new Map<ReviewRequest, ReviewOutcome>();
  for (const name of new Set(shardOf.values())) {
    const mine = requests.filter(({ event }) => shardOf.get(event) === name);
    const decided = await shards.getByName(name).review(mine, actor.keyId);
    for (const [at, request] of mine.entries()) outcomes.set(request, decided[at] as ReviewOutcome);
  }
  const rows = requests.map((request) => ({ id: request.event, ...(outcomes.get(request) ?? { outcome: "unknown" }) }));
  return ok({
    results: rows.map(({ atMs, ...row }: { atMs?: number; id: string; outcome: string }) =>
      atMs === undefined ? row : { ...row, decidedAt: isoSecond(atMs) },
    ),
  });
}

/** The rows of all databases. */
async function readEach<Row>(
  databases: readonly D1Database[],
  read: (database: D1Database) => Promise<D1Result<Row>>,
): Promise<Row[]> {
  const answers = await Promise.all(databases.map((database) => fromDatabase(() => read(database))));
  return answers.flatMap(({ results }) => results);
}

function toJson(row: LateRow): Record<string, unknown> {
  return {
    id: row.event_id,
    advertiserId: row.advertiser_id,
    campaignId: row.campaign_id,
    adId: row.ad_id,
    publisherId: row.publisher_id,
    clicks: row.clicks,
    cpcMicros: row.cpc_micros,
    occurredAt: isoSecond(row.occurred_at_ms),
    receivedAt: isoSecond(row.received_at_ms),
    status: row.verdict === "late" ? "waiting" : "decided",
    verdict: row.verdict,
    reason: row.reason,
    decidedBy: row.decided_by,
    decidedAt: row.decided_at_ms === null ? null : isoSecond(row.decided_at_ms),
  };
}
