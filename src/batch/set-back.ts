/**
 * Notices that a report database was set back to an earlier moment or is new, though nobody posts to it just now.
 *
 *   D1  heartbeat(id = 1, beat, beaten_at_s)       counted up once a minute by cron; when, by the database's clock
 *   R2  heartbeats/v1/REPORT_DB                    what it had come to, as metadata
 *
 * A beat that is not ahead of the one in R2 is of a database that was set back: then every shard is visited, compares
 * its marks with the ledger and posts again what is missing (facts/ledger-check.ts). Otherwise an object of orders or
 * counts is visited once an hour.
 *
 * Keeps: the beat in R2 is written after everybody was visited, so that a visit that fails is made again.
 */
import { BEGIN_LIFE } from "../facts/outbox-sql.ts";
import { logFault } from "../log.ts";

const BEAT = `
INSERT INTO heartbeat (id, beat)
VALUES (1, 1)
ON CONFLICT (id) DO UPDATE SET beat = beat + 1, beaten_at_s = unixepoch()
RETURNING beat`;

const SET_BEAT = `UPDATE heartbeat SET beat = ?1 WHERE id = 1`;

export function heartbeatKey(name: string): string {
  return `heartbeats/v1/${name}`;
}

/** Counts one beat; `visitAll` is called, and has to succeed, when the database was set back. */
export async function watchDatabase(
  { name, database, bucket }: { name: string; database: D1Database; bucket: R2Bucket },
  visitAll: () => Promise<void>,
): Promise<void> {
  const known = Number((await bucket.head(heartbeatKey(name)))?.customMetadata?.["beat"] ?? 0);
  const row = await database.prepare(BEAT).first<{ beat: number }>();
  let beat = row?.beat ?? 0;
  if (beat <= known) {
    logFault("report_database_set_back", new Error(`${name} is behind its last heartbeat`), { beat, known });
    await database.prepare(BEGIN_LIFE).run();
    await visitAll();
    beat = known + 1;
    await database.prepare(SET_BEAT).bind(beat).run();
  }
  await bucket.put(heartbeatKey(name), "", { customMetadata: { beat: String(beat) } });
}
