/**
 * The spool of conversions: what its object did not decide, by advertiser, until cron brings it there
 * (conversions/drain.ts).
 *
 *   spool-submissions/v1/<advertiser>/<first event id>-<conversions>.ndjson     one ConversionEvent a line
 *   metadata   tries      how often cron has tried
 *              due_ms     not before this instant again
 *              publishers whose traffic the conversions' clicks were, JSON; left out where they are too many to list
 *
 * Keeps: a tenant's conversions stand apart from others', so that its trouble holds back no report but its own and
 * those of the publishers concerned. Keys of one advertiser sort by time. Relies on: an id of an advertiser holds no
 * slash.
 */
import { parseJson } from "../core/base64url.ts";
import type { ConversionEvent } from "../core/conversion.ts";
import { encodeConversion } from "../core/conversion.ts";
import { decodeEventId, EVENT_ID_LENGTH, isEventId } from "../core/event-id.ts";
import { assert } from "../core/result.ts";

export const SUBMISSION_SPOOL_PREFIX = "spool-submissions/v1/";
/** Objects that are looked through for the oldest; beyond that the answer is unknown. */
const LOOKED_THROUGH_MAX = 20_000;
/** R2 keeps 2 kB of metadata an object. */
const PUBLISHERS_CHARS_MAX = 1_500;

export type SpoolTries = { readonly tries: number; readonly dueMs: number };

/** Whose reports are asked about; both null for all. */
export type SpoolScope = { readonly advertiserId: string | null; readonly publisherId: string | null };

export function submissionSpoolPrefix(advertiserId: string): string {
  return `${SUBMISSION_SPOOL_PREFIX}${advertiserId}/`;
}

/** The key of one advertiser's conversions of one call. */
export function submissionSpoolKey(events: readonly ConversionEvent[]): string {
  const [first] = events;
  assert(first !== undefined, "something is spooled");
  return `${submissionSpoolPrefix(first.click.advertiserId)}${first.id}-${events.length}.ndjson`;
}

/** Stores conversions of one advertiser under `key`; null when `etag` is given and another stands there. */
export function putSpooled(
  bucket: R2Bucket,
  key: string,
  events: readonly ConversionEvent[],
  { tries, dueMs, etag }: SpoolTries & { readonly etag?: string },
): Promise<R2Object | null> {
  const publishers = JSON.stringify(Array.from(new Set(events.map(({ click }) => click.publisherId))));
  const customMetadata = {
    ...{ tries: String(tries), due_ms: String(dueMs) },
    ...(publishers.length > PUBLISHERS_CHARS_MAX ? {} : { publishers }),
  };
  const lines = events.map(encodeConversion).join("\n");
  return bucket.put(key, lines, {
    httpMetadata: { contentType: "application/x-ndjson" },
    customMetadata,
    ...(etag === undefined ? {} : { onlyIf: { etagMatches: etag } }),
  });
}

/** How often an object was tried, and when it is due; at once where nothing is said. */
export function triesOf({ customMetadata }: R2Object): SpoolTries {
  return { tries: Number(customMetadata?.["tries"] ?? 0), dueMs: Number(customMetadata?.["due_ms"] ?? 0) };
}

/**
 * When the oldest spooled conversion was received that a report of the scope waits for; null when there is none.
 * Rejects when there are more than can be looked through.
 */
export async function oldestSubmissionMs(
  bucket: R2Bucket,
  { advertiserId, publisherId }: SpoolScope,
): Promise<number | null> {
  const prefix = advertiserId === null ? SUBMISSION_SPOOL_PREFIX : submissionSpoolPrefix(advertiserId);
  let oldestMs: number | null = null;
  let cursor: string | undefined;
  for (let seen = 0; seen < LOOKED_THROUGH_MAX; ) {
    const page = await bucket.list({
      ...{ prefix, include: ["customMetadata"] },
      ...(cursor === undefined ? {} : { cursor }),
    });
    for (const object of page.objects) {
      const receivedMs = concerns(object, publisherId) ? receivedMsOf(object.key) : null;
      if (receivedMs !== null) oldestMs = Math.min(oldestMs ?? receivedMs, receivedMs);
    }
    // One advertiser's keys sort by time.
    if (!page.truncated || (advertiserId !== null && oldestMs !== null)) return oldestMs;
    cursor = page.cursor;
    seen += page.objects.length;
  }
  throw new Error("too many conversions wait to be looked through");
}

function concerns({ customMetadata }: R2Object, publisherId: string | null): boolean {
  const listed = customMetadata?.["publishers"];
  if (publisherId === null || listed === undefined) return true;
  return (parseJson(listed) as string[]).includes(publisherId);
}

function receivedMsOf(key: string): number | null {
  const id = key.slice(key.lastIndexOf("/") + 1).slice(0, EVENT_ID_LENGTH);
  return isEventId(id) ? decodeEventId(id).receivedAtMs : null;
}
