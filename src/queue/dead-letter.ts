/**
 * Dead letters: what cannot be counted, kept in R2 with its payload, a typed reason and the attempts made.
 *
 *   dead/v1/dt=2026-04-20/reason=event_shape/<message id>-<index>.json
 *   dead-submissions/v1/<advertiser>/reason=submission_conflict/dt=2026-04-20/<message id>-<index>.json
 *   {"v":1,"reason":"event_shape","queue":"…","message_id":"…","index":0,"attempts":1,"sent_at_ms":…,"payload":"…",
 *    "seal":{"kid":"…","mac":"…"}}
 *
 * Keeps: the key is derived from the message, so a redelivered message writes the same object again and not a second
 * one. Nothing is ever dropped for being unreadable. The seal covers everything but the attempts, so a letter that was
 * edited by hand is recognised and never counted.
 */
import { parseJson } from "../core/base64url.ts";
import type { Seal } from "../core/seal.ts";
import { isoDay } from "../core/time.ts";
import { DEAD_REASONS, type DeadReason } from "../core/token-event.ts";
import { contentsOf, encodeContents } from "./letter-contents.ts";

export const DEAD_PREFIX = "dead/v1/";
/** Conversions that were accepted and could not be decided, by advertiser: a tenant's trouble is that tenant's. */
export const DEAD_SUBMISSIONS_PREFIX = "dead-submissions/v1/";

/** Whether a key is of a dead letter. */
export function isDeadLetterKey(key: string): boolean {
  return key.startsWith(DEAD_PREFIX) || key.startsWith(DEAD_SUBMISSIONS_PREFIX);
}

export type DeadLetter = {
  readonly reason: DeadReason;
  readonly queue: string;
  readonly messageId: string;
  /** Position of the event in its message; 0 for a whole message. */
  readonly index: number;
  readonly attempts: number;
  /** When the queue took the message. */
  readonly sentAtMs: number;
  readonly payload: string;
  /** Whose conversion it is; left out of everything but the key, since the payload says it. */
  readonly advertiserId?: string;
};

export type SealedLetter = { readonly letter: DeadLetter; readonly seal: Seal };

/** Seals a text with the key in force. */
export type Sealer = (text: string) => Promise<Seal>;

export type DeadLetterPorts = { readonly archive: R2Bucket; readonly seal: Sealer };

export function deadLetterKey({ reason, messageId, index, sentAtMs, advertiserId }: DeadLetter): string {
  if (advertiserId !== undefined) {
    const prefix = `${DEAD_SUBMISSIONS_PREFIX}${advertiserId}/reason=${reason}/`;
    return `${prefix}dt=${isoDay(sentAtMs)}/${messageId}-${index}.json`;
  }
  return `${DEAD_PREFIX}dt=${isoDay(sentAtMs)}/reason=${reason}/${messageId}-${index}.json`;
}

/** The text that a letter's seal is made over. */
export function sealedText({ reason, queue, messageId, index, sentAtMs, payload }: DeadLetter): string {
  return JSON.stringify([reason, queue, messageId, index, sentAtMs, payload]);
}

/** What was accepted and is not decided, for a reason that is not the sender's. */
const UNDECIDED: readonly DeadReason[] = ["submission_undecidable", "submission_undelivered", "event_shape"];
const COUNTED_MAX = 1_000;

export type UndecidedSubmissions = { readonly letters: number; readonly isMore: boolean; readonly oldestDay: string };

/**
 * Conversions of an advertiser, or of all, that are dead letters though nothing contradicts them; null when none is.
 */
export async function undecidedSubmissions(
  archive: R2Bucket,
  advertiserId: string | null,
): Promise<UndecidedSubmissions | null> {
  const prefix = DEAD_SUBMISSIONS_PREFIX.concat(advertiserId === null ? "" : `${advertiserId}/`);
  const { objects, truncated } = await archive.list({ prefix, limit: COUNTED_MAX });
  const days = objects.flatMap(({ key }) => {
    const [, reason, day = ""] = /\/reason=(\w+)\/dt=([\d-]+)\//.exec(key) ?? [];
    return UNDECIDED.includes(reason as DeadReason) ? [day] : [];
  });
  const [oldestDay] = days.sort();
  return oldestDay === undefined ? null : { letters: days.length, isMore: truncated, oldestDay };
}

/** Stores the letter; durable when it resolves. */
export async function buryLetter({ archive, seal }: DeadLetterPorts, letter: DeadLetter): Promise<void> {
  const { reason, queue, messageId, index, attempts, sentAtMs, payload, advertiserId } = letter;
  // Whose a conversion is stands in its key.
  const owners = advertiserId === undefined ? encodeContents(contentsOf(letter)) : {};
  const body = {
    v: 1,
    reason,
    queue,
    message_id: messageId,
    index,
    attempts,
    sent_at_ms: sentAtMs,
    payload,
    seal: await seal(sealedText(letter)),
  };
  await archive.put(deadLetterKey(letter), JSON.stringify(body), {
    httpMetadata: { contentType: "application/json" },
    customMetadata: { reason, queue, attempts: String(attempts), ...owners },
  });
}

/** Reads a stored letter; null when the text is none, for example because it was edited. */
export function parseLetter(text: string): SealedLetter | null {
  const wire = parseJson(text) as Record<string, unknown> | null;
  if (wire?.["v"] !== 1) return null;
  const { reason, queue, message_id: messageId, index, attempts, sent_at_ms: sentAtMs, payload, seal } = wire;
  const { kid, mac } = (seal ?? {}) as Record<string, unknown>;
  const isLetter =
    (DEAD_REASONS as readonly unknown[]).includes(reason) &&
    [queue, messageId, payload, kid, mac].every((value) => typeof value === "string") &&
    [index, attempts, sentAtMs].every(Number.isSafeInteger);
  if (!isLetter) return null;
  return {
    letter: { reason, queue, messageId, index, attempts, sentAtMs, payload } as DeadLetter,
    seal: { kid, mac } as Seal,
  };
}
