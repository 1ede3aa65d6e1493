/**
 * Dead letters: what cannot be counted, kept in R2 with its payload, a typed reason and the attempts made.
 *
 *   dead/v1/dt=2026-04-20/reason=event_shape/<message id>-<index>.json
 *   {"v":1,"reason":"event_shape","queue":"…","message_id":"…","attempts":1,"sent_at_ms":…,"payload":"…"}
 *
 * Keeps: the key is derived from the message, so a redelivered message writes the same object again and not a second
 * one. Nothing is ever dropped for being unreadable.
 */
import type { DeadReason } from "../core/click-event.ts";
import { isoDay } from "../core/time.ts";

export const DEAD_PREFIX = "dead/v1/";

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
};

export function deadLetterKey({ reason, messageId, index, sentAtMs }: DeadLetter): string {
  return `${DEAD_PREFIX}dt=${isoDay(sentAtMs)}/reason=${reason}/${messageId}-${index}.json`;
}

/** Stores the letter; durable when it resolves. */
export async function buryLetter(bucket: R2Bucket, letter: DeadLetter): Promise<void> {
  const { reason, queue, messageId, attempts, sentAtMs, payload } = letter;
  const body = { v: 1, reason, queue, message_id: messageId, attempts, sent_at_ms: sentAtMs, payload };
  await bucket.put(deadLetterKey(letter), JSON.stringify(body), {
    httpMetadata: { contentType: "application/json" },
    customMetadata: { reason, queue, attempts: String(attempts) },
  });
}
