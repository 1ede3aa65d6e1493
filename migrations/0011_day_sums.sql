-- Why: questions over all advertisers, or about one publisher, read every ad's cells of every day. Days are therefore also
-- kept as sums over advertisers, one row for each value of one dimension. Each bucket's days are added once, after they are
-- rolled, and later deltas with their posting; below the lowest mark of all buckets a row is the fold of facts_day.
CREATE TABLE day_sums (
  dimension                       TEXT    NOT NULL CHECK (dimension IN
    ('', 'publisher_id', 'country', 'device', 'advertiser_id', 'campaign_id')), -- '': by nothing
  publisher_id                    TEXT    NOT NULL, -- '': of all publishers
  day                             INTEGER NOT NULL, -- days since 1970-01-01
  value                           TEXT    NOT NULL, -- of the dimension
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
  PRIMARY KEY (dimension, publisher_id, day, value),
  CHECK (gross = valid + duplicate + invalid + late)
) STRICT, WITHOUT ROWID;

-- Per bucket: days before the mark are in the sums (no row: none is). Days that were rolled before there were sums are taken
-- by cron, one by one, so this migration fills nothing.
CREATE TABLE day_sum_marks (
  bucket INTEGER NOT NULL PRIMARY KEY,
  mark   INTEGER NOT NULL -- days since 1970-01-01
) STRICT, WITHOUT ROWID;
