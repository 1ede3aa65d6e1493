/**
 * What follows a statement that stands: its leaf in the evidence log, the mark in the primary database, who is told.
 *
 *   pending note ──▶ statement (R2, if absent) ──▶ leaf ──▶ mark and events (D1, one transaction) ──▶ note deleted
 *
 * Keeps: the note is there before the statement is, so that whoever finds one finishes what was begun (cron does): no
 * statement stands that nobody is told of. Events name facts, so telling again changes nothing.
 */
import { fromDatabase } from "../access/database.ts";
import { markBilled } from "../audit/billed-until.ts";
import { getJson, putJson } from "../audit/objects.ts";
import { encodeBase64url } from "../core/base64url.ts";
import { SECOND_MS } from "../core/limits.ts";
import { hashLeaf } from "../core/merkle.ts";
import { type NewEvent, TO_OPERATOR } from "../core/outbox-event.ts";
import { leafOf, leafSecretsOf } from "../evidence/leaf.ts";
import { insertEvents } from "../facts/outbox-sql.ts";
import { logFault } from "../log.ts";
import { EVIDENCE_LOG_NAME } from "../tlog/evidence-log.ts";
import { enqueueLeaf, locateLeaf } from "../tlog/log.ts";
import { CHECKPOINT_KEY, readText } from "../tlog/objects.ts";
import type { BillingPorts } from "./issue.ts";
import { leafName, leafOwner, type Owner, ownerNamed, ownerPath, spellNumber } from "./owner.ts";
import { readStatement, type StoredStatement } from "./statement.ts";

export type BillingEnv = Pick<Env, "ARCHIVE" | "REPORT_DB" | "EVIDENCE_LOG">;

const PENDING_PREFIX = "statement-pending/v1/";
/** A run of the sequencer that takes longer is not waited for: the event then has no checkpoint. */
const SEQUENCE_MS = 5 * SECOND_MS;
/** A note without a statement is of one that was not issued. */
const PENDING_MS = 3_600 * SECOND_MS;
const PENDING_PER_RUN = 20;

type Pending = { readonly owner: Owner; readonly number: number };
const pendingKey = ({ owner, number }: Pending) => `${PENDING_PREFIX}${ownerPath(owner)}/${spellNumber(number)}.json`;

/** Notes that a statement is about to be put. */
export async function noteIssuing({ ARCHIVE: bucket }: Pick<Env, "ARCHIVE">, of: Pending): Promise<void> {
  await putJson(bucket, pendingKey(of), of);
}

/** Does what follows a statement that stands, perhaps again. */
export async function tellIssued(
  env: BillingEnv,
  stored: StoredStatement,
  { isLogged, nowMs }: { isLogged: boolean; nowMs: number },
): Promise<void> {
  const { number, to } = stored.statement;
  const owner = ownerNamed(stored.statement);
  const secretOf = await leafSecretsOf(env.ARCHIVE);
  const leaf = leafOf(secretOf(leafOwner(owner)), leafName(owner, number), stored.sha256);
  await enqueueLeaf(env.ARCHIVE, leaf);
  const proved = await placeOf(env, leaf, isLogged);
  const events = eventsOf(stored, owner, proved);
  // Days of reports are marked for advertisers alone: a publisher's day is of many of them.
  const marks = "advertiserId" in owner ? [markBilled(env.REPORT_DB, owner.advertiserId, Date.parse(to))] : [];
  await fromDatabase(() => env.REPORT_DB.batch([...marks, insertEvents(env.REPORT_DB, events, nowMs)]));
  await env.ARCHIVE.delete(pendingKey({ owner, number }));
}

type Place = { readonly leaf: string; readonly index: number | null; readonly checkpoint: string | null };

/** The leaf's place and a checkpoint that has it, where the log gives it one at once; billing does not depend on it. */
async function placeOf(env: BillingEnv, leaf: Uint8Array, isLogged: boolean): Promise<Place> {
  const hash = hashLeaf(leaf);
  const unplaced = { leaf: encodeBase64url(hash), index: null, checkpoint: null };
  if (!isLogged) return unplaced;
  try {
    const sequenced = env.EVIDENCE_LOG.getByName(EVIDENCE_LOG_NAME).sequence();
    await Promise.race([sequenced, new Promise((_, reject) => setTimeout(reject, SEQUENCE_MS, new Error("late")))]);
    const index = await locateLeaf(env.ARCHIVE, hash);
    if (index === null) return unplaced;
    return { ...unplaced, index, checkpoint: (await readText(env.ARCHIVE, CHECKPOINT_KEY))?.text ?? null };
  } catch (fault) {
    logFault("evidence_log_failed", fault);
    return unplaced;
  }
}

/** Of a publisher's statements the operator is told: events are for advertisers (decision 0044). */
function audienceOf(owner: Owner): string {
  return "advertiserId" in owner ? owner.advertiserId : TO_OPERATOR;
}

function eventsOf({ statement, sha256 }: StoredStatement, owner: Owner, place: Place): NewEvent[] {
  const { number, adjustments, credits } = statement;
  const { leaf, index: leafIndex, checkpoint } = place;
  const [of, audience] = [`${ownerPath(owner)}/${spellNumber(number)}`, audienceOf(owner)];
  const corrects = [...new Set(adjustments.map((line) => line.statement))].sort((left, right) => left - right);
  const issued: NewEvent = {
    ...{ fact: `statement.issued:${of}`, audience, type: "statement.issued" },
    data: { ...owner, number, sha256, leaf, leafIndex, checkpoint },
  };
  const adjusted: NewEvent = {
    ...{ fact: `adjustment.created:${of}`, audience, type: "adjustment.created" },
    data: { ...owner, number, corrects },
  };
  const reached: NewEvent = {
    ...{ fact: `budget.reached:${of}`, audience, type: "budget.reached" },
    data: { ...owner, number },
  };
  const hasReached = credits.some((credit) => credit.statement === number && BigInt(credit.credit_micros) > 0n);
  return [issued, ...(corrects.length === 0 ? [] : [adjusted]), ...(hasReached ? [reached] : [])];
}

/** Finishes what was begun and not told; resolves to how many statements that were. */
export async function finishIssued(ports: BillingPorts): Promise<number> {
  const { bucket, nowMs, onIssued } = ports;
  const { objects } = await bucket.list({ prefix: PENDING_PREFIX, limit: PENDING_PER_RUN });
  let finished = 0;
  for (const { key, uploaded } of objects) {
    const of = await getJson<Pending>(bucket, key);
    const stored = of === null ? null : await readStatement(bucket, of.owner, of.number);
    if (stored !== null) {
      await onIssued(stored);
      finished++;
    } else if (nowMs - uploaded.getTime() > PENDING_MS) {
      await bucket.delete(key);
    }
  }
  return finished;
}
