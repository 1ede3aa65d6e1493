-- Why: the report database. Totals arrive only as postings of a shard's log and as rolls of what is already here, so
-- that each can be applied exactly once. One row per (ad, window) with its breakdown packed inside, because D1 bills
-- and limits rows, not bytes. Ids are '' where a token carried none.

-- The ledger: up to where each source's log is in this database. A posting moves its row by compare-and-set, so that it
-- is applied if and only if the row says so, and a log that took another way is noticed by its chain.
CREATE TABLE ledger (
  source       TEXT    NOT NULL PRIMARY KEY, -- shard / incarnation
  seq          INTEGER NOT NULL, -- last log row that is posted
  chain        TEXT    NOT NULL, -- hash over all rows up to it (src/core/position.ts)
  logged_at_ms INTEGER NOT NULL, -- of that row
  part         TEXT    NOT NULL, -- '', or up to which advertiser the next row is posted (src/sinks/post-apart.ts)
  posted_at_ms INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

-- Counted up once a minute by cron: a database that was set back to an earlier moment shows by it.
CREATE TABLE heartbeat (
  id   INTEGER NOT NULL PRIMARY KEY CHECK (id = 1),
  beat INTEGER NOT NULL
) STRICT;

-- Advertisers that have had an event, with the bucket they are rolled in.
CREATE TABLE advertisers (
  advertiser_id TEXT    NOT NULL PRIMARY KEY,
  bucket        INTEGER NOT NULL,
  first_seen_ms INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

-- Per tier and bucket: windows before the mark are rolled; older deltas go to that tier as well.
CREATE TABLE roll_marks (
  tier   TEXT    NOT NULL CHECK (tier IN ('hour', 'day')),
  bucket INTEGER NOT NULL,
  mark   INTEGER NOT NULL, -- number of the first window that is not rolled
  PRIMARY KEY (tier, bucket)
) STRICT, WITHOUT ROWID;

CREATE TABLE facts_minute (
  advertiser_id           TEXT    NOT NULL,
  minute                  INTEGER NOT NULL, -- minutes since 1970-01-01T00:00Z
  campaign_id             TEXT    NOT NULL,
  ad_group_id             TEXT    NOT NULL,
  ad_id                   TEXT    NOT NULL,
  part                    INTEGER NOT NULL, -- 0, 1, …: a row with too many cells continues here
  impressions             INTEGER NOT NULL,
  gross                   INTEGER NOT NULL,
  valid                   INTEGER NOT NULL,
  duplicate               INTEGER NOT NULL,
  invalid                 INTEGER NOT NULL,
  late                    INTEGER NOT NULL,
  conversions             INTEGER NOT NULL, -- credited to the click's minute
  conversions_by_time     INTEGER NOT NULL, -- credited to the conversion's own minute
  spend_micros            INTEGER NOT NULL, -- micros of the advertiser's currency
  conversion_value_micros INTEGER NOT NULL,
  cells                   TEXT    NOT NULL, -- JSON [[publisher, country, device, creative, …counts], …]
  reasons                 TEXT    NOT NULL, -- JSON {reason: count}
  sketch                  BLOB,             -- unique users, mergeable
  PRIMARY KEY (advertiser_id, minute, campaign_id, ad_group_id, ad_id, part),
  CHECK (gross = valid + duplicate + invalid + late)
) STRICT, WITHOUT ROWID;

CREATE TABLE facts_hour (
  advertiser_id           TEXT    NOT NULL,
  hour                    INTEGER NOT NULL, -- hours since 1970-01-01T00:00Z
  campaign_id             TEXT    NOT NULL,
  ad_group_id             TEXT    NOT NULL,
  ad_id                   TEXT    NOT NULL,
  part                    INTEGER NOT NULL,
  impressions             INTEGER NOT NULL,
  gross                   INTEGER NOT NULL,
  valid                   INTEGER NOT NULL,
  duplicate               INTEGER NOT NULL,
  invalid                 INTEGER NOT NULL,
  late                    INTEGER NOT NULL,
  conversions             INTEGER NOT NULL,
  conversions_by_time     INTEGER NOT NULL,
  spend_micros            INTEGER NOT NULL,
  conversion_value_micros INTEGER NOT NULL,
  cells                   TEXT    NOT NULL,
  reasons                 TEXT    NOT NULL,
  sketch                  BLOB,
  PRIMARY KEY (advertiser_id, hour, campaign_id, ad_group_id, ad_id, part),
  CHECK (gross = valid + duplicate + invalid + late)
) STRICT, WITHOUT ROWID;

CREATE TABLE facts_day (
  advertiser_id           TEXT    NOT NULL,
  day                     INTEGER NOT NULL, -- days since 1970-01-01
  campaign_id             TEXT    NOT NULL,
  ad_group_id             TEXT    NOT NULL,
  ad_id                   TEXT    NOT NULL,
  part                    INTEGER NOT NULL,
  impressions             INTEGER NOT NULL,
  gross                   INTEGER NOT NULL,
  valid                   INTEGER NOT NULL,
  duplicate               INTEGER NOT NULL,
  invalid                 INTEGER NOT NULL,
  late                    INTEGER NOT NULL,
  conversions             INTEGER NOT NULL,
  conversions_by_time     INTEGER NOT NULL,
  spend_micros            INTEGER NOT NULL,
  conversion_value_micros INTEGER NOT NULL,
  cells                   TEXT    NOT NULL,
  reasons                 TEXT    NOT NULL,
  sketch                  BLOB,
  PRIMARY KEY (advertiser_id, day, campaign_id, ad_group_id, ad_id, part),
  CHECK (gross = valid + duplicate + invalid + late)
) STRICT, WITHOUT ROWID;
