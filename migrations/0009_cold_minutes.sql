-- Why: minutes are most of the rows and are asked for the least once they are old, so they leave the report database for
-- Parquet in R2 (src/batch/move-minutes.ts). What is read at any moment is decided by rows of this database alone: a row
-- of facts stands in facts_minute, or in facts_minute_moving, or in an object whose ledger row says 'cold'.

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

-- Rows between their place in facts_minute and their object. The batch of a row is (bucket, day, sequence).
CREATE TABLE facts_minute_moving (
  advertiser_id                   TEXT    NOT NULL,
  minute                          INTEGER NOT NULL,
  campaign_id                     TEXT    NOT NULL,
  ad_group_id                     TEXT    NOT NULL,
  ad_id                           TEXT    NOT NULL,
  part                            INTEGER NOT NULL,
  impressions                     INTEGER NOT NULL,
  gross                           INTEGER NOT NULL,
  valid                           INTEGER NOT NULL,
  duplicate                       INTEGER NOT NULL,
  invalid                         INTEGER NOT NULL,
  late                            INTEGER NOT NULL,
  conversions                     INTEGER NOT NULL,
  conversions_by_time             INTEGER NOT NULL,
  spend_micros                    INTEGER NOT NULL,
  conversion_value_micros         INTEGER NOT NULL,
  gross_impressions               INTEGER NOT NULL,
  valid_with_user                 INTEGER NOT NULL,
  conversion_value_by_time_micros INTEGER NOT NULL,
  spend_hundreds                  INTEGER NOT NULL,
  conversion_value_hundreds       INTEGER NOT NULL,
  conversion_value_by_time_hundreds INTEGER NOT NULL,
  cells                           TEXT    NOT NULL,
  reasons                         TEXT    NOT NULL,
  sketch                          BLOB,
  bucket                          INTEGER NOT NULL,
  day                             INTEGER NOT NULL,
  sequence                        INTEGER NOT NULL,
  PRIMARY KEY (advertiser_id, minute, campaign_id, ad_group_id, ad_id, part),
  CHECK (gross = valid + duplicate + invalid + late)
) STRICT, WITHOUT ROWID;

CREATE VIEW cells_minute_moving AS
SELECT
  facts.advertiser_id,
  facts.minute,
  facts.campaign_id,
  facts.ad_group_id,
  facts.ad_id,
  cell.value ->> 0 AS publisher_id,
  cell.value ->> 1 AS country,
  cell.value ->> 2 AS device,
  cell.value ->> 3 AS creative_id,
  cell.value ->> 4 AS impressions,
  cell.value ->> 5 AS gross,
  cell.value ->> 6 AS valid,
  cell.value ->> 7 AS duplicate,
  cell.value ->> 8 AS invalid,
  cell.value ->> 9 AS late,
  cell.value ->> 10 AS conversions,
  cell.value ->> 11 AS conversions_by_time,
  cell.value ->> 12 AS spend_micros,
  cell.value ->> 13 AS conversion_value_micros,
  coalesce(cell.value ->> 14, 0) AS gross_impressions,
  coalesce(cell.value ->> 15, 0) AS valid_with_user,
  coalesce(cell.value ->> 16, 0) AS conversion_value_by_time_micros,
  coalesce(cell.value ->> 17, 0) AS spend_hundreds,
  coalesce(cell.value ->> 18, 0) AS conversion_value_hundreds,
  coalesce(cell.value ->> 19, 0) AS conversion_value_by_time_hundreds
FROM facts_minute_moving AS facts, json_each(facts.cells) AS cell;
