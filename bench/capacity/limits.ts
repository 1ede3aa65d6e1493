/**
 * What the platform bounds, and what our own work takes: the constants of the capacity model.
 *
 * Keeps: each says where it is from. "Documented" is Cloudflare's documentation as read on 2026-11-27; "measured" is
 * `npm run simulate -- --measure` or a page of bench/results/, on two shared cores; "assumed" is neither, and wants to
 * be compared with a deployment.
 */

/** Documented (queues/platform/limits): above it `send` throws. */
export const QUEUE_MESSAGES_PER_S = 5_000;
/** Documented (queues/configuration/consumer-concurrency): invocations of a queue's consumer at once. */
export const CONSUMERS_MAX = 250;
/** A consumer's own work on a batch before and after its calls; assumed. */
export const CONSUMER_CALL_MS = 25;
/** Decoding an event and opening its token; measured (`npm run bench`, a part of end to end). */
export const DECODE_EVENT_MS = 0.025;

/**
 * Calls with writes that an object takes in a second. Documented as 200 to 500 for objects that write, 1 000 as a soft
 * limit; the middle of them.
 */
export const OBJECT_CALLS_PER_S = 350;
/** Deciding and logging an event; measured (`npm run bench -- --only ingest`: 28 to 34 k events a processor second). */
export const OBJECT_EVENT_MS = 0.035;

/** A transaction in D1, whatever is in it. Documented as "several milliseconds" for a write. */
export const D1_BATCH_MS = 8;
/** A row of minutes with all that a posting does; measured (`--measure`: 0.08 to 0.19, on busy cores). */
export const D1_ROW_MS = 0.1;
/** Documented (d1/platform/limits): no database is larger, a Worker binds about 5 000, an account has 1 TB at first. */
export const D1_BYTES_MAX = 10e9;
/** What may be used of it: rows of a day that goes on, indexes that split, and room to act. */
export const D1_BYTES_USED_MAX = 0.7 * D1_BYTES_MAX;
/** A row with one cell, of any tier; measured (`--measure`: 180 of minutes). */
export const D1_ROW_BYTES = 180;
/**
 * A value of a day in the sums of hours: 24 running sums of each of the four measures that a click counts in; measured
 * (`--measure`: 402 where it has a click, 653 where it has 100 an hour). Where all 17 measures count it is 1 200.
 */
export const D1_HOUR_SUM_BYTES = 520;
/** Assumed: 10 million ads are of 100 000 advertisers, in a million campaigns, each with one ad group. */
export const ADS_OF_ADVERTISER = 100;
export const ADS_OF_CAMPAIGN = 10;
/**
 * Values that an advertiser's day has beside those of its ads, creatives, campaigns and ad groups: one of all, 12
 * publishers, 12 countries, 3 devices, one placement and one format, as an advertiser of `npm run bench:report` has.
 */
export const OTHER_VALUES = 30;

/** How long a step of the chain waits for an object before the next has its turn (queue/producer.ts). */
export const SHARD_TIMEOUT_MS = 5_000;
