/** The shard under fire: lost, late and doubled alarms, crashes between any two steps, sinks down, too much to hold. */
import { evictDurableObject, runDurableObjectAlarm, runInDurableObject } from "cloudflare:test";
import { env } from "cloudflare:workers";
import { describe, expect, it, vi } from "vitest";
import type { Facts } from "../../src/core/facts.ts";
import { MEASURES } from "../../src/core/fields.ts";
import type { FactsStore, Posting } from "../../src/facts/facts-store.ts";
import { EventShard } from "../../src/shard/event-shard.ts";
import type { FlushPorts } from "../../src/shard/flush-ports.ts";
import { anEncodedEvent, NOON_MS } from "../support/builders.ts";
import { archivedLines, FLUSH_SETTINGS, flushOnce, totalsOf, withShard } from "../support/flush-harness.ts";
import { oneStore, passing, storeOf } from "../support/one-store.ts";
import { PATIENT } from "../support/patience.ts";

const shardNamed = (name: string) => env.EVENT_SHARD.getByName(name);

/** An encoded click of just now. */
function aRecentClick(jti: string, ad: string): string {
  const iat = Math.floor(Date.now() / 1_000) - 10;
  return anEncodedEvent({ receivedAtMs: Date.now() }, { jti, ad, iat, exp: iat + 3_600 });
}

class InjectedCrash extends Error {
  override readonly name = "InjectedCrash";
}

/** Ports that crash before or after their n-th call, whatever it is; `calls` counts them. */
function crashing(
  ports: FlushPorts,
  crashAt: number,
  side: "before" | "after",
): { ports: FlushPorts; calls: () => number } {
  let calls = 0;
  const step = async <T>(work: () => T | Promise<T>): Promise<T> => {
    const isCrash = calls++ === crashAt;
    if (isCrash && side === "before") throw new InjectedCrash();
    const result = await work();
    if (isCrash) throw new InjectedCrash();
    return result;
  };
  const transaction = (closure: () => void) => {
    const isCrash = calls++ === crashAt;
    if (isCrash && side === "before") throw new InjectedCrash();
    ports.transaction(closure);
    if (isCrash) throw new InjectedCrash();
  };
  const store = storeOf(ports.reports);
  const { archive } = ports;
  return {
    calls: () => calls,
    ports: {
      ...ports,
      transaction,
      reports: {
        ...oneStore({
          post: (posting) => step(() => store.post(posting)),
          open: (posting) => step(() => store.open(posting)),
          close: (source) => step(() => store.close(source)),
          ledger: (shard) => step(() => store.ledger(shard)),
          opened: (shard) => step(() => store.opened(shard)),
          standing: (shard) => step(() => store.standing(shard)),
        }),
        assign: (ids) => step(() => ports.reports.assign(ids)),
      },
      archive: {
        put: (segment) => step(() => archive.put(segment)),
        readHead: (shard) => step(() => archive.readHead(shard)),
        writeHead: (shard, head, etag) => step(() => archive.writeHead(shard, head, etag)),
        rowsAfter: (owner, after, until) => step(() => archive.rowsAfter(owner, after, until)),
        close: (key) => step(() => archive.close(key)),
        putRules: (id, text) => step(() => archive.putRules(id, text)),
      },
    },
  };
}

