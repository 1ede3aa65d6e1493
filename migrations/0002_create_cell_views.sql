-- Why: reports that split by publisher, country, device or creative read cells as if each were a row, in plain SQL.

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
  cell.value ->> 13 AS conversion_value_micros
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
  cell.value ->> 13 AS conversion_value_micros
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
  cell.value ->> 13 AS conversion_value_micros
FROM facts_day AS facts, json_each(facts.cells) AS cell;
