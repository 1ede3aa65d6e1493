/** A flood of late clicks on one token: few rows, every click counted once, decided exactly. */
import { evictDurableObject, runDurableObjectAlarm, runInDurableObject } from "cloudflare:test";
import { env } from "cloudflare:workers";
import { describe, expect, it } from "vitest";
import { prepareEvent } from "../../src/core/ingest.ts";
import { LATE_EVENTS_PER_TOKEN_MAX as MAX } from "../../src/core/limits.ts";
import { isTokenEntry, type LogEntry } from "../../src/core/log-line.ts";
import { rememberEntries } from "../../src/shard/remember.ts";
import { LogStore } from "../../src/shard/sqlite-shard-log.ts";
import { aLateClick, anOnTimeClick } from "../support/late.ts";
import { shardOn } from "../support/shard-memory.ts";
import { updateLog } from "../support/update-log.ts";

const FLOOD = 2_000;
const shardNamed = (name: string) => env.EVENT_SHARD.getByName(name);

async function totals(ad: string) {
  return env.REPORT_DB.prepare(
    `SELECT sum(gross) AS gross, sum(valid) AS valid, sum(duplicate) AS duplicate, sum(invalid) AS invalid,
       sum(late) AS late, sum(spend_micros) AS spend FROM facts_minute WHERE ad_id = ?1`,
  )
    .bind(ad)
    .first();
}

async function listed(ad: string) {
  const { results } = await env.REPORT_DB.prepare(
    "SELECT event_id, clicks, verdict FROM late_clicks WHERE ad_id = ?1 ORDER BY event_id",
  )
    .bind(ad)
    .all<{ event_id: string; clicks: number; verdict: string }>();
  return results;
}

/** Late clicks of one token, each with a time, a device and a country of its own. */
function flood(jti: string, ad: string, size: number) {
  return Array.from({ length: size }, (_, n) => aLateClick(jti, ad, n));
}

async function ingestAll(name: string, encoded: readonly string[]): Promise<number> {
  let counted = 0;
  for (let at = 0; at < encoded.length; at += 100)
    counted += await shardNamed(name).ingest(encoded.slice(at, at + 100));
  return counted;
}

describe("[attack 4] a flood of late clicks on one token", () => {
  it("keeps few rows in shard and list, counts every click, recognises every redelivery, and is decided exactly", async () => {
    const name = "late-flood-1";
    const ad = "ad_flood_1";
    const clicks = flood("f_1", ad, FLOOD);
    const encoded = clicks.map((click) => click.encoded);
    expect(await ingestAll(name, encoded)).toBe(FLOOD);
    await evictDurableObject(shardNamed(name));
    expect(await ingestAll(name, encoded.toReversed())).toBe(0);
    await runDurableObjectAlarm(shardNamed(name));
    expect(await totals(ad)).toEqual({ gross: FLOOD, valid: 0, duplicate: 0, invalid: 0, late: FLOOD, spend: 0 });
    const rows = await listed(ad);
    expect(rows).toHaveLength(MAX);
    expect(rows.reduce((sum, { clicks: n }) => sum + n, 0)).toBe(FLOOD);
    const kept = await runInDurableObject(shardNamed(name), (_, { storage }) =>
      storage.sql.exec("SELECT count(*) AS rows, sum(clicks) AS clicks FROM late").one(),
    );
    expect(kept).toEqual({ rows: MAX, clicks: FLOOD });

    const crowd = rows.find(({ clicks: n }) => n > 1)?.event_id as never;
    const [outcome] = await shardNamed(name).review([{ event: crowd, choice: "accept" }], "key_op");
    expect(outcome).toMatchObject({ outcome: "decided", verdict: "valid", reason: "late_accepted" });
    await shardNamed(name).review(
      rows.map(({ event_id: event }) => ({ event: event as never, choice: "reject" as const })),
      "key_op",
    );
    await runDurableObjectAlarm(shardNamed(name));
    const joined = FLOOD - MAX + 1;
    const decided = { gross: FLOOD, valid: 1, duplicate: joined - 1, invalid: MAX - 1, late: 0, spend: 250_000 };
    expect(await totals(ad)).toEqual(decided);
    const breaches = await env.REPORT_DB.prepare(
      "SELECT count(*) AS rows FROM cells_minute WHERE ad_id = ?1 AND (late <> 0 OR gross < 0 OR duplicate < 0 OR invalid < 0)",
    )
      .bind(ad)
      .first("rows");
    expect(breaches).toBe(0);
    expect((await listed(ad)).reduce((sum, { clicks: n }) => sum + n, 0)).toBe(FLOOD);

    // What comes after all are decided goes the way of the last decision, and waits for nobody.
    const more = flood("f_1", ad, 50).map((click) => click.encoded);
    expect(await ingestAll(name, more)).toBe(50);
    expect(await shardNamed(name).ingest([anOnTimeClick("f_1", ad)])).toBe(1);
    await runDurableObjectAlarm(shardNamed(name));
    expect(await totals(ad)).toMatchObject({ gross: FLOOD + 51, valid: 1, late: 0, spend: 250_000 });
    expect(await listed(ad)).toHaveLength(MAX);
  });

  it("of many tokens keeps the bound for each", async () => {
    const name = "late-flood-2";
    const ad = "ad_flood_2";
    const encoded = ["f_a", "f_b", "f_c"].flatMap((jti) => flood(jti, ad, 40)).map((click) => click.encoded);
    expect(await shardNamed(name).ingest(encoded)).toBe(120);
    await runDurableObjectAlarm(shardNamed(name));
    expect(await listed(ad)).toHaveLength(3 * MAX);
    expect(await totals(ad)).toMatchObject({ gross: 120, late: 120 });
  });
});