describe("flush", () => {
  it.each(["before", "after"] as const)("recovers from a crash %s any of its steps, and counts once", (side) =>
    withShard(`crash-${side}`, async (harness) => {
      const ad = `ad_crash_${side}`;
      let round = 0;
      for (let crashAt = 0; ; crashAt++) {
        harness.take([
          anEncodedEvent({}, { jti: `${side}_${round}_a`, ad }),
          anEncodedEvent({}, { jti: `${side}_${round}_b`, ad }),
        ]);
        round++;
        const broken = crashing(harness, crashAt, side);
        const nowMs = NOON_MS + round * 400_000;
        // What a crash leaves undone is found again; what the ledger can tell is not even noticed.
        await flushOnce(broken.ports, FLUSH_SETTINGS, nowMs).catch((fault: Error) =>
          expect(fault.cause ?? fault).toBeInstanceOf(InjectedCrash),
        );
        // A second batch arrives before the next try, so that ranges grow.
        harness.take([anEncodedEvent({}, { jti: `${side}_${round}_c`, ad })]);
        await flushOnce(harness, FLUSH_SETTINGS, nowMs + 60_000);
        expect(await totalsOf(ad)).toMatchObject({ gross: round * 3, valid: round * 3 });
        expect(await archivedLines(`crash-${side}`)).toHaveLength(round * 3);
        expect(harness.log.rowsAfter(0, 1_000_000)).toEqual([]);
        if (broken.calls() <= crashAt) break;
      }
      expect(round).toBeGreaterThan(2);
    }),
  );

  it("stops a posting whose CHECK fails, loudly, keeps the log, and goes on when it is mended", () =>
    withShard("check-fails", async (harness) => {
      harness.take([anEncodedEvent({}, { jti: "ck_1", ad: "ad_check" })]);
      const corrupt: FactsStore = {
        ...passing(storeOf(harness.reports)),
        post: (posting) => storeOf(harness.reports).post({ ...posting, facts: withoutConservation(posting) }),
      };
      await expect(
        flushOnce({ ...harness, reports: oneStore(corrupt) }, FLUSH_SETTINGS, NOON_MS + 60_000),
      ).rejects.toThrow("CHECK");
      expect(harness.log.rowsAfter(0, 1_000_000)).toHaveLength(1);
      expect(await totalsOf("ad_check")).toMatchObject({ gross: null });
      await flushOnce(harness, FLUSH_SETTINGS, NOON_MS + 120_000);
      expect(await totalsOf("ad_check")).toMatchObject({ gross: 1, valid: 1 });
    }));

  it("forgets tables by its own clock only, and defers what still arrives for them", () =>
    withShard("fast-clock", async (harness) => {
      const click = anEncodedEvent({}, { jti: "fc_1", ad: "ad_fast" });
      harness.take([click]);
      // A clock that runs a month ahead drops the tables; then the clock is right again.
      await flushOnce(harness, FLUSH_SETTINGS, NOON_MS + 31 * 86_400_000);
      harness.take([click, anEncodedEvent({}, { jti: "fc_1", ad: "ad_fast" })], NOON_MS + 1_000);
      await flushOnce(harness, FLUSH_SETTINGS, NOON_MS + 31 * 86_400_000);
      expect(await totalsOf("ad_fast")).toMatchObject({ gross: 1, valid: 1 });
    }));
});

