-- Why: who may read or mint what. A key is random, shown once, and stored only as its SHA-256; a key of 256 random bits
-- needs no slow hash. Rows are never deleted: a revoked key stays on record.
CREATE TABLE api_keys (
  key_hash      TEXT    NOT NULL PRIMARY KEY, -- SHA-256 of the key, hexadecimal
  key_id        TEXT    NOT NULL UNIQUE,      -- public name of the key, for logs and revocation
  advertiser_id TEXT,                         -- whose rows it reads; NULL only with scope admin
  scopes        TEXT    NOT NULL,             -- JSON list of report, mint, admin
  created_at_ms INTEGER NOT NULL,
  revoked_at_ms INTEGER,
  CHECK (advertiser_id IS NOT NULL OR scopes LIKE '%"admin"%')
) STRICT, WITHOUT ROWID;
