/**
 * Postings that are open: what a source has logged behind the ledger's row, folded into one row that each flush
 * replaces, until it is posted. So a row of facts is written about once, and not with every flush.
 *
 *   ledger (seq 800)   open_postings (seq 812)     facts ⊕ the open row = the log up to 812
 *   posting to 830     the row is gone             facts             = the log up to 830
 *
 * Keeps: an open row continues the ledger's row of its source: it is written only where the ledger stands where the
 * writer believes, and each posting deletes it in its own transaction. So in every transaction facts and open rows
 * together are the fold of a log up to one place, nothing twice and nothing missing. An open row never goes back: a
 * request that is late does not replace what a later one has brought. A source that is closed shows nothing again.
 * Relies on: facts of one advertiser are found by its key without unfolding others (JSONB).
 */
/** Past all rows of any log: the row of a source that is closed. The statements below have it as a number. */
export const CLOSED_SEQ = Number.MAX_SAFE_INTEGER;

/**
 * Replaces what is shown of source ?1. Where the ledger stands elsewhere `seq` is NULL, which the table refuses, and
 * the transaction takes everything back.
 *
 *   ?2, ?3 seq and chain of the place that is shown, ?4 now
 *   ?5 whether the ledger has a row, ?6–?8 its seq, chain and part
 *   ?9, ?10 first and last minute of the facts, ?11 their JSON by advertiser
 */
export const OPEN_POSTING = `
INSERT INTO open_postings (source, seq, chain, opened_at_ms, first_minute, last_minute, facts)
SELECT
  ?1,
  CASE WHEN ?5 = (SELECT count(*) FROM ledger WHERE source = ?1)
    AND (?5 = 0 OR EXISTS (SELECT 1 FROM ledger WHERE source = ?1 AND seq = ?6 AND chain = ?7 AND part = ?8))
    THEN ?2 END,
  ?3, ?4, ?9, ?10, jsonb(?11)
WHERE true
ON CONFLICT (source) DO UPDATE SET
  seq = excluded.seq,
  chain = excluded.chain,
  opened_at_ms = excluded.opened_at_ms,
  first_minute = excluded.first_minute,
  last_minute = excluded.last_minute,
  facts = excluded.facts
WHERE excluded.seq > open_postings.seq`;

/** Takes away what is shown of source ?1: its posting is applied in the same transaction. */
export const DELETE_OPEN = `DELETE FROM open_postings WHERE source = ?1`;

/** Takes away what is shown of source ?1 at ?2, for ever: whoever wrote it writes no more. */
export const CLOSE_OPEN = `
INSERT INTO open_postings (source, seq, chain, opened_at_ms, first_minute, last_minute, facts)
VALUES (?1, 9007199254740991, '', ?2, 0, 0, jsonb('{}'))
ON CONFLICT (source) DO UPDATE SET
  seq = excluded.seq,
  chain = excluded.chain,
  opened_at_ms = excluded.opened_at_ms,
  first_minute = excluded.first_minute,
  last_minute = excluded.last_minute,
  facts = excluded.facts`;

/** The ledger's rows of shard ?1, and with `is_open` the places up to which its sources are shown, of one moment. */
export const SELECT_STANDING = `
SELECT 0 AS is_open, source, seq, chain, logged_at_ms, part
FROM ledger
WHERE source >= ?1 || '/' AND source < ?1 || '0'
UNION ALL
SELECT 1, source, seq, chain, 0, ''
FROM open_postings
WHERE source >= ?1 || '/' AND source < ?1 || '0' AND seq < 9007199254740991`;

/** The places up to which sources of shard ?1 are shown; '0' follows '/'. */
export const SELECT_OPENED = `
SELECT source, seq, chain
FROM open_postings
WHERE source >= ?1 || '/' AND source < ?1 || '0' AND seq < 9007199254740991`;
