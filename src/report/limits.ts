/**
 * Limits of one report, each with its reason. They bound what one request may make D1 read and an isolate hold.
 *
 * Sources: D1 limits (30 s a batch, 100 bound parameters a statement), Workers limits (128 MB an isolate).
 */
import { assert } from "../core/result.ts";

/** Rows of a table unless the request says otherwise, as Google Ads and Plausible page. */
export const ROWS_DEFAULT = 10_000;
export const ROWS_MAX = 50_000;
/** Points of a series answer: zero-filled points times series. */
export const POINTS_MAX = 50_000;
/** Groups that one segment may return when they must all be seen to order them by a metric. */
export const GROUPS_MAX = 50_000;
/** Groups of a query for unique users: each holds a sketch of up to 4 KB while it is read. */
export const UNIQUES_GROUPS_MAX = 2_000;
/** A table by minute reads the finest tier only. */
export const MINUTE_RANGE_MAX_DAYS = 31;
/** Day facts are kept five years. */
export const RANGE_MAX_DAYS = 5 * 366;
/** Values in all lists of one request; a list is bound as one JSON string, so this bounds work and not parameters. */
export const FILTER_VALUES_MAX = 1_000;

/** Parts of about a megabyte that one statement returns of the sketches, and what one query may read in all. */
export const SKETCH_PARTS_PER_READ = 8;
export const SKETCH_CHARS_MAX = 64_000_000;

/** Ads and days of one answer to what has changed. */
export const CHANGES_DEFAULT = 1_000;
export const CHANGES_MAX = 10_000;

/** Body of a query as JSON: as many filter values as a query string may hold, with room. */
export const QUERY_BYTES_MAX = 131_072;

/** Rows and cells that one statement reads as a rule, about 25 ms of a database; dearer reports are read in slices. */
export const SLICE_WEIGHT = 12_000;
/** Slices of one report in one database: a D1 database answers a thousand queries of one invocation. */
export const SLICES_MAX = 500;
/** Rows that the slices of a report may return in all, which an isolate holds until they are added up. */
export const SLICED_ROWS_MAX = 300_000;

/** A page's cursor is good for this long, and so is the rest of a table that was kept for it. */
export const CURSOR_LIFE_MS = 3_600_000;
/** A clock of another machine may lie behind the one that sealed a cursor. */
export const CURSOR_AHEAD_MAX_MS = 60_000;

/** A closed range may be answered from the caller's own cache for this long. */
export const CACHE_MAX_AGE_S = 60;

/** What lies between an event's arrival and the place where a watermark looks for it: coalescer, retry and send. */
export const WATERMARK_HOLD_MS = 5_000;
export const WATERMARK_CACHE_MS = 2_000;
/** Dead letters are rare, and a list of them is a request to R2. */
export const UNCOUNTED_CACHE_MS = 10_000;
/** A day changes its state once, and a report that says so some seconds later is as true. */
export const DAY_STATES_CACHE_MS = 15_000;
/** A source of the watermark that does not answer in this time is reported as unknown. */
export const WATERMARK_TIMEOUT_MS = 2_000;

assert(ROWS_DEFAULT <= ROWS_MAX, "the default page is allowed");
assert(ROWS_MAX <= GROUPS_MAX, "a table ordered by a metric may be as long as any other");
