/**
 * Messages → the batches in which a queue's consumer gets them, by its settings: with the 100th message, or a second after
 * the first (wrangler.toml). One consumer at a time: more of them at once would have smaller batches.
 */
export type Message = { readonly atMs: number; readonly body: unknown };
export type Batch = { readonly closesAtMs: number; readonly messages: readonly Message[] };

const BATCH_MESSAGES_MAX = 100;
const BATCH_WAIT_MS = 1_000;

/** Messages in the order of their time. */
export function packed(messages: readonly Message[]): Batch[] {
  const made: Batch[] = [];
  let held: Message[] = [];
  const close = (closesAtMs: number) => {
    if (held.length > 0) made.push({ closesAtMs, messages: held });
    held = [];
  };
  for (const message of messages) {
    const dueMs = (held[0]?.atMs ?? Number.POSITIVE_INFINITY) + BATCH_WAIT_MS;
    if (message.atMs > dueMs) close(dueMs);
    held.push(message);
    if (held.length === BATCH_MESSAGES_MAX) close(message.atMs);
  }
  close((held[0]?.atMs ?? 0) + BATCH_WAIT_MS);
  return made;
}
