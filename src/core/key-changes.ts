/**
 * What one transaction of a shard changed of its keys, as it stands beside the log row of the same transaction, from
 * which keys that are in memory are known again (shard/packed-key-index.ts).
 *
 *   | claims: 4 bytes, how many | claim | … | repeat | … |
 *   claim  | hour of issue: 4 | a claim as in claim-page.ts |        repeat | hour of receipt: 4 | event id: 18 |
 *
 * Keeps: `decodeKeyChanges(encodeKeyChanges(changes))` is `changes`, in their order: a later change of a key replaces
 * an earlier one.
 */
import { CLAIM_BYTES, claimantAt, keyAt, writeClaim } from "./claim-page.ts";
import { EVENT_ID_BYTES, type EventId, eventIdAt, writeEventId } from "./event-id.ts";
import type { ImpressionKey } from "./impression-key.ts";
import type { Repeat } from "./ingest.ts";

/** Who has a key from now on; null where it is free again. */
export type ClaimChange = { readonly hour: number; readonly key: ImpressionKey; readonly event: EventId | null };
export type KeyChanges = { readonly claims: readonly ClaimChange[]; readonly repeats: readonly Repeat[] };

const HEAD_BYTES = 4;
const HOUR_BYTES = 4;
const CLAIM_CHANGE_BYTES = HOUR_BYTES + CLAIM_BYTES;
const REPEAT_BYTES = HOUR_BYTES + EVENT_ID_BYTES;
/** Bytes that an event adds to the changes of its transaction, at most. */
export const KEY_CHANGE_BYTES_MAX = CLAIM_CHANGE_BYTES;

export function encodeKeyChanges({ claims, repeats }: KeyChanges): Uint8Array<ArrayBuffer> {
  const bytes = new Uint8Array(HEAD_BYTES + claims.length * CLAIM_CHANGE_BYTES + repeats.length * REPEAT_BYTES);
  const view = new DataView(bytes.buffer);
  view.setUint32(0, claims.length);
  let at = HEAD_BYTES;
  for (const claim of claims) {
    view.setUint32(at, claim.hour);
    writeClaim(bytes, at + HOUR_BYTES, claim);
    at += CLAIM_CHANGE_BYTES;
  }
  for (const { hour, event } of repeats) {
    view.setUint32(at, hour);
    writeEventId(event, bytes, at + HOUR_BYTES);
    at += REPEAT_BYTES;
  }
  return bytes;
}

export function decodeKeyChanges(bytes: Uint8Array): KeyChanges {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const claims: ClaimChange[] = [];
  const repeats: Repeat[] = [];
  let at = HEAD_BYTES;
  for (const end = HEAD_BYTES + view.getUint32(0) * CLAIM_CHANGE_BYTES; at < end; at += CLAIM_CHANGE_BYTES) {
    const from = at + HOUR_BYTES;
    claims.push({ hour: view.getUint32(at), key: keyAt(bytes, from), event: claimantAt(bytes, from) });
  }
  for (; at < bytes.length; at += REPEAT_BYTES) {
    repeats.push({ hour: view.getUint32(at), event: eventIdAt(bytes, at + HOUR_BYTES) });
  }
  return { claims, repeats };
}
