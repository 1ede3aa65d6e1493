/**
 * Every fixed limit, with its unit in its name and its reason beside it. Values an operator may change live in
 * src/config.ts; the relations between both are asserted there and below.
 *
 * Sources: Cloudflare Queues limits (128 KB a message, 100 messages and 256 KB a batch), Durable Object limits
 * (2 MB a row, 32 MiB an RPC), D1 limits (2 MB a bound string, 100 KB a statement), read 2026-11.
 */
import { assert } from "./result.ts";

export const SECOND_MS = 1_000;
export const MINUTE_MS = 60_000;
export const HOUR_MS = 3_600_000;
export const DAY_MS = 86_400_000;

/** Identifiers in a token: 1–64 of `A–Z a–z 0–9 _ - .` */
export const ID_LENGTH_MAX = 64;
/**
 * A token with a 2 048-byte landing URL and every optional id is about 4 300 characters; JSON escapes may double it.
 */
export const TOKEN_LENGTH_MAX = 8_192;
export const LANDING_URL_BYTES_MAX = 2_048;
/** Macros in one landing URL, and among them the longest, `{click_id}`. */
export const MACROS_MAX = 16;
export const CLICK_ID_MACROS_MAX = 4;
/** What a click passes on to its landing page (`fwd`), with the `&` between. */
export const FORWARDED_PARAMETERS_MAX = 32;
export const FORWARDED_CHARS_MAX = 2_048;
/** Characters of a `Location`: what servers, proxies and browsers take in one header. */
export const LOCATION_CHARS_MAX = 8_192;
/** HS256 keys shorter than the hash are refused (RFC 7518 §3.2). */
export const TOKEN_KEY_BYTES_MIN = 32;
/** Clocks of ad server and edge may differ by this much. */
export const ISSUED_AHEAD_MAX_S = 60;
/** 1 000 000 currency units a click, in micros: $40 to $60 where the unit is the dong or the rupiah. */
export const CPC_MICROS_MAX = 1_000_000_000_000;
export const TOKENS_PER_MINT_MAX = 1_000;

export const CONVERSIONS_PER_CALL_MAX = 1_000;
/** 1 000 000 000 currency units a conversion, in micros. How sums of them stay exact: core/measures.ts. */
export const CONVERSION_VALUE_MICROS_MAX = 1_000_000_000_000_000;
export const ORDER_ID_LENGTH_MAX = 128;
export const CORRECTIONS_PER_ORDER_MAX = 100;
/** An order is remembered so long, and a click id is believed so long. */
export const ORDER_KEY_DAYS = 400;
export const ATTRIBUTION_WINDOW_DAYS_DEFAULT = 7;
export const ATTRIBUTION_WINDOW_DAYS_MAX = 90;
/** Clocks of an advertiser's server and the edge may differ by this much. */
export const OCCURRED_AHEAD_MAX_MS = 60_000;
/** Behind, likewise: a conversion that came up to so long before its click came with it. */
export const OCCURRED_BEHIND_MAX_MS = 60_000;

export const COUNTS_PER_UPLOAD_MAX = 1_000;
/**
 * Impressions of one row of an upload: of one ad, minute, publisher, country and device. 166 000 a second, more than
 * any one cell has; an upload of 1 000 rows adds 10^10 at most, so that sums stay far below 2^53.
 */
export const COUNTS_PER_ROW_MAX = 10_000_000;
/** Minutes that are older are refused: their day may be settled already. */
export const COUNTS_AGE_DAYS_MAX = 31;
/** A shard's clock may lie so far behind the edge's: what it logs then was received later than it was logged. */
export const SHARD_CLOCK_BEHIND_MAX_MS = 60_000;
/** An event counts in a day so long before it was received at most: a token's longest life. */
export const SERVICE_DAYS_BEFORE = 31;

/** Body of a POST to a click or impression link; minting and uploads have bounds of their own. */
export const BODY_BYTES_MAX = 65_536;
/** A client's `timestamp_ms` may lie this far ahead of ours. */
export const CLIENT_CLOCK_AHEAD_MAX_MS = 5_000;

/** The salt of the address hash is there on its own UTC day and on the next. */
export const SALT_DAYS = 2;

export const USER_AGENT_LENGTH_MAX = 512;
export const CLIENT_HINT_LENGTH_MAX = 128;
export const REFERRER_HOST_LENGTH_MAX = 253;

/** Events and bytes that share one queue message (a message may hold 128 000 bytes). */
export const MESSAGE_EVENTS_MAX = 100;
export const MESSAGE_BYTES_MAX = 96_000;
/** An event without confirmation from its batch is sent again by its own request after this long. */
export const FOLLOWER_CONFIRM_MS = 2_000;
/** Repeats that one folded event may stand for, far above what one isolate can receive in a hold. */
export const FOLDED_COUNT_MAX = 1_000_000;

/**
 * Late clicks of one token that wait on their own: a person has one, and a client that stores and sends again a few. A
 * waiting one is a row of about 1 kB in its shard and one of the review list.
 */
export const LATE_EVENTS_PER_TOKEN_MAX = 8;

/** Revisions in one shard call; with the promoted events, two lines of at most about 12 kB each. */
export const REVISIONS_PER_CALL_MAX = 100;
/** A shard knows so long what became of an event whose verdict was changed: longer than raw segments may be there. */
export const REVISIONS_KEPT_DAYS = 400;

