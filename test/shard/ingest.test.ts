/** Ingest is all or nothing, and remembers across eviction. */
import { evictDurableObject, runDurableObjectAlarm, runInDurableObject } from "cloudflare:test";
import { env } from "cloudflare:workers";
import { describe, expect, it } from "vitest";
import { encodeTokenEvent } from "../../src/core/token-event.ts";
import type { EventShard } from "../../src/shard/event-shard.ts";
import { ingest, openArrivals } from "../../src/shard/ingest.ts";
import { KEY_SIZES } from "../../src/shard/key-sizes.ts";
import { packedKeysOn } from "../../src/shard/sqlite-key-stores.ts";
import { SqliteLateStore } from "../../src/shard/sqlite-late-store.ts";
import { LogStore } from "../../src/shard/sqlite-shard-log.ts";
import { aClick, anEncodedEvent, CRAWLER, NOON_MS } from "../support/builders.ts";
import { RULES } from "../support/rules.ts";
import { InjectedFault, throwingSql } from "../support/throwing-sql.ts";
import { updateLog } from "../support/update-log.ts";

const POLICY = { mode: "review", allowedLatenessS: 30 } as const;

function shardNamed(name: string): DurableObjectStub<EventShard> {
  return env.EVENT_SHARD.getByName(name);
}

/** Every row of every table, as text. */
function dump(sql: SqlStorage): string {
  const tables = sql
    .exec<{ name: string }>("SELECT name FROM sqlite_master WHERE type = 'table' ORDER BY name")
    .toArray()
    .filter(({ name }) => !name.startsWith("_cf"));
  return JSON.stringify(tables.map(({ name }) => [name, sql.exec(`SELECT * FROM ${name}`).toArray()]));
}

