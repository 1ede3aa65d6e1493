-- Why: the report database. Facts arrive only as postings of a shard's log and as rolls of what is already here, so that
-- each can be applied exactly once; the other tables are what operators and tenants say about themselves. Ids are '' where
-- a token carried none. The tables of facts stand at the end, from the catalogue (src/core/fields.ts).

-- The ledger: up to where each source's log is in this database. A posting moves its row by compare-and-set, so that it
-- is applied if and only if the row says so, and a log that took another way is noticed by its chain.
CREATE TABLE ledger (
  source       TEXT    NOT NULL PRIMARY KEY, -- shard / incarnation
  seq          INTEGER NOT NULL, -- last log row that is posted
  chain        TEXT    NOT NULL, -- hash over all rows up to it (src/core/position.ts)
  logged_at_ms INTEGER NOT NULL, -- of that row
  part         TEXT    NOT NULL, -- '', or up to which advertiser the next row is posted (src/sinks/post-apart.ts)
  posted_at_ms INTEGER NOT NULL,
  version      INTEGER NOT NULL, -- how many postings with facts this database had taken, with the source's last one
  touched      TEXT    NOT NULL  -- which minutes of which buckets its last ones changed (src/facts/touched.ts)
) STRICT, WITHOUT ROWID;

-- What each source has logged behind its row of the ledger and not posted yet, folded into one row that every flush
-- replaces (src/facts/open-sql.ts): facts and these rows together are what has been counted.
CREATE TABLE open_postings (
  source       TEXT    NOT NULL PRIMARY KEY,
  seq          INTEGER NOT NULL, -- last log row that is in it; past all rows: nothing may be shown of the source any more
  chain        TEXT    NOT NULL,
  opened_at_ms INTEGER NOT NULL,
  first_minute INTEGER NOT NULL, -- of its facts, so that who asks for other minutes does not open them
  last_minute  INTEGER NOT NULL,
  facts        BLOB    NOT NULL  -- JSONB {advertiser: [[minute, campaign, ad group, ad, part, cells, reasons, sketch, …totals], …]}
) STRICT, WITHOUT ROWID;