/** Events in one shard call: 100 messages of 100 events. */
export const INGEST_EVENTS_MAX = MESSAGE_EVENTS_MAX * 100;
/**
 * A shard that is called often commits so often at most, and at once when it holds so many events: with a row of its
 * log for each of ten calls a second, rows would cost more than all else. Freshness has five seconds.
 */
export const GROUP_HOLD_MS = 250;
export const GROUP_EVENTS = 100;
/**
 * A page of packed ids (shard/repeat-pages.ts): a storage page of SQLite, less what a row costs beside its content;
 * about 280 ids. So many that are full become one, whose content fills storage pages whole.
 */
export const REPEAT_PAGE_BYTES_MAX = 4_000;
export const REPEAT_PAGES_GATHERED = 8;

/**
 * Bytes of a shard's storage above which it lets go of its oldest hours before their time: a Durable Object holds 10
 * GB, and the log that is not carried yet needs room beside the keys.
 */
export const SHARD_BYTES_MAX = 8_000_000_000;

/**
 * Characters of one log row; a row may hold 2 MB, a character takes up to 3 bytes of UTF-8, and beside it stands what
 * changed of keys (shard/append.ts).
 */
export const LOG_ROW_CHARS_MAX = 530_000;
/** Log rows read into memory at once when posting or archiving. */
export const LOG_READ_CHARS_MAX = 4_000_000;
/** JSON of one posting (D1 binds strings up to 2 MB). */
export const POSTING_CHARS_MAX = 1_500_000;
/** The same of what is shown until it is posted; as a rule it is a quarter of this estimate, and reports read it. */
export const OPEN_CHARS_MAX = 1_200_000;
/** Late clicks and decisions on them are in no list before they are posted, which they are this old at the latest. */
export const LATES_POST_MS = 10 * SECOND_MS;
/** Postings of one flush, after which it ends and another is armed: a run is bounded whatever the backlog. */
export const POSTINGS_PER_FLUSH_MAX = 64;
/** Cells packed in one facts row before it continues on a further row. */
export const CELLS_PER_ROW_MAX = 3_000;
/** Parts that a minute's row may have between two batches of its day (src/cold/sql.ts). */
export const BATCH_PARTS_COUNT = 1_000;
/** Cells that one posting may add to one row at once; more are split over several rows of the posting. */
export const CELLS_PER_DELTA_MAX = 1_000;
/** Analytics Engine points that one invocation may write. */
export const OPERATIONS_POINTS_MAX = 250;
/** Uncompressed characters of one archive segment. */
export const SEGMENT_CHARS_MAX = 8_000_000;
/** Within so long a day that has changed is not noted again: one row written for it and an ad in five minutes. */
export const CHANGE_TICK_MS = 5 * MINUTE_MS;
/** Changes are told for so long; whoever asks less often reads everything again. */
export const CHANGES_KEPT_DAYS = 35;
/** Events are told for so long, and a webhook's log of deliveries is kept so long. */
export const EVENTS_KEPT_DAYS = 30;
/** Readers see what is in the outbox at most this late; one `report.moved` of an advertiser is written in it. */
export const OUTBOX_PUBLISH_MS = 10 * SECOND_MS;
/** Advertiser buckets: what is rolled in one transaction is one bucket's hour. */
export const ADVERTISER_BUCKETS = 16;

export const SHARDS_MAX = 1_024;
/**
 * Places that a hot ad is spread over: each is a further row per flush, and 64 shards carry more than one ad ever gets.
 */
export const SALTS_MAX = 64;
/** Hot ads of one epoch; a variable of a Worker holds 5 kB, which is fewer. */
export const HOT_ADS_COUNT_MAX = 256;
/** Events of one ad and minute in one shard that propose it as hot: 500/s, nearly half of what a shard is meant for. */
export const HOT_AD_EVENTS_PER_MINUTE = 30_000;
/** Fixed for ever: an order's copies meet in the object that its hash names. */
export const ORDER_SHARDS = 256;
export const COUNTS_SHARDS = 16;

assert(CONVERSION_VALUE_MICROS_MAX <= Number.MAX_SAFE_INTEGER, "an amount is exact in JSON and in a double");
assert(CELLS_PER_DELTA_MAX <= CELLS_PER_ROW_MAX, "a posting's row fits into an empty facts row");
assert(MESSAGE_BYTES_MAX < 128_000, "a message fits into the queue's limit");
assert(LOG_ROW_CHARS_MAX * 3 < 2_000_000, "a log row fits into a storage row, whatever its characters");
assert(LOG_READ_CHARS_MAX >= LOG_ROW_CHARS_MAX, "one read always makes progress");
assert(SEGMENT_CHARS_MAX >= LOG_ROW_CHARS_MAX, "a segment holds at least one log row");
assert(
  LANDING_URL_BYTES_MAX + (CLICK_ID_MACROS_MAX + 1) * 600 + MACROS_MAX * ID_LENGTH_MAX + FORWARDED_CHARS_MAX <
    LOCATION_CHARS_MAX,
  "the longest landing URL, with click ids of 600 characters, fits into a Location",
);