describe("ingest", () => {
  it.each([
    ["in memory", KEY_SIZES],
    ["packed by it", { ...KEY_SIZES, freshMax: 0 }],
  ])("leaves nothing half done when a crash falls between any two statements, its keys %s", async (what, sizes) => {
    const batch = [
      anEncodedEvent({}, { jti: "crash_1" }),
      anEncodedEvent({}, { jti: "crash_2" }),
      anEncodedEvent({}, { jti: "crash_1" }),
      anEncodedEvent({ userAgent: CRAWLER }, { jti: "crash_3" }),
      anEncodedEvent({ occurredAtMs: NOON_MS - 600_000 }, { jti: "crash_4", iat: NOON_MS / 1_000 - 900 }),
    ];
    await runInDurableObject(shardNamed(`crash ${what}`), (_, state) => {
      const { storage } = state;
      const before = dump(storage.sql);
      const run = (failAt: number) => {
        const { sql, count } = throwingSql(storage.sql, failAt);
        const log = new LogStore(sql, RULES);
        const transactionSync = <T>(closure: () => T) => storage.transactionSync(closure);
        const index = packedKeysOn({ sql, transactionSync }, log, sizes);
        index.transaction(() =>
          ingest(openArrivals(batch), {
            log,
            index,
            lateStore: new SqliteLateStore(sql),
            policy: POLICY,
            nowMs: NOON_MS,
          }),
        );
        return count();
      };
      let failAt = 0;
      for (; failAt < 100; failAt++) {
        try {
          run(failAt);
          break;
        } catch (fault) {
          expect(fault).toBeInstanceOf(InjectedFault);
          expect(dump(storage.sql)).toBe(before);
        }
      }
      // It ended because a run got through, after failing before each of its statements.
      expect(failAt).toBeGreaterThan(5);
      expect(dump(storage.sql)).not.toBe(before);
    });
  });

  it("counts a redelivered batch once, also after eviction", async () => {
    const shard = shardNamed("redelivery");
    const batch = [
      anEncodedEvent({}, { jti: "r_1" }),
      anEncodedEvent({}, { jti: "r_1" }),
      anEncodedEvent({ method: "HEAD" }, { jti: "r_2" }),
    ];
    expect(await shard.ingest(batch)).toBe(3);
    expect(await shard.ingest(batch)).toBe(0);
    await evictDurableObject(shard);
    expect(await shardNamed("redelivery").ingest(batch)).toBe(0);
    expect(await shardNamed("redelivery").ingest([...batch, anEncodedEvent({}, { jti: "r_3" })])).toBe(1);
  });

  it("gives one of two concurrent copies the claim", async () => {
    const shard = shardNamed("concurrent");
    const copies = Array.from({ length: 20 }, () => [anEncodedEvent({}, { jti: "race" })]);
    await Promise.all(copies.map((copy) => shard.ingest(copy)));
    const verdicts = await loggedVerdicts(shard);
    expect(verdicts.filter((verdict) => verdict === "valid")).toHaveLength(1);
    expect(verdicts.filter((verdict) => verdict === "duplicate")).toHaveLength(19);
  });

  it("does not let a crawler take the human's click", async () => {
    const shard = shardNamed("crawler-first");
    await shard.ingest([anEncodedEvent({ userAgent: CRAWLER }, { jti: "b_1" })]);
    await shard.ingest([anEncodedEvent({}, { jti: "b_1" })]);
    expect(await loggedVerdicts(shard)).toEqual(["invalid", "valid"]);
  });

  it("never uses a sequence number twice, although the log empties", async () => {
    const shard = shardNamed("sequence");
    await shard.ingest([anEncodedEvent({}, { jti: "s_1" })]);
    await shard.ingest([anEncodedEvent({}, { jti: "s_2" })]);
    const before = await shard.status();
    expect(before.lastSeq).toBe(2);
    await emptyLog(shard);
    expect(await loggedVerdicts(shard)).toEqual([]);
    await evictDurableObject(shard);
    const again = shardNamed("sequence");
    expect((await again.status()).lastSeq).toBe(2);
    await again.ingest([anEncodedEvent({}, { jti: "s_3" })]);
    expect((await again.status()).lastSeq).toBe(3);
  });

  it("splits a batch that is too long for one log row", async () => {
    const shard = shardNamed("long");
    const batch = Array.from({ length: 1_500 }, (_, at) => anEncodedEvent({}, { jti: `long_${at}` }));
    expect(await shard.ingest(batch)).toBe(1_500);
    const rows = await runInDurableObject(shard, (_, state) =>
      state.storage.sql.exec<{ chars: number }>("SELECT chars FROM log").toArray(),
    );
    expect(rows.length).toBeGreaterThan(1);
    for (const { chars } of rows) expect(chars).toBeLessThan(2_000_000 / 3);
  });

  it("refuses an unreadable event as a whole, so that the batch is delivered again", async () => {
    const shard = shardNamed("unreadable");
    const result = await runInDurableObject(shard, async (instance) => {
      try {
        await instance.ingest([anEncodedEvent({}, { jti: "u_1" }), "{}"]);
        return "accepted";
      } catch (fault) {
        return String(fault);
      }
    });
    expect(result).toContain("event_shape");
    expect((await shard.status()).lastSeq).toBe(0);
  });

  it("refuses more events than one call may hold, and counts none of them", async () => {
    const shard = shardNamed("oversized");
    const event = anEncodedEvent({}, { jti: "o_1" });
    const result = await runInDurableObject(shard, async (instance) => {
      const batch = Array.from({ length: 10_001 }, () => event);
      return await instance.ingest(batch).then(String, String);
    });
    expect(result).toContain("at most 10000 events");
    expect((await shard.status()).lastSeq).toBe(0);
  });

  it("keeps its log in time order when the clock steps back", async () => {
    await runInDurableObject(shardNamed("clock"), (_, { storage }) => {
      const log = new LogStore(storage.sql, RULES);
      const index = packedKeysOn(storage, log);
      const at = (nowMs: number, jti: string) =>
        index.transaction(() =>
          ingest(openArrivals([encodeTokenEvent(aClick({}, { jti }))]), {
            log,
            index,
            lateStore: new SqliteLateStore(storage.sql),
            policy: POLICY,
            nowMs,
          }),
        );
      at(NOON_MS, "c_1");
      at(NOON_MS - 60_000, "c_2");
      expect(log.rowsAfter(0, 1_000_000).map(({ loggedAtMs }) => loggedAtMs)).toEqual([NOON_MS, NOON_MS]);
    });
  });
});

async function loggedVerdicts(shard: DurableObjectStub<EventShard>): Promise<string[]> {
  return runInDurableObject(shard, (_, state) =>
    new LogStore(state.storage.sql)
      .rowsAfter(0, 10_000_000)
      .flatMap((row) => row.lines().split("\n"))
      .map((line) => (JSON.parse(line) as { verdict: string }).verdict),
  );
}

/** Posts by alarm, then archives as if the archive interval had passed, so that the log can be trimmed. */
async function emptyLog(shard: DurableObjectStub<EventShard>): Promise<void> {
  await runDurableObjectAlarm(shard);
  await runInDurableObject(shard, (_, state) => {
    updateLog(state.storage.sql, "SET logged_at_ms = 1");
  });
  await shard.sweep();
}
