-- Why: impressions are counted gross and valid, uniques state their coverage, and the value of a conversion is also
-- credited to its own minute. Cells that were stored before these measures are shorter, and read as 0 in them. Money is held
-- as micros and hundreds of units beside them (amount = hundreds * 100000000 + micros), so that no sum leaves 64 bits.
ALTER TABLE facts_minute ADD COLUMN gross_impressions INTEGER NOT NULL DEFAULT 0;
ALTER TABLE facts_minute ADD COLUMN valid_with_user INTEGER NOT NULL DEFAULT 0;
ALTER TABLE facts_minute ADD COLUMN conversion_value_by_time_micros INTEGER NOT NULL DEFAULT 0;
ALTER TABLE facts_minute ADD COLUMN spend_hundreds INTEGER NOT NULL DEFAULT 0;
ALTER TABLE facts_minute ADD COLUMN conversion_value_hundreds INTEGER NOT NULL DEFAULT 0;
ALTER TABLE facts_minute ADD COLUMN conversion_value_by_time_hundreds INTEGER NOT NULL DEFAULT 0;

ALTER TABLE facts_hour ADD COLUMN gross_impressions INTEGER NOT NULL DEFAULT 0;
ALTER TABLE facts_hour ADD COLUMN valid_with_user INTEGER NOT NULL DEFAULT 0;
ALTER TABLE facts_hour ADD COLUMN conversion_value_by_time_micros INTEGER NOT NULL DEFAULT 0;
ALTER TABLE facts_hour ADD COLUMN spend_hundreds INTEGER NOT NULL DEFAULT 0;
ALTER TABLE facts_hour ADD COLUMN conversion_value_hundreds INTEGER NOT NULL DEFAULT 0;
ALTER TABLE facts_hour ADD COLUMN conversion_value_by_time_hundreds INTEGER NOT NULL DEFAULT 0;

ALTER TABLE facts_day ADD COLUMN gross_impressions INTEGER NOT NULL DEFAULT 0;
ALTER TABLE facts_day ADD COLUMN valid_with_user INTEGER NOT NULL DEFAULT 0;
ALTER TABLE facts_day ADD COLUMN conversion_value_by_time_micros INTEGER NOT NULL DEFAULT 0;
ALTER TABLE facts_day ADD COLUMN spend_hundreds INTEGER NOT NULL DEFAULT 0;
ALTER TABLE facts_day ADD COLUMN conversion_value_hundreds INTEGER NOT NULL DEFAULT 0;
ALTER TABLE facts_day ADD COLUMN conversion_value_by_time_hundreds INTEGER NOT NULL DEFAULT 0;

DROP VIEW cells_minute;
DROP VIEW cells_hour;
DROP VIEW cells_day;

CREATE VIEW cells_minute AS
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
FROM facts_minute AS facts, json_each(facts.cells) AS cell;

CREATE VIEW cells_hour AS
SELECT
  facts.advertiser_id,
  facts.hour,
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
FROM facts_hour AS facts, json_each(facts.cells) AS cell;

CREATE VIEW cells_day AS
SELECT
  facts.advertiser_id,
  facts.day,
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
FROM facts_day AS facts, json_each(facts.cells) AS cell;
