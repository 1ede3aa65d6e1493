-- Why: names for the ids that tokens carry, and the ads that the demonstration page shows. Counting never reads these
-- tables: an id that is not here is counted like any other.
CREATE TABLE campaigns (
  campaign_id   TEXT NOT NULL PRIMARY KEY,
  advertiser_id TEXT NOT NULL,
  name          TEXT NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TABLE ads (
  ad_id       TEXT    NOT NULL PRIMARY KEY,
  campaign_id TEXT    NOT NULL REFERENCES campaigns (campaign_id),
  creative_id TEXT    NOT NULL,
  name        TEXT    NOT NULL,
  cpc_micros  INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TABLE publishers (
  publisher_id TEXT NOT NULL PRIMARY KEY,
  name         TEXT NOT NULL
) STRICT, WITHOUT ROWID;
