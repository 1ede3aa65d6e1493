/**
 * List prices of the platform (Workers Paid), in US dollars, each of a million units; what is included in the monthly
 * fee is left out, since who has a million clicks a day has used it up.
 *
 *   line of the bill  →  what is counted, its price, where it is published
 *
 * Used by `npm run cost` and by the metrics (spending.ts).
 *
 * Keeps: the only place with a price. Sources are files of the vendor's documentation (developers.cloudflare.com).
 * Not here: storage by the month, which is of what is kept and not of a click.
 */

/** When the prices were read. */
export const PRICES_READ = "2026-11-28";

export type Price = {
  readonly what: string;
  /** Dollars of a million units. */
  readonly perMillion: number;
  readonly source: string;
  /** Announced, and part of no bill yet: shown, and not added up. */
  readonly isAnnounced?: true;
};

export const PRICES = {
  requests: {
    what: "Worker requests: clicks, queue batches, crons",
    perMillion: 0.3,
    source: "workers/platform/pricing",
  },
  cpuMs: { what: "Worker CPU, ms", perMillion: 0.02, source: "workers/platform/pricing" },
  queueOperations: {
    what: "queue operations: 64 KB written, read or deleted, by the message",
    perMillion: 0.4,
    source: "queues/platform/pricing",
  },
  objectRequests: {
    what: "object calls and alarms that ran",
    perMillion: 0.15,
    source: "durable-objects/platform/pricing",
  },
  objectGbS: { what: "object duration, GB-s", perMillion: 12.5, source: "durable-objects/platform/pricing" },
  objectRowsWritten: {
    what: "rows written in objects, alarms set included",
    perMillion: 1,
    source: "durable-objects/platform/pricing",
  },
  objectRowsRead: { what: "rows read in objects", perMillion: 0.001, source: "durable-objects/platform/pricing" },
  d1RowsWritten: { what: "rows written in D1", perMillion: 1, source: "d1/platform/pricing" },
  d1RowsRead: { what: "rows read in D1", perMillion: 0.001, source: "d1/platform/pricing" },
  classA: { what: "R2 operations that write or list", perMillion: 4.5, source: "r2/pricing" },
  classB: { what: "R2 operations that read", perMillion: 0.36, source: "r2/pricing" },
  points: {
    what: "Analytics Engine points (announced, not billed yet, not in the sum)",
    perMillion: 0.25,
    isAnnounced: true,
    source: "analytics/analytics-engine/pricing",
  },
  logMb: { what: "MB of logs ($0.25 a GB from 2026-12-01)", perMillion: 250, source: "workers/observability pricing" },
} as const satisfies Record<string, Price>;

export type PricedUnit = keyof typeof PRICES;
export const PRICED_UNITS = Object.keys(PRICES) as PricedUnit[];

/** Bytes of one queue operation. */
export const QUEUE_OPERATION_BYTES = 64_000;
/** What the platform adds to a message. */
export const QUEUE_METADATA_BYTES = 100;
/** A message is written, read and deleted. */
export const OPERATIONS_OF_MESSAGE = 3;
/** Memory that an object is billed with, whatever it takes. */
export const OBJECT_GB = 0.128;

/**
 * How long an object waits, in ms: no price, but an assumption, since a local run has neither network nor replicas. A
 * call ends with its commit; an object that waits for D1 or R2 is active meanwhile, one that is idle is not billed.
 */
export const ASSUMED_MS = { call: 10, d1: 50, r2: 100 } as const;
