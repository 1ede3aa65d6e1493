-- Why: questions over all advertisers, or about one publisher, read every ad's cells of every day. Days are therefore also
-- kept as sums over advertisers, one row for each value of one dimension. A bucket's days are added when they are rolled
-- (src/sinks/roll.ts), later deltas with their posting; below the lowest day mark of all buckets a row is the fold of
-- facts_day. A Worker that does not know the table must not roll or post after this: repeat the last two statements then.
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
  PRIMARY KEY (dimension, publisher_id, day, value),
  CHECK (gross = valid + duplicate + invalid + late)
) STRICT, WITHOUT ROWID;

DELETE FROM day_sums;

-- What is there already. One statement, of about nine rows for each cell.
INSERT INTO day_sums (
  dimension,
  publisher_id,
  day,
  value,
  impressions,
  gross,
  valid,
  duplicate,
  invalid,
  late,
  conversions,
  conversions_by_time,
  spend_micros,
  conversion_value_micros,
  gross_impressions,
  valid_with_user,
  conversion_value_by_time_micros
)
WITH kinds (dimension, is_of_publisher) AS (
  VALUES
    ('', 0), ('publisher_id', 0), ('country', 0), ('device', 0), ('advertiser_id', 0), ('campaign_id', 0),
    ('', 1), ('country', 1), ('device', 1)
),
cells AS MATERIALIZED (
  SELECT
    advertiser_id,
    day,
    campaign_id,
    publisher_id,
    country,
    device,
    impressions,
    gross,
    valid,
    duplicate,
    invalid,
    late,
    conversions,
    conversions_by_time,
    spend_micros,
    conversion_value_micros,
    gross_impressions,
    valid_with_user,
    conversion_value_by_time_micros
  FROM cells_day
)
SELECT
  kinds.dimension,
  iif(kinds.is_of_publisher, cells.publisher_id, '') AS publisher_id,
  cells.day,
  CASE kinds.dimension
    WHEN 'publisher_id' THEN cells.publisher_id
    WHEN 'country' THEN cells.country
    WHEN 'device' THEN cells.device
    WHEN 'advertiser_id' THEN cells.advertiser_id
    WHEN 'campaign_id' THEN cells.campaign_id
    ELSE ''
  END AS value,
  sum(cells.impressions),
  sum(cells.gross),
  sum(cells.valid),
  sum(cells.duplicate),
  sum(cells.invalid),
  sum(cells.late),
  sum(cells.conversions),
  sum(cells.conversions_by_time),
  sum(cells.spend_micros),
  sum(cells.conversion_value_micros),
  sum(cells.gross_impressions),
  sum(cells.valid_with_user),
  sum(cells.conversion_value_by_time_micros)
FROM cells
CROSS JOIN kinds
WHERE NOT kinds.is_of_publisher OR cells.publisher_id <> ''
GROUP BY 1, 2, 3, 4;
