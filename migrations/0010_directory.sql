-- Why: D1 grows out, not up, so facts may stand in several report databases. An advertiser's stand in one of them, which
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

-- Whoever was counted before there was a choice.
INSERT INTO advertiser_directory (advertiser_id, database, pinned_at_ms)
SELECT advertiser_id, 'REPORT_DB', first_seen_ms
FROM advertisers;

INSERT INTO report_databases (database, first_used_at_ms)
SELECT 'REPORT_DB', min(first_seen_ms)
FROM advertisers
HAVING count(*) > 0;
