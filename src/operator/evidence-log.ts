/**
 * The operator's routes for the evidence log.
 *
 *   GET  /v1/admin/evidence-log             whether it is kept, its keys, how far it is, and how its last run ended
 *   POST /v1/admin/evidence-log/sequence    gives leaves that wait their places now, as cron does each hour
 *
 * Keeps: scope admin only. A run is in the audit log first. A log that is stopped says why, and signs nothing.
 */
import { type Actor, auditStatement } from "../access/audit.ts";
import { fromDatabase } from "../access/database.ts";
import type { Config } from "../config.ts";
import { claimedCheckpoint } from "../core/checkpoint.ts";
import { err, ok, type Result } from "../core/result.ts";
import type { ReportProblem } from "../report/problems.ts";
import { EVIDENCE_LOG_NAME, type NotSequenced } from "../tlog/evidence-log.ts";
import { decodeKeyList } from "../tlog/keys.ts";
import { CHECKPOINT_KEY, KEYS_KEY, PENDING_PREFIX, readText } from "../tlog/objects.ts";

type Answer = Result<Record<string, unknown>, ReportProblem>;
type Ports = { readonly env: Env; readonly config: Config };

/** What an operator does about a log that is stopped. */
const STOPPED: Readonly<Record<Exclude<NotSequenced, "off">, string>> = {
  origin_other: "The log in R2 has another origin than the name in EVIDENCE_LOG_KEYS, which never changes. Correct it.",
  key_unknown: "No key of EVIDENCE_LOG_KEYS is one of the log's. Put the old key back, behind the new one.",
  checkpoint_foreign: "No key of the log signed evidence-log/v1/checkpoint. Bring the log's own back from a copy.",
  tiles_disagree: "Tiles below evidence-log/v1/ are lost or changed. Bring them back from a copy; nothing was signed.",
  log_set_back: "The log in R2 is older than what was signed. Bring the objects below evidence-log/v1/ back.",
};

export async function showEvidenceLog({ env, config }: Ports): Promise<Answer> {
  const log = env.EVIDENCE_LOG.getByName(EVIDENCE_LOG_NAME);
  const [checkpoint, keys, waiting, last] = await Promise.all([
    readText(env.ARCHIVE, CHECKPOINT_KEY),
    readText(env.ARCHIVE, KEYS_KEY),
    waitingLeaves(env.ARCHIVE),
    log.lastRun(),
  ]);
  const stopped = last === null || last.outcome.ok || last.outcome.error === "off" ? null : last.outcome.error;
  const isOn = config.evidenceLog !== null;
  return ok({
    state: !isOn ? "off" : stopped === null ? "on" : "stopped",
    origin: config.evidenceLog?.origin ?? null,
    size: checkpoint === null ? null : (claimedCheckpoint(checkpoint.text)?.size ?? null),
    waiting: { leaves: waiting.objects.length, isMore: waiting.truncated },
    keys: keys === null ? [] : decodeKeyList(keys.text).keys.map(({ vkey, since }) => ({ vkey, since })),
    lastRunAt: last === null ? null : new Date(last.endedAtMs).toISOString(),
    stopped: isOn && stopped !== null ? { reason: stopped, advice: STOPPED[stopped] } : null,
  });
}

/** The first thousand. A fault is a rejection, so that what is read beside it is waited for. */
async function waitingLeaves(bucket: R2Bucket): Promise<R2Objects> {
  return await bucket.list({ prefix: PENDING_PREFIX });
}

/** Runs the sequencer once, in the name of the actor, who is on record first. */
export async function runEvidenceLog({ env }: Ports, actor: Actor): Promise<Answer> {
  const subject = { subjectKind: "evidence_log", subjectId: EVIDENCE_LOG_NAME };
  const entry = { action: "sequence", ...subject, before: null, after: {} } as const;
  await fromDatabase(() => auditStatement(env.REPORT_DB, actor, entry).run());
  const { outcome } = await env.EVIDENCE_LOG.getByName(EVIDENCE_LOG_NAME).sequence();
  if (outcome.ok) return ok({ ...outcome.value });
  if (outcome.error === "off") return err({ reason: "evidence_log_off" });
  return err({ reason: "evidence_log_stopped", detail: STOPPED[outcome.error] });
}
