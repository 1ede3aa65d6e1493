/**
 * The statements of API keys. None reads a hash, and none deletes a row.
 *
 *   one     ?1 id                    list   ?1 after, ?2 limit
 *   insert  ?1 row as JSON           end    ?1 id, ?2 version read, ?3 new version, ?4 end of validity
 *
 *   raise   ?1 advertiser, ?2 end of the epoch before
 *   set     ?1 advertiser, ?2 and ?3 epoch and end as they were read, ?4 and ?5 as they shall be
 *
 * Keeps: ending or setting another version than the one that was read violates NOT NULL, which undoes its batch.
 */
export const SELECT_KEY = `
SELECT key_id AS id, label, advertiser_id AS advertiserId, publisher_id AS publisherId, scopes,
  mint_advertisers AS mintAdvertisers, mint_publishers AS mintPublishers, mint_cpc_max_micros AS mintCpcMicrosMax,
  mint_hosts AS mintHosts, rotated_from AS rotatedFrom, created_at_ms AS createdAtMs, updated_at_ms AS updatedAtMs,
  revoked_at_ms AS revokedAtMs
FROM api_keys
WHERE key_id = ?1`;

export const SELECT_KEYS = `
SELECT key_id AS id, label, advertiser_id AS advertiserId, publisher_id AS publisherId, scopes,
  mint_advertisers AS mintAdvertisers, mint_publishers AS mintPublishers, mint_cpc_max_micros AS mintCpcMicrosMax,
  mint_hosts AS mintHosts, rotated_from AS rotatedFrom, created_at_ms AS createdAtMs, updated_at_ms AS updatedAtMs,
  revoked_at_ms AS revokedAtMs
FROM api_keys
WHERE key_id > ?1 AND (?3 IS NULL OR advertiser_id = ?3) AND (?4 IS NULL OR publisher_id = ?4)
ORDER BY key_id
LIMIT ?2`;

export const INSERT_KEY = `
INSERT INTO api_keys (
  key_hash, key_id, label, advertiser_id, publisher_id, scopes, mint_advertisers, mint_publishers,
  mint_cpc_max_micros, mint_hosts, rotated_from, created_at_ms, updated_at_ms
)
VALUES (
  ?1 ->> 'hash', ?1 ->> 'id', ?1 ->> 'label', ?1 ->> 'advertiserId', ?1 ->> 'publisherId', ?1 ->> 'scopes',
  ?1 ->> 'mintAdvertisers', ?1 ->> 'mintPublishers', ?1 ->> 'mintCpcMicrosMax', ?1 ->> 'mintHosts',
  ?1 ->> 'rotatedFrom', ?1 ->> 'createdAtMs', ?1 ->> 'updatedAtMs'
)`;

export const END_KEY = `
UPDATE api_keys
SET revoked_at_ms = ?4, updated_at_ms = CASE WHEN updated_at_ms = ?2 THEN ?3 END
WHERE key_id = ?1`;

/** ?1 advertiser, ?2 until when the secret of the epoch before is taken too. */
export const RAISE_POSTBACK_EPOCH = `
UPDATE advertiser_profiles
SET postback_epoch = postback_epoch + 1, postback_previous_until_ms = ?2
WHERE advertiser_id = ?1`;

export const SELECT_POSTBACK_EPOCH = `
SELECT postback_epoch AS epoch, postback_previous_until_ms AS previousUntilMs
FROM advertiser_profiles
WHERE advertiser_id = ?1`;

export const SET_POSTBACK_EPOCH = `
UPDATE advertiser_profiles
SET postback_epoch = CASE WHEN postback_epoch = ?2 AND postback_previous_until_ms = ?3 THEN ?4 END,
  postback_previous_until_ms = ?5
WHERE advertiser_id = ?1`;
