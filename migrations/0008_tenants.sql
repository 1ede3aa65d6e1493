-- Why: tenants become resources that an operator creates, names and changes over HTTP, keys gain owners and limits, and
-- every such act is on record. Counting still reads none of these tables: no fact refers to them, and an id that is not
-- here is counted like any other. Rows are never deleted, `status` says what is no longer in use.

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

INSERT INTO advertiser_profiles (advertiser_id, name, time_zone, created_at_ms, updated_at_ms)
SELECT DISTINCT advertiser_id, advertiser_id, 'UTC', 0, 0
FROM campaigns;

ALTER TABLE campaigns ADD COLUMN status TEXT NOT NULL DEFAULT 'active'
  CHECK (status IN ('active', 'paused', 'archived'));
ALTER TABLE campaigns ADD COLUMN created_at_ms INTEGER NOT NULL DEFAULT 0;
ALTER TABLE campaigns ADD COLUMN updated_at_ms INTEGER NOT NULL DEFAULT 0;

CREATE TABLE ad_groups (
  ad_group_id   TEXT    NOT NULL PRIMARY KEY,
  campaign_id   TEXT    NOT NULL REFERENCES campaigns (campaign_id),
  name          TEXT    NOT NULL,
  status        TEXT    NOT NULL DEFAULT 'active' CHECK (status IN ('active', 'paused', 'archived')),
  created_at_ms INTEGER NOT NULL,
  updated_at_ms INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

ALTER TABLE ads ADD COLUMN ad_group_id TEXT REFERENCES ad_groups (ad_group_id);
ALTER TABLE ads ADD COLUMN status TEXT NOT NULL DEFAULT 'active'
  CHECK (status IN ('active', 'paused', 'archived'));
ALTER TABLE ads ADD COLUMN created_at_ms INTEGER NOT NULL DEFAULT 0;
ALTER TABLE ads ADD COLUMN updated_at_ms INTEGER NOT NULL DEFAULT 0;

ALTER TABLE publishers ADD COLUMN status TEXT NOT NULL DEFAULT 'active'
  CHECK (status IN ('active', 'paused', 'archived'));
ALTER TABLE publishers ADD COLUMN created_at_ms INTEGER NOT NULL DEFAULT 0;
ALTER TABLE publishers ADD COLUMN updated_at_ms INTEGER NOT NULL DEFAULT 0;

-- A tenant lists what is its own without touching what is not.
CREATE INDEX campaigns_by_advertiser ON campaigns (advertiser_id, campaign_id);
CREATE INDEX ad_groups_by_campaign ON ad_groups (campaign_id, ad_group_id);
CREATE INDEX ads_by_campaign ON ads (campaign_id, ad_id);

-- Keys of 0003 with a publisher as owner, and limits on minting. A CHECK cannot be altered, so the table is made anew.
ALTER TABLE api_keys RENAME TO api_keys_of_0003;

CREATE TABLE api_keys (
  key_hash            TEXT    NOT NULL PRIMARY KEY, -- SHA-256 of the key, hexadecimal
  key_id              TEXT    NOT NULL UNIQUE,      -- public name of the key, for logs and revocation
  label               TEXT    NOT NULL DEFAULT '',  -- what people call it
  advertiser_id       TEXT,                         -- owner: whose rows it reads
  publisher_id        TEXT,                         -- or this one
  scopes              TEXT    NOT NULL,             -- JSON list of report, mint, convert, admin
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
  CHECK (
    advertiser_id IS NOT NULL OR publisher_id IS NOT NULL OR scopes LIKE '%"admin"%'
    OR (scopes = '["mint"]' AND (mint_advertisers IS NOT NULL OR mint_publishers IS NOT NULL))
  )
) STRICT, WITHOUT ROWID;

INSERT INTO api_keys (key_hash, key_id, advertiser_id, scopes, created_at_ms, revoked_at_ms)
SELECT key_hash, key_id, advertiser_id, scopes, created_at_ms, revoked_at_ms
FROM api_keys_of_0003;

DROP TABLE api_keys_of_0003;

-- Who did what to what. A row is written in the transaction of its act, so neither is there without the other. Rows are
-- only added. (No triggers say so: remote migrations cut a trigger at the semicolon inside it.)
CREATE TABLE audit_log (
  id           INTEGER PRIMARY KEY AUTOINCREMENT, -- never used twice
  at_ms        INTEGER NOT NULL,
  key_id       TEXT    NOT NULL,                  -- API key that acted
  action       TEXT    NOT NULL,                  -- create, update, rotate, revoke, decide, replay
  subject_kind TEXT    NOT NULL,                  -- advertiser, campaign, ad_group, ad, publisher, key, …
  subject_id   TEXT    NOT NULL,
  before       TEXT,                              -- JSON of the subject before the act (NULL: there was none)
  after        TEXT    NOT NULL                   -- JSON of it afterwards
) STRICT;
