/**
 * Second looks, by hand: what rules over many clicks would change in a period, and having it changed.
 *
 *   POST /v1/admin/replays  {"from":"2026-04-01","to":"2026-04-08","rules":["high_frequency"]}   202 and an id
 *   GET  /v1/admin/replays?limit=100&after=<id>   all of them, the newest first
 *   GET  /v1/admin/replays/:id                    how far it is, and what would change, for whom
 *   POST /v1/admin/replays/:id/apply, …/undo      202; revises the clicks, or takes it back
 *
 * Keeps: scope admin only, audit to read. Looking changes nothing; each act is on record before it begins. A rule
 * whose precision is unknown is looked at and never applied. Days are those in which clicks were logged, at most 31.
 */
import * as z from "zod";
import { type Actor, auditStatement } from "../access/audit.ts";
import { fromDatabase } from "../access/database.ts";
import { getJson } from "../audit/objects.ts";
import { DAY_MS } from "../core/limits.ts";
import { err, ok, type Result } from "../core/result.ts";
import { SECOND_LOOK_RULES } from "../core/second-look.ts";
import { isoSecond } from "../core/time.ts";
import {
  dryOnlyRules,
  listedReplays,
  makeReplayId,
  moveReplay,
  type Replay,
  type ReplayReport,
  type ReplayTally,
  readReplay,
  reportKey,
  tallyKey,
  writeReplay,
} from "../replay/replay.ts";
import type { ReportProblem } from "../report/problems.ts";
import { invalidBody } from "./invalid.ts";

const DAYS_MAX = 31;
const day = z.iso.date("A day is YYYY-MM-DD, in UTC.");

export const periodSchema = z
  .strictObject({
    from: day.describe("The first UTC day of the log."),
    to: day.describe("The day after the last."),
    rules: z.array(z.enum(SECOND_LOOK_RULES)).min(1).max(SECOND_LOOK_RULES.length),
  })
  .refine(({ from, to }) => Date.parse(from) < Date.parse(to), { path: ["to"], message: "to lies behind from." })
  .refine(({ from, to }) => Date.parse(to) - Date.parse(from) <= DAYS_MAX * DAY_MS, {
    path: ["to"],
    message: `A replay looks at ${DAYS_MAX} days at most.`,
  });

export const replaysQuery = z.strictObject({
  limit: z.coerce.number().int().min(1).max(200).default(100),
  after: z.uuid("`after` is the `next` of the page before.").optional(),
});

type Answer = Result<Record<string, unknown>, ReportProblem>;
const ID = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/;
const NO_REPLAY = "No replay has this id. POST /v1/admin/replays answers one.";

/** Begins a look; its answer comes before it has looked. */
export async function startReplay(body: unknown, env: Env, actor: Actor): Promise<Answer> {
  const parsed = periodSchema.safeParse(body);
  if (!parsed.success) return err(invalidBody(parsed.error));
  const id = makeReplayId(actor.nowMs, crypto.getRandomValues(new Uint8Array(10)));
  const at = { by: actor.keyId, startedAtMs: actor.nowMs, changedAtMs: actor.nowMs };
  const replay: Replay = { id, ...parsed.data, ...at, phase: "looking" };
  await writeReplay(env.ARCHIVE, replay, null);
  await env.REPLAY.create({ id: `${id}-look`, params: { id, act: "look" } });
  return ok({ id, phase: replay.phase });
}

/** The replays, without what they found. */
export async function listReplays(search: URLSearchParams, bucket: R2Bucket): Promise<Answer> {
  const parsed = replaysQuery.safeParse(Object.fromEntries(search));
  if (!parsed.success) return err(invalidBody(parsed.error));
  const { limit, after = "" } = parsed.data;
  const { replays, isMore } = await listedReplays(bucket, { after, limit });
  return ok({ replays: replays.map(toSummary), next: isMore ? (replays.at(-1)?.id ?? null) : null });
}

function toSummary(replay: Replay) {
  return {
    ...{ id: replay.id, from: replay.from, to: replay.to, rules: replay.rules, by: replay.by, phase: replay.phase },
    ...{ startedAt: isoSecond(replay.startedAtMs), changedAt: isoSecond(replay.changedAtMs) },
    dryOnly: dryOnlyRules(replay),
  };
}

export async function showReplay(id: string, { ARCHIVE: bucket }: Env): Promise<Answer> {
  const stored = ID.test(id) ? await readReplay(bucket, id) : null;
  if (stored === null) return err({ reason: "not_found", detail: NO_REPLAY });
  const { replay } = stored;
  const [report, applied, undone] = await Promise.all([
    getJson<ReplayReport>(bucket, reportKey(id)),
    getJson<ReplayTally>(bucket, tallyKey(id, "apply")),
    getJson<ReplayTally>(bucket, tallyKey(id, "undo")),
  ]);
  return ok({ ...toSummary(replay), report, applied, undone });
}

/** Has what a look found revised, or takes it back. */
export async function actOnReplay(id: string, act: "apply" | "undo", env: Env, actor: Actor): Promise<Answer> {
  const stored = ID.test(id) ? await readReplay(env.ARCHIVE, id) : null;
  if (stored === null) return err({ reason: "not_found", detail: NO_REPLAY });
  const { replay } = stored;
  const [dry] = dryOnlyRules(replay);
  if (dry !== undefined) {
    return err({ reason: "replay_dry_only", field: "rules", detail: `Nobody knows how often ${dry} is right.` });
  }
  const [from, to] = act === "apply" ? (["looked", "applying"] as const) : (["applied", "undoing"] as const);
  const refused = { reason: "replay_phase", detail: `This replay is ${replay.phase}; it must be ${from}.` } as const;
  if (replay.phase !== from) return err(refused);
  const entry = { action: act, subjectKind: "replay", subjectId: id, before: { phase: from }, after: { phase: to } };
  await fromDatabase(() => auditStatement(env.REPORT_DB, actor, entry).run());
  const moved = await moveReplay(env.ARCHIVE, id, { from, to, by: actor.keyId, nowMs: actor.nowMs });
  if (moved === null) return err(refused);
  await env.REPLAY.create({ id: `${id}-${act}`, params: { id, act } });
  return ok({ id, phase: moved.phase });
}
