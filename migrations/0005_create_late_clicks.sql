-- Why: the review list. A click that came too late counts as `late` and waits for somebody's decision; this table shows
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