describe("[attack 1] what a storage has forgotten", () => {
  it("is remembered from its log's entries, whole, and once however often they are given", async () => {
    const name = "late-flood-3";
    const ad = "ad_flood_3";
    const late = flood("f_3", ad, 30);
    const onTime = [anOnTimeClick("t_3", ad), anOnTimeClick("t_3", ad)];
    const sent = [...late.map(({ encoded }) => encoded), ...onTime];
    await shardNamed(name).ingest(sent);
    await shardNamed(name).review([{ event: late[0]?.event.id as never, choice: "accept" }], "key_op");
    await runInDurableObject(shardNamed(name), (_, { storage }) => {
      const entries = new LogStore(storage.sql).rowsAfter(0, 10_000_000).flatMap((row) => row.entries());
      const before = memoryOf(storage, entries);
      updateLog(storage.sql, "SET keys = NULL");
      storage.sql.exec("DELETE FROM late");
      expect(memoryOf(storage, entries)).not.toEqual(before);
      const ports = shardOn(storage);
      const remember = (part: readonly LogEntry[]) => ports.index.transaction(() => rememberEntries(part, ports));
      // In two parts that overlap, and then all of it again.
      expect(remember(entries.slice(0, 20))).toBe(20);
      expect(remember(entries.slice(10))).toBe(entries.length - 20);
      expect(remember(entries)).toBe(0);
      expect(memoryOf(storage, entries)).toEqual(before);
    });
    await evictDurableObject(shardNamed(name));
    expect(await shardNamed(name).ingest(sent)).toBe(0);
  });
});

/** What is known of the entries' keys and ids, by whoever opens the storage now, and every row of late clicks. */
function memoryOf(storage: DurableObjectStorage, entries: readonly LogEntry[]) {
  const prepared = entries.filter(isTokenEntry).map(prepareEvent);
  const { claimedBy, repeats } = shardOn(storage).index.lookup({
    keys: prepared.map(({ key, keyHour: hour }) => ({ hour, key })),
    events: prepared.map(({ opened, repeatHour: hour }) => ({ hour, event: opened.event.id })),
  });
  return { claimedBy, repeats, late: storage.sql.exec("SELECT * FROM late").toArray() };
}