-- Counted up once a minute by cron: a database that was set back to an earlier moment shows by it.
CREATE TABLE heartbeat (
  id          INTEGER NOT NULL PRIMARY KEY CHECK (id = 1),
  beat        INTEGER NOT NULL,
  beaten_at_s INTEGER NOT NULL DEFAULT (unixepoch()) -- when cron last ran, by the database's own clock
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

-- Per bucket: days before the mark are in the sums (no row: none is). Days that were rolled before there were sums are taken
-- by cron, one by one, so this migration fills nothing.
CREATE TABLE day_sum_marks (
  bucket INTEGER NOT NULL PRIMARY KEY,
  mark   INTEGER NOT NULL -- days since 1970-01-01
) STRICT, WITHOUT ROWID;

-- By each dimension ('' is by none), per bucket: days before the mark are in the sums of hours (no row: none is).
CREATE TABLE hour_sum_marks (
  dimension TEXT    NOT NULL,
  bucket    INTEGER NOT NULL,
  mark      INTEGER NOT NULL, -- days since 1970-01-01
  PRIMARY KEY (dimension, bucket)
) STRICT, WITHOUT ROWID;

-- An advertiser's UTC days by one dimension, as running sums by hour (src/facts/hour-sums-sql.ts).
CREATE TABLE hour_sums (
  advertiser_id TEXT    NOT NULL,
  dimension     TEXT    NOT NULL,
  day           INTEGER NOT NULL, -- days since 1970-01-01
  part          INTEGER NOT NULL,
  size          INTEGER NOT NULL, -- values in it
  sums          BLOB    NOT NULL, -- JSONB [[value, [sum until 01:00, … until 24:00] or 0 for each measure], …]
  PRIMARY KEY (advertiser_id, dimension, day, part)
) STRICT, WITHOUT ROWID;

-- The log days that are sealed, and what their last audit found: an index of objects in R2, which can be made again
-- (src/audit/log-days.ts). Only the primary database has rows.
CREATE TABLE log_days (
  day           TEXT    NOT NULL PRIMARY KEY, -- YYYY-MM-DD, UTC
  state         TEXT    NOT NULL CHECK (state IN ('sealed', 'clean', 'blocked')),
  attempt       INTEGER NOT NULL, -- the last audit, 0 before the first
  sealed_at_ms  INTEGER NOT NULL,
  audited_at_ms INTEGER,
  found         TEXT    NOT NULL, -- JSON {kind of discrepancy: how many}
  mended_on     TEXT              -- the later log day in which it was mended, if it was
) STRICT, WITHOUT ROWID;

-- The end of each advertiser's last statement: an index of objects in R2, which can be made again
-- (src/audit/billed-until.ts). Only the primary database has rows.
CREATE TABLE billed_until (
  advertiser_id TEXT    NOT NULL PRIMARY KEY,
  to_ms         INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

-- Names and tenants. Counting reads none of these tables: no fact refers to them, and an id that is not here is counted
-- like any other. Rows are never deleted, `status` says what is no longer in use.

-- What is known about an advertiser. (`advertisers` is the registry of those that had an event, and stays.)
CREATE TABLE advertiser_profiles (
  advertiser_id           TEXT    NOT NULL PRIMARY KEY,
  name                    TEXT    NOT NULL,
  currency                TEXT,             -- ISO 4217, its money is in micros of it (NULL: not said yet)
  time_zone               TEXT    NOT NULL, -- IANA
  attribution_window_days INTEGER NOT NULL DEFAULT 7 CHECK (attribution_window_days BETWEEN 1 AND 90),
  postback_epoch             INTEGER NOT NULL DEFAULT 0, -- part of its postbacks' secret: one more, and the old secret is none
  postback_previous_until_ms INTEGER NOT NULL DEFAULT 0, -- until then that of the epoch before is taken too
  status                  TEXT    NOT NULL DEFAULT 'active' CHECK (status IN ('active', 'paused', 'archived')),
  created_at_ms           INTEGER NOT NULL,
  updated_at_ms           INTEGER NOT NULL, -- grows with every change, so it is also the row's version
  CHECK (currency GLOB '[A-Z][A-Z][A-Z]')
) STRICT, WITHOUT ROWID;

CREATE TABLE campaigns (
  campaign_id   TEXT    NOT NULL PRIMARY KEY,
  advertiser_id TEXT    NOT NULL,
  name          TEXT    NOT NULL,
  status        TEXT    NOT NULL DEFAULT 'active' CHECK (status IN ('active', 'paused', 'archived')),
  created_at_ms INTEGER NOT NULL DEFAULT 0,
  updated_at_ms INTEGER NOT NULL DEFAULT 0
) STRICT, WITHOUT ROWID;

CREATE TABLE ad_groups (
  ad_group_id   TEXT    NOT NULL PRIMARY KEY,
  campaign_id   TEXT    NOT NULL REFERENCES campaigns (campaign_id),
  name          TEXT    NOT NULL,
  status        TEXT    NOT NULL DEFAULT 'active' CHECK (status IN ('active', 'paused', 'archived')),
  created_at_ms INTEGER NOT NULL,
  updated_at_ms INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TABLE ads (
  ad_id         TEXT    NOT NULL PRIMARY KEY,
  campaign_id   TEXT    NOT NULL REFERENCES campaigns (campaign_id),
  ad_group_id   TEXT             REFERENCES ad_groups (ad_group_id),
  creative_id   TEXT    NOT NULL,
  name          TEXT    NOT NULL,
  cpc_micros    INTEGER NOT NULL,
  status        TEXT    NOT NULL DEFAULT 'active' CHECK (status IN ('active', 'paused', 'archived')),
  created_at_ms INTEGER NOT NULL DEFAULT 0,
  updated_at_ms INTEGER NOT NULL DEFAULT 0
) STRICT, WITHOUT ROWID;

CREATE TABLE creatives (
  creative_id   TEXT    NOT NULL PRIMARY KEY,
  advertiser_id TEXT    NOT NULL,
  name          TEXT    NOT NULL,
  status        TEXT    NOT NULL DEFAULT 'active' CHECK (status IN ('active', 'paused', 'archived')),
  created_at_ms INTEGER NOT NULL DEFAULT 0,
  updated_at_ms INTEGER NOT NULL DEFAULT 0
) STRICT, WITHOUT ROWID;

CREATE TABLE publishers (
  publisher_id  TEXT    NOT NULL PRIMARY KEY,
  name          TEXT    NOT NULL,
  status        TEXT    NOT NULL DEFAULT 'active' CHECK (status IN ('active', 'paused', 'archived')),
  created_at_ms INTEGER NOT NULL DEFAULT 0,
  updated_at_ms INTEGER NOT NULL DEFAULT 0
) STRICT, WITHOUT ROWID;

-- A tenant lists what is its own without touching what is not.
CREATE INDEX campaigns_by_advertiser ON campaigns (advertiser_id, campaign_id);
CREATE INDEX ad_groups_by_campaign ON ad_groups (campaign_id, ad_group_id);
CREATE INDEX ads_by_campaign ON ads (campaign_id, ad_id);
CREATE INDEX creatives_by_advertiser ON creatives (advertiser_id, creative_id);

-- Who may read or mint what. A key is random, shown once, and stored only as its SHA-256; a key of 256 random bits needs no
-- slow hash. Rows are never deleted: a revoked key stays on record.
CREATE TABLE api_keys (
  key_hash            TEXT    NOT NULL PRIMARY KEY, -- SHA-256 of the key, hexadecimal
  key_id              TEXT    NOT NULL UNIQUE,      -- public name of the key, for logs and revocation
  label               TEXT    NOT NULL DEFAULT '',  -- what people call it
  advertiser_id       TEXT,                         -- owner: whose rows it reads
  publisher_id        TEXT,                         -- or this one
  scopes              TEXT    NOT NULL,             -- JSON list of report, mint, convert, bill, hook, operate, audit, admin
  mint_advertisers    TEXT,                         -- JSON list of ids that it may mint for (NULL: any that its owner allows)
  mint_publishers     TEXT,                         -- likewise
  mint_cpc_max_micros INTEGER,                      -- highest price that it may mint (NULL: no bound of its own)
  mint_hosts          TEXT,                         -- JSON list of landing hosts (NULL: any)
  rotated_from        TEXT    UNIQUE,               -- key_id of the key that this one replaces: at most one does
  created_at_ms       INTEGER NOT NULL,
  updated_at_ms       INTEGER NOT NULL DEFAULT 0,   -- version, as in advertiser_profiles
  revoked_at_ms       INTEGER,                      -- from this instant it is no key (ahead of now while a rotation overlaps)
  CHECK (advertiser_id IS NULL OR publisher_id IS NULL),
  CHECK (publisher_id IS NULL OR scopes NOT LIKE '%"admin"%'),
  CHECK (scopes NOT LIKE '%"audit"%' OR (scopes = '["audit"]' AND advertiser_id IS NULL AND publisher_id IS NULL)),
  CHECK ((advertiser_id IS NULL AND publisher_id IS NULL) OR scopes NOT LIKE '%"operate"%'),
  CHECK (
    advertiser_id IS NOT NULL OR publisher_id IS NOT NULL OR scopes LIKE '%"admin"%'
    OR scopes IN ('["audit"]', '["operate"]')
    OR (scopes = '["mint"]' AND (mint_advertisers IS NOT NULL OR mint_publishers IS NOT NULL))
  )
) STRICT, WITHOUT ROWID;

-- Who did what to what. A row is written in the transaction of its act, so neither is there without the other. Rows are
-- only added. (No triggers say so: remote migrations cut a trigger at the semicolon inside it.)
CREATE TABLE audit_log (
  id           INTEGER PRIMARY KEY AUTOINCREMENT, -- never used twice
  at_ms        INTEGER NOT NULL,
  key_id       TEXT    NOT NULL,                  -- API key that acted
  action       TEXT    NOT NULL,                  -- create, update, rotate, revoke, decide, replay, look, …
  subject_kind TEXT    NOT NULL,                  -- advertiser, campaign, ad_group, ad, publisher, key, …
  subject_id   TEXT    NOT NULL,
  before       TEXT,                              -- JSON of the subject before the act (NULL: there was none)
  after        TEXT    NOT NULL                   -- JSON of it afterwards
) STRICT;

-- The review list. A click that came too late counts as `late` and waits for somebody's decision; this table shows
-- what waits and what was decided. It is a projection of the shards' logs, written by postings like the facts; the
-- decision itself is made and remembered in the click's shard.
CREATE TABLE late_clicks (
  advertiser_id  TEXT    NOT NULL,
  event_id       TEXT    NOT NULL, -- sorts by time of receipt
  campaign_id    TEXT    NOT NULL,
  ad_id          TEXT    NOT NULL,
  publisher_id   TEXT    NOT NULL,
  shard          TEXT    NOT NULL, -- the object that decides on it
  clicks         INTEGER NOT NULL,
  cpc_micros     INTEGER NOT NULL,
  occurred_at_ms INTEGER NOT NULL,
  received_at_ms INTEGER NOT NULL,
  verdict        TEXT    NOT NULL, -- late while it waits, then what was decided
  reason         TEXT,
  decided_by     TEXT,             -- API key that decided
  decided_at_ms  INTEGER,
  PRIMARY KEY (advertiser_id, event_id)
) STRICT, WITHOUT ROWID;

-- Minutes are most of the rows and are asked for the least once they are old, so they leave the report database for Parquet
-- in R2 (src/batch/move-minutes.ts). What is read at any moment is decided by rows of this database alone: a row of facts
-- stands in facts_minute, or in an object whose ledger row says 'cold'.

-- One row per batch of moved minutes; an object without a row that says 'cold' does not count.
CREATE TABLE cold_objects (
  bucket           INTEGER NOT NULL, -- of the advertisers
  day              INTEGER NOT NULL, -- days since 1970-01-01
  sequence         INTEGER NOT NULL, -- 1, 2, … of the bucket and day; later ones hold what arrived later
  state            TEXT    NOT NULL CHECK (state IN ('moving', 'cold', 'dropped')),
  rows             INTEGER NOT NULL,
  is_cut           INTEGER NOT NULL, -- 1: the batch was full, and the day had more rows
  advertiser_first TEXT    NOT NULL,
  advertiser_last  TEXT    NOT NULL,
  minute_first     INTEGER NOT NULL, -- minutes since 1970-01-01T00:00Z
  minute_last      INTEGER NOT NULL,
  last_key         TEXT    NOT NULL, -- JSON, of its last row: the batch is what lies up to it (src/cold/sql.ts)
  claimed_at_ms    INTEGER NOT NULL,
  object_key       TEXT,             -- from here on NULL while moving
  etag             TEXT,
  sha256           TEXT,             -- hexadecimal, of the object
  bytes            INTEGER,
  footer_bytes     INTEGER,          -- the object's last bytes that describe the rest
  cold_at_ms       INTEGER,
  PRIMARY KEY (bucket, day, sequence),
  CHECK (state = 'moving' OR (object_key IS NOT NULL AND etag IS NOT NULL AND sha256 IS NOT NULL AND bytes > 0
    AND footer_bytes > 0 AND cold_at_ms IS NOT NULL))
) STRICT, WITHOUT ROWID;

-- One batch at a time is under way in a bucket: a second claim fails, and takes its whole transaction back.
CREATE UNIQUE INDEX cold_objects_moving ON cold_objects (bucket) WHERE state = 'moving';

-- Per bucket: minutes from the mark on were never moved; the generation grows with every change of what stands where.
CREATE TABLE cold_marks (
  bucket     INTEGER NOT NULL PRIMARY KEY,
  mark       INTEGER NOT NULL, -- minutes since 1970-01-01T00:00Z
  generation INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

-- Which days of which ads have changed, so that whoever keeps a copy need not read all of them again (GET /v1/changes).
-- src/facts/changed-days-sql.ts says why nothing is missed.
CREATE TABLE change_clock (
  id      INTEGER NOT NULL PRIMARY KEY CHECK (id = 1),
  tick_ms INTEGER NOT NULL -- moved by postings and by readers, at most once in five minutes
) STRICT;

CREATE TABLE changed_days (
  advertiser_id TEXT    NOT NULL,
  day           INTEGER NOT NULL, -- days since 1970-01-01
  campaign_id   TEXT    NOT NULL,
  ad_group_id   TEXT    NOT NULL,
  ad_id         TEXT    NOT NULL,
  tick_ms       INTEGER NOT NULL, -- of the clock when it last changed
  PRIMARY KEY (advertiser_id, day, campaign_id, ad_group_id, ad_id)
) STRICT, WITHOUT ROWID;

-- What happened that somebody else may want to be told (GET /v1/events, webhooks): a row is written in the transaction of
-- what it tells, so that neither is there without the other. src/facts/outbox-sql.ts says why none is missed.
CREATE TABLE outbox (
  seq      INTEGER PRIMARY KEY AUTOINCREMENT, -- never used twice
  fact     TEXT    NOT NULL UNIQUE, -- names what happened, the same again for the same
  audience TEXT    NOT NULL,        -- an advertiser; '*' everybody; '=operator' no tenant. The operator reads all
  type     TEXT    NOT NULL,        -- report.moved, day.reconciled, …
  at_ms    INTEGER NOT NULL,
  data     TEXT    NOT NULL         -- JSON
) STRICT;

CREATE INDEX outbox_by_audience ON outbox (audience, seq);

-- Up to where the outbox may have been read.
CREATE TABLE outbox_published (
  id    INTEGER NOT NULL PRIMARY KEY CHECK (id = 1),
  seq   INTEGER NOT NULL,
  at_ms INTEGER NOT NULL, -- when it was last moved
  life  INTEGER NOT NULL  -- another number after the database was set back
) STRICT;

-- The operator's alarms, as cron has told of them (src/metrics/tell-alarms.ts). Only the primary database has rows.
CREATE TABLE alarms (
  alarm         TEXT    NOT NULL PRIMARY KEY,
  changes       INTEGER NOT NULL CHECK (changes > 0), -- odd: it is raised
  changed_at_ms INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

-- Who is told over HTTP (src/webhooks/). Delivery, its log and its place in the outbox stand in the endpoint's own object.
CREATE TABLE webhooks (
  webhook_id        TEXT    NOT NULL PRIMARY KEY,
  advertiser_id     TEXT,                       -- whose events it is told; NULL: the operator's
  url               TEXT    NOT NULL,
  types             TEXT    NOT NULL,           -- JSON list of the types that it wants; [] for all
  description       TEXT    NOT NULL,
  status            TEXT    NOT NULL CHECK (status IN ('active', 'paused', 'gone', 'failing')),
  secret_version    INTEGER NOT NULL,           -- of its signing secret, which is derived and stored nowhere
  old_secret_end_ms INTEGER,                    -- until when the version before signs too
  created_at_ms     INTEGER NOT NULL,
  updated_at_ms     INTEGER NOT NULL            -- version, as in advertiser_profiles
) STRICT, WITHOUT ROWID;

CREATE INDEX webhooks_by_advertiser ON webhooks (advertiser_id, webhook_id);

-- Webhooks whose row is gone and whose object has not been heard to have forgotten everything: cron asks it again.
CREATE TABLE deleted_webhooks (
  webhook_id    TEXT    NOT NULL PRIMARY KEY,
  deleted_at_ms INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

-- D1 grows out, not up, so facts may stand in several report databases. An advertiser's stand in one of them, which
-- is written down here when the advertiser is first seen, and never changes. Only the primary database's tables of these
-- names are used; every database has the same schema.
CREATE TABLE advertiser_directory (
  advertiser_id TEXT    NOT NULL PRIMARY KEY,
  database      TEXT    NOT NULL, -- name of the binding
  pinned_at_ms  INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

-- Every database that an advertiser was ever pinned to: one that is not bound any more is missed by this list.
CREATE TABLE report_databases (
  database         TEXT    NOT NULL PRIMARY KEY,
  first_used_at_ms INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

-- From here to the end: written by `npm run schema -- --base`.

CREATE TABLE facts_minute (
  advertiser_id TEXT NOT NULL,
  minute INTEGER NOT NULL,
  campaign_id TEXT NOT NULL,
  ad_group_id TEXT NOT NULL,
  ad_id TEXT NOT NULL,
  part INTEGER NOT NULL,
  impressions INTEGER NOT NULL DEFAULT 0,
  gross_impressions INTEGER NOT NULL DEFAULT 0,
  valid INTEGER NOT NULL DEFAULT 0,
  gross INTEGER NOT NULL DEFAULT 0,
  duplicate INTEGER NOT NULL DEFAULT 0,
  invalid INTEGER NOT NULL DEFAULT 0,
  late INTEGER NOT NULL DEFAULT 0,
  valid_with_user INTEGER NOT NULL DEFAULT 0,
  conversions INTEGER NOT NULL DEFAULT 0,
  conversions_by_time INTEGER NOT NULL DEFAULT 0,
  spend_micros INTEGER NOT NULL DEFAULT 0,
  spend_hundreds INTEGER NOT NULL DEFAULT 0,
  conversion_value_micros INTEGER NOT NULL DEFAULT 0,
  conversion_value_hundreds INTEGER NOT NULL DEFAULT 0,
  conversion_value_by_time_micros INTEGER NOT NULL DEFAULT 0,
  conversion_value_by_time_hundreds INTEGER NOT NULL DEFAULT 0,
  givt INTEGER NOT NULL DEFAULT 0,
  cells TEXT NOT NULL,
  reasons TEXT NOT NULL,
  sketch BLOB,
  PRIMARY KEY (advertiser_id, minute, campaign_id, ad_group_id, ad_id, part),
  CHECK (gross = valid + duplicate + invalid + late)
) STRICT, WITHOUT ROWID;

CREATE TABLE facts_hour (
  advertiser_id TEXT NOT NULL,
  hour INTEGER NOT NULL,
  campaign_id TEXT NOT NULL,
  ad_group_id TEXT NOT NULL,
  ad_id TEXT NOT NULL,
  part INTEGER NOT NULL,
  impressions INTEGER NOT NULL DEFAULT 0,
  gross_impressions INTEGER NOT NULL DEFAULT 0,
  valid INTEGER NOT NULL DEFAULT 0,
  gross INTEGER NOT NULL DEFAULT 0,
  duplicate INTEGER NOT NULL DEFAULT 0,
  invalid INTEGER NOT NULL DEFAULT 0,
  late INTEGER NOT NULL DEFAULT 0,
  valid_with_user INTEGER NOT NULL DEFAULT 0,
  conversions INTEGER NOT NULL DEFAULT 0,
  conversions_by_time INTEGER NOT NULL DEFAULT 0,
  spend_micros INTEGER NOT NULL DEFAULT 0,
  spend_hundreds INTEGER NOT NULL DEFAULT 0,
  conversion_value_micros INTEGER NOT NULL DEFAULT 0,
  conversion_value_hundreds INTEGER NOT NULL DEFAULT 0,
  conversion_value_by_time_micros INTEGER NOT NULL DEFAULT 0,
  conversion_value_by_time_hundreds INTEGER NOT NULL DEFAULT 0,
  givt INTEGER NOT NULL DEFAULT 0,
  cells TEXT NOT NULL,
  reasons TEXT NOT NULL,
  sketch BLOB,
  PRIMARY KEY (advertiser_id, hour, campaign_id, ad_group_id, ad_id, part),
  CHECK (gross = valid + duplicate + invalid + late)
) STRICT, WITHOUT ROWID;

CREATE TABLE facts_day (
  advertiser_id TEXT NOT NULL,
  day INTEGER NOT NULL,
  campaign_id TEXT NOT NULL,
  ad_group_id TEXT NOT NULL,
  ad_id TEXT NOT NULL,
  part INTEGER NOT NULL,
  impressions INTEGER NOT NULL DEFAULT 0,
  gross_impressions INTEGER NOT NULL DEFAULT 0,
  valid INTEGER NOT NULL DEFAULT 0,
  gross INTEGER NOT NULL DEFAULT 0,
  duplicate INTEGER NOT NULL DEFAULT 0,
  invalid INTEGER NOT NULL DEFAULT 0,
  late INTEGER NOT NULL DEFAULT 0,
  valid_with_user INTEGER NOT NULL DEFAULT 0,
  conversions INTEGER NOT NULL DEFAULT 0,
  conversions_by_time INTEGER NOT NULL DEFAULT 0,
  spend_micros INTEGER NOT NULL DEFAULT 0,
  spend_hundreds INTEGER NOT NULL DEFAULT 0,
  conversion_value_micros INTEGER NOT NULL DEFAULT 0,
  conversion_value_hundreds INTEGER NOT NULL DEFAULT 0,
  conversion_value_by_time_micros INTEGER NOT NULL DEFAULT 0,
  conversion_value_by_time_hundreds INTEGER NOT NULL DEFAULT 0,
  givt INTEGER NOT NULL DEFAULT 0,
  cells TEXT NOT NULL,
  reasons TEXT NOT NULL,
  sketch BLOB,
  PRIMARY KEY (advertiser_id, day, campaign_id, ad_group_id, ad_id, part),
  CHECK (gross = valid + duplicate + invalid + late)
) STRICT, WITHOUT ROWID;

CREATE TABLE day_sums (
  dimension TEXT NOT NULL,
  publisher_id TEXT NOT NULL,
  day INTEGER NOT NULL,
  value TEXT NOT NULL,
  impressions INTEGER NOT NULL DEFAULT 0,
  gross_impressions INTEGER NOT NULL DEFAULT 0,
  valid INTEGER NOT NULL DEFAULT 0,
  gross INTEGER NOT NULL DEFAULT 0,
  duplicate INTEGER NOT NULL DEFAULT 0,
  invalid INTEGER NOT NULL DEFAULT 0,
  late INTEGER NOT NULL DEFAULT 0,
  valid_with_user INTEGER NOT NULL DEFAULT 0,
  conversions INTEGER NOT NULL DEFAULT 0,
  conversions_by_time INTEGER NOT NULL DEFAULT 0,
  spend_micros INTEGER NOT NULL DEFAULT 0,
  spend_hundreds INTEGER NOT NULL DEFAULT 0,
  conversion_value_micros INTEGER NOT NULL DEFAULT 0,
  conversion_value_hundreds INTEGER NOT NULL DEFAULT 0,
  conversion_value_by_time_micros INTEGER NOT NULL DEFAULT 0,
  conversion_value_by_time_hundreds INTEGER NOT NULL DEFAULT 0,
  givt INTEGER NOT NULL DEFAULT 0,
  PRIMARY KEY (dimension, publisher_id, day, value),
  CHECK (gross = valid + duplicate + invalid + late)
) STRICT, WITHOUT ROWID;

CREATE VIEW facts_open AS
SELECT
  owner.key AS advertiser_id,
  delta.value ->> '$[0]' AS minute,
  delta.value ->> '$[1]' AS campaign_id,
  delta.value ->> '$[2]' AS ad_group_id,
  delta.value ->> '$[3]' AS ad_id,
  delta.value ->> '$[4]' AS part,
  coalesce(delta.value ->> '$[8]', 0) AS impressions,
  coalesce(delta.value ->> '$[9]', 0) AS gross_impressions,
  coalesce(delta.value ->> '$[10]', 0) AS valid,
  coalesce(delta.value ->> '$[11]', 0) AS gross,
  coalesce(delta.value ->> '$[12]', 0) AS duplicate,
  coalesce(delta.value ->> '$[13]', 0) AS invalid,
  coalesce(delta.value ->> '$[14]', 0) AS late,
  coalesce(delta.value ->> '$[15]', 0) AS valid_with_user,
  coalesce(delta.value ->> '$[16]', 0) AS conversions,
  coalesce(delta.value ->> '$[17]', 0) AS conversions_by_time,
  coalesce(delta.value ->> '$[18]', 0) AS spend_micros,
  coalesce(delta.value ->> '$[19]', 0) AS spend_hundreds,
  coalesce(delta.value ->> '$[20]', 0) AS conversion_value_micros,
  coalesce(delta.value ->> '$[21]', 0) AS conversion_value_hundreds,
  coalesce(delta.value ->> '$[22]', 0) AS conversion_value_by_time_micros,
  coalesce(delta.value ->> '$[23]', 0) AS conversion_value_by_time_hundreds,
  coalesce(delta.value ->> '$[24]', 0) AS givt,
  jsonb_extract(delta.value, '$[5]') AS cells,
  jsonb_extract(delta.value, '$[6]') AS reasons,
  CAST(delta.value ->> '$[7]' AS BLOB) AS sketch,
  open_postings.first_minute,
  open_postings.last_minute
FROM open_postings, jsonb_each(open_postings.facts) AS owner, jsonb_each(owner.value) AS delta;

CREATE VIEW cells_minute AS
SELECT
  facts.advertiser_id,
  facts.minute,
  facts.campaign_id,
  facts.ad_group_id,
  facts.ad_id,
  facts.part,
  coalesce(cell.value ->> '$[0][0]', '') AS publisher_id,
  coalesce(cell.value ->> '$[0][1]', '') AS country,
  coalesce(cell.value ->> '$[0][2]', '') AS device,
  coalesce(cell.value ->> '$[0][3]', '') AS creative_id,
  coalesce(cell.value ->> '$[0][4]', '') AS placement_id,
  coalesce(cell.value ->> '$[0][5]', '') AS ad_format,
  coalesce(cell.value ->> '$[1][0]', 0) AS impressions,
  coalesce(cell.value ->> '$[1][1]', 0) AS gross_impressions,
  coalesce(cell.value ->> '$[1][2]', 0) AS valid,
  coalesce(cell.value ->> '$[1][3]', 0) AS gross,
  coalesce(cell.value ->> '$[1][4]', 0) AS duplicate,
  coalesce(cell.value ->> '$[1][5]', 0) AS invalid,
  coalesce(cell.value ->> '$[1][6]', 0) AS late,
  coalesce(cell.value ->> '$[1][7]', 0) AS valid_with_user,
  coalesce(cell.value ->> '$[1][8]', 0) AS conversions,
  coalesce(cell.value ->> '$[1][9]', 0) AS conversions_by_time,
  coalesce(cell.value ->> '$[1][10]', 0) AS spend_micros,
  coalesce(cell.value ->> '$[1][11]', 0) AS spend_hundreds,
  coalesce(cell.value ->> '$[1][12]', 0) AS conversion_value_micros,
  coalesce(cell.value ->> '$[1][13]', 0) AS conversion_value_hundreds,
  coalesce(cell.value ->> '$[1][14]', 0) AS conversion_value_by_time_micros,
  coalesce(cell.value ->> '$[1][15]', 0) AS conversion_value_by_time_hundreds,
  coalesce(cell.value ->> '$[1][16]', 0) AS givt
FROM facts_minute AS facts, jsonb_each(facts.cells) AS cell;

CREATE VIEW cells_hour AS
SELECT
  facts.advertiser_id,
  facts.hour,
  facts.campaign_id,
  facts.ad_group_id,
  facts.ad_id,
  facts.part,
  coalesce(cell.value ->> '$[0][0]', '') AS publisher_id,
  coalesce(cell.value ->> '$[0][1]', '') AS country,
  coalesce(cell.value ->> '$[0][2]', '') AS device,
  coalesce(cell.value ->> '$[0][3]', '') AS creative_id,
  coalesce(cell.value ->> '$[0][4]', '') AS placement_id,
  coalesce(cell.value ->> '$[0][5]', '') AS ad_format,
  coalesce(cell.value ->> '$[1][0]', 0) AS impressions,
  coalesce(cell.value ->> '$[1][1]', 0) AS gross_impressions,
  coalesce(cell.value ->> '$[1][2]', 0) AS valid,
  coalesce(cell.value ->> '$[1][3]', 0) AS gross,
  coalesce(cell.value ->> '$[1][4]', 0) AS duplicate,
  coalesce(cell.value ->> '$[1][5]', 0) AS invalid,
  coalesce(cell.value ->> '$[1][6]', 0) AS late,
  coalesce(cell.value ->> '$[1][7]', 0) AS valid_with_user,
  coalesce(cell.value ->> '$[1][8]', 0) AS conversions,
  coalesce(cell.value ->> '$[1][9]', 0) AS conversions_by_time,
  coalesce(cell.value ->> '$[1][10]', 0) AS spend_micros,
  coalesce(cell.value ->> '$[1][11]', 0) AS spend_hundreds,
  coalesce(cell.value ->> '$[1][12]', 0) AS conversion_value_micros,
  coalesce(cell.value ->> '$[1][13]', 0) AS conversion_value_hundreds,
  coalesce(cell.value ->> '$[1][14]', 0) AS conversion_value_by_time_micros,
  coalesce(cell.value ->> '$[1][15]', 0) AS conversion_value_by_time_hundreds,
  coalesce(cell.value ->> '$[1][16]', 0) AS givt
FROM facts_hour AS facts, jsonb_each(facts.cells) AS cell;

CREATE VIEW cells_day AS
SELECT
  facts.advertiser_id,
  facts.day,
  facts.campaign_id,
  facts.ad_group_id,
  facts.ad_id,
  facts.part,
  coalesce(cell.value ->> '$[0][0]', '') AS publisher_id,
  coalesce(cell.value ->> '$[0][1]', '') AS country,
  coalesce(cell.value ->> '$[0][2]', '') AS device,
  coalesce(cell.value ->> '$[0][3]', '') AS creative_id,
  coalesce(cell.value ->> '$[0][4]', '') AS placement_id,
  coalesce(cell.value ->> '$[0][5]', '') AS ad_format,
  coalesce(cell.value ->> '$[1][0]', 0) AS impressions,
  coalesce(cell.value ->> '$[1][1]', 0) AS gross_impressions,
  coalesce(cell.value ->> '$[1][2]', 0) AS valid,
  coalesce(cell.value ->> '$[1][3]', 0) AS gross,
  coalesce(cell.value ->> '$[1][4]', 0) AS duplicate,
  coalesce(cell.value ->> '$[1][5]', 0) AS invalid,
  coalesce(cell.value ->> '$[1][6]', 0) AS late,
  coalesce(cell.value ->> '$[1][7]', 0) AS valid_with_user,
  coalesce(cell.value ->> '$[1][8]', 0) AS conversions,
  coalesce(cell.value ->> '$[1][9]', 0) AS conversions_by_time,
  coalesce(cell.value ->> '$[1][10]', 0) AS spend_micros,
  coalesce(cell.value ->> '$[1][11]', 0) AS spend_hundreds,
  coalesce(cell.value ->> '$[1][12]', 0) AS conversion_value_micros,
  coalesce(cell.value ->> '$[1][13]', 0) AS conversion_value_hundreds,
  coalesce(cell.value ->> '$[1][14]', 0) AS conversion_value_by_time_micros,
  coalesce(cell.value ->> '$[1][15]', 0) AS conversion_value_by_time_hundreds,
  coalesce(cell.value ->> '$[1][16]', 0) AS givt
FROM facts_day AS facts, jsonb_each(facts.cells) AS cell;

CREATE VIEW cells_open AS
SELECT
  facts.advertiser_id,
  facts.minute,
  facts.campaign_id,
  facts.ad_group_id,
  facts.ad_id,
  facts.part,
  facts.first_minute,
  facts.last_minute,
  coalesce(cell.value ->> '$[0][0]', '') AS publisher_id,
  coalesce(cell.value ->> '$[0][1]', '') AS country,
  coalesce(cell.value ->> '$[0][2]', '') AS device,
  coalesce(cell.value ->> '$[0][3]', '') AS creative_id,
  coalesce(cell.value ->> '$[0][4]', '') AS placement_id,
  coalesce(cell.value ->> '$[0][5]', '') AS ad_format,
  coalesce(cell.value ->> '$[1][0]', 0) AS impressions,
  coalesce(cell.value ->> '$[1][1]', 0) AS gross_impressions,
  coalesce(cell.value ->> '$[1][2]', 0) AS valid,
  coalesce(cell.value ->> '$[1][3]', 0) AS gross,
  coalesce(cell.value ->> '$[1][4]', 0) AS duplicate,
  coalesce(cell.value ->> '$[1][5]', 0) AS invalid,
  coalesce(cell.value ->> '$[1][6]', 0) AS late,
  coalesce(cell.value ->> '$[1][7]', 0) AS valid_with_user,
  coalesce(cell.value ->> '$[1][8]', 0) AS conversions,
  coalesce(cell.value ->> '$[1][9]', 0) AS conversions_by_time,
  coalesce(cell.value ->> '$[1][10]', 0) AS spend_micros,
  coalesce(cell.value ->> '$[1][11]', 0) AS spend_hundreds,
  coalesce(cell.value ->> '$[1][12]', 0) AS conversion_value_micros,
  coalesce(cell.value ->> '$[1][13]', 0) AS conversion_value_hundreds,
  coalesce(cell.value ->> '$[1][14]', 0) AS conversion_value_by_time_micros,
  coalesce(cell.value ->> '$[1][15]', 0) AS conversion_value_by_time_hundreds,
  coalesce(cell.value ->> '$[1][16]', 0) AS givt
FROM facts_open AS facts, jsonb_each(facts.cells) AS cell;
