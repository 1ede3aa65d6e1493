/**
 * The operator's routes for dead letters.
 *
 *   GET  /v1/admin/dead-letters?after=<key>&limit=100      keys with reason, queue, attempts, size, time
 *   GET  /v1/admin/dead-letters/show?key=dead/v1/…          one letter, whole; also of dead-submissions/v1/…
 *   POST /v1/admin/dead-letters/replay  {"keys": ["dead/v1/…", …]}   up to 100, result by row
 *
 * Keeps: scope admin only. Replay is idempotent and refuses what was edited (queue/replay.ts).
 */
import * as z from "zod";
import { type Actor, auditStatement } from "../access/audit.ts";
import { fromDatabase } from "../access/database.ts";
import type { Config } from "../config.ts";
import { parseJson } from "../core/base64url.ts";
import { err, ok, type Result } from "../core/result.ts";
import { logFault } from "../log.ts";
import { DEAD_PREFIX, DEAD_SUBMISSIONS_PREFIX } from "../queue/dead-letter.ts";
import { type ReplayOutcome, type ReplayPorts, replayLetter } from "../queue/replay.ts";
import type { ReportProblem } from "../report/problems.ts";
import { topologyInForce } from "../shard/topology-keeper.ts";
import { invalidBody } from "./invalid.ts";
import { ringOf } from "./ring.ts";

/** As queue/dead-letter.ts makes them. */
const letterKey = z
  .string()
  .regex(/^dead(-submissions)?\/v1\//, "A key is that of a letter, as GET /v1/admin/dead-letters lists it.");

export const listSchema = z.strictObject({
  limit: z.coerce.number().int().min(1).max(1_000).default(100),
  after: letterKey.optional(),
});
export const showSchema = z.strictObject({ key: letterKey });
export const replaySchema = z.strictObject({ keys: z.array(letterKey).min(1).max(100) });

const NO_LETTER = "No letter has this key: it was replayed, or never there. GET /v1/admin/dead-letters lists them.";

type Answer = Result<Record<string, unknown>, ReportProblem>;

export async function listDeadLetters(search: URLSearchParams, archive: R2Bucket): Promise<Answer> {
  const parsed = listSchema.safeParse(Object.fromEntries(search));
  if (!parsed.success) return err(invalidBody(parsed.error));
  const { limit, after } = parsed.data;
  const { objects, truncated } = await listLetters(archive, limit, after);
  const letters = objects.map(({ key, size, uploaded, customMetadata }) => ({
    key,
    reason: customMetadata?.["reason"] ?? null,
    queue: customMetadata?.["queue"] ?? null,
    attempts: Number(customMetadata?.["attempts"] ?? 0),
    bytes: size,
    storedAt: uploaded.toISOString(),
  }));
  return ok({ letters, next: truncated ? (letters.at(-1)?.key ?? null) : null });
}

/** Letters after a key, in the order of their keys: those of conversions, by advertiser, before all others. */
async function listLetters(
  archive: R2Bucket,
  limit: number,
  after: string | undefined,
): Promise<{ objects: R2Object[]; truncated: boolean }> {
  const objects: R2Object[] = [];
  for (const prefix of [DEAD_SUBMISSIONS_PREFIX, DEAD_PREFIX]) {
    const isBehind = after !== undefined && !after.startsWith(prefix) && after > prefix;
    if (isBehind) continue;
    // Full: whether there is more is seen by asking for one.
    const left = Math.max(1, limit - objects.length);
    const page = await archive.list({
      ...{ prefix, limit: left, include: ["customMetadata"] },
      ...(after?.startsWith(prefix) ? { startAfter: after } : {}),
    });
    if (objects.length === limit) return { objects, truncated: page.objects.length > 0 };
    objects.push(...page.objects);
    if (page.truncated) return { objects, truncated: true };
  }
  return { objects, truncated: false };
}

export async function showDeadLetter(search: URLSearchParams, archive: R2Bucket): Promise<Answer> {
  const parsed = showSchema.safeParse(Object.fromEntries(search));
  if (!parsed.success) return err(invalidBody(parsed.error));
  const object = await archive.get(parsed.data.key);
  if (object === null) return err({ reason: "not_found", detail: NO_LETTER });
  const text = await object.text();
  return ok({ key: parsed.data.key, letter: parseJson(text) ?? text });
}

/** Replays letters in the name of the actor, who is on record first. */
export async function replayDeadLetters(
  body: unknown,
  { env, config }: { env: Env; config: Config },
  actor: Actor,
): Promise<Answer> {
  const parsed = replaySchema.safeParse(body);
  if (!parsed.success) return err(invalidBody(parsed.error));
  const ports = {
    shards: env.EVENT_SHARD,
    orders: env.ORDER_SHARD,
    topology: await topologyInForce(env, config),
    archive: env.ARCHIVE,
    ring: await ringOf(config),
  };
  const entry = { action: "replay", subjectKind: "dead_letters", subjectId: "", before: null } as const;
  await fromDatabase(() => auditStatement(env.REPORT_DB, actor, { ...entry, after: parsed.data }).run());
  const results: ReplayOutcome[] = [];
  for (const key of parsed.data.keys) results.push(await replayOne(key, ports));
  return ok({ results });
}

/** One letter's fault leaves the others their results; the letter stays, and may be replayed again. */
async function replayOne(key: string, ports: ReplayPorts): Promise<ReplayOutcome> {
  try {
    return await replayLetter(key, ports);
  } catch (fault) {
    logFault("replay_failed", fault, { key });
    return { key, outcome: "failed" };
  }
}