describe("the shard", () => {
  it("is caught up by the sweep when its alarm was lost", async () => {
    const shard = shardNamed("alarm-lost");
    await shard.ingest([aRecentClick("lost_1", "ad_lost")]);
    await runInDurableObject(shard, (_, { storage }) => storage.deleteAlarm());
    await evictDurableObject(shard);
    await shardNamed("alarm-lost").sweep();
    expect(await totalsOf("ad_lost")).toMatchObject({ gross: 1 });
  });

  it("flushes from the next ingest when its alarm is late", async () => {
    const shard = shardNamed("alarm-late");
    await shard.ingest([aRecentClick("late_1", "ad_late_alarm")]);
    await runInDurableObject(shard, (_, { storage }) => storage.deleteAlarm());
    const inTenSecondsMs = Date.now() + 10_000;
    vi.useFakeTimers({ toFake: ["Date"], now: inTenSecondsMs });
    try {
      await shard.ingest([aRecentClick("late_2", "ad_late_alarm")]);
    } finally {
      vi.useRealTimers();
    }
    await vi.waitFor(async () => expect(await totalsOf("ad_late_alarm")).toMatchObject({ gross: 2 }), PATIENT);
  });

  it("refuses more than its log may hold, keeps what it has, and takes more once the sinks are back", () =>
    runInDurableObject(shardNamed("overload"), async (_, state) => {
      const isDown = { value: true };
      const database = new Proxy(env.REPORT_DB, {
        get: (target, property) => {
          const value: unknown = Reflect.get(target, property, target);
          if (typeof value !== "function") return value;
          return (...given: unknown[]) => {
            if (isDown.value) throw new Error("D1 is down");
            return value.apply(target, given);
          };
        },
      });
      const shard = new EventShard(state, {
        ...env,
        REPORT_DB: database,
        LOG_BACKLOG_CHARS_MAX: "5000",
        ARCHIVE_INTERVAL_MS: "100",
      });
      const batch = (n: number) => Array.from({ length: 10 }, (_, at) => aRecentClick(`ov_${n}_${at}`, "ad_overload"));
      expect(await shard.ingest(batch(1))).toBe(10);
      await expect(shard.ingest(batch(2))).rejects.toThrow("shard_overloaded");
      await shard.sweep();
      await expect(shard.ingest(batch(2))).rejects.toThrow("shard_overloaded");
      isDown.value = false;
      await vi.waitFor(async () => {
        await shard.sweep();
        expect(await shard.ingest(batch(2))).toBe(10);
      }, PATIENT);
      await shard.sweep();
      expect(await totalsOf("ad_overload")).toMatchObject({ gross: 20, valid: 20 });
      expect((await shard.status()).oldestUnseenReceivedAtMs).toBeNull();
    }));

  it("[attack 12] refuses more than its log may hold while the archive refuses, though all of it is posted", () =>
    runInDurableObject(shardNamed("unarchived"), async (_, state) => {
      const refusing = new Proxy(env.ARCHIVE, {
        get: (target, property) => {
          if (property === "put") return () => Promise.reject(new Error("R2 refuses"));
          const value: unknown = Reflect.get(target, property, target);
          return typeof value === "function" ? value.bind(target) : value;
        },
      });
      const limits = { LOG_BACKLOG_CHARS_MAX: "5000", ARCHIVE_INTERVAL_MS: "100" };
      const shard = new EventShard(state, { ...env, ...limits, ARCHIVE: refusing });
      const batch = (n: number) =>
        Array.from({ length: 10 }, (_, at) => aRecentClick(`ua_${n}_${at}`, "ad_unarchived"));
      expect(await shard.ingest(batch(1))).toBe(10);
      await shard.sweep();
      expect(await totalsOf("ad_unarchived")).toMatchObject({ gross: 10 });
      await expect(shard.ingest(batch(2))).rejects.toThrow("shard_overloaded");
      const mended = new EventShard(state, { ...env, ...limits });
      await vi.waitFor(async () => {
        await mended.sweep();
        expect(await mended.ingest(batch(2))).toBe(10);
      }, PATIENT);
    }));

  it("counts once when alarm, sweep and ingest come together", async () => {
    const shard = shardNamed("together");
    await shard.ingest([aRecentClick("to_1", "ad_together")]);
    await Promise.all([
      runDurableObjectAlarm(shard),
      shard.sweep(),
      shard.ingest([aRecentClick("to_2", "ad_together")]),
      shard.sweep(),
    ]);
    await shard.sweep();
    expect(await totalsOf("ad_together")).toMatchObject({ gross: 2, valid: 2 });
  });
});

/** The posting's facts with one click more in gross than in the verdicts. */
function withoutConservation({ facts }: Posting): Facts {
  return new Map(
    Array.from(facts, ([key, row]) => {
      const cells = new Map(
        Array.from(row.cells, ([cell, counts]) => [
          cell,
          counts.map((n, at) => (at === MEASURES.indexOf("gross") ? n + 1 : n)),
        ]),
      );
      return [key, { ...row, cells }];
    }),
  );
}
