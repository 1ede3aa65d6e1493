/** Cron's watch over the statements of production, and stores in memory: what goes wrong is measured, told once, and over. */
import { describe, expect, it } from "vitest";
import { markSealed } from "../../src/audit/log-days.ts";
import type { CanaryBook } from "../../src/core/canary.ts";
import { DAY_MS, MINUTE_MS, OUTBOX_PUBLISH_MS } from "../../src/core/limits.ts";
import type { Units } from "../../src/core/spending.ts";
import type { MeasurePorts } from "../../src/metrics/measure.ts";
import { readAlarmChanges } from "../../src/metrics/metrics-sql.ts";
import { MetricsReader } from "../../src/metrics/serve.ts";
import type { Said } from "../../src/metrics/snapshot.ts";
import { tellAlarms } from "../../src/metrics/tell-alarms.ts";
import { watch } from "../../src/metrics/watch.ts";
import type { ShardStatus } from "../../src/shard/flush-runner.ts";
import { readOutbox } from "../../src/webhooks/outbox.ts";
import { SqliteD1 } from "../simulation/audited/sqlite-d1.ts";
import { MemoryR2 } from "../support/memory-r2.ts";
import { aScope } from "../support/scopes.ts";

const START_MS = Date.parse("2026-04-20T12:00:00Z");
const IDLE: ShardStatus = {
  ...{ lastSeq: 1, postedSeq: 1, archivedSeq: 1, oldestUnseenReceivedAtMs: null, oldestUnarchivedLoggedAtMs: null },
};
const NO_CLICKS = { valid: 0, duplicate: 0, invalid: 0, late: 0 };

/** A deployment in which nothing is wrong, until a test makes it so. */
class World {
  readonly r2 = new MemoryR2();
  readonly d1 = new SqliteD1();
  readonly reader = new MetricsReader();
  nowMs = START_MS;
  queueOldestMs = 0;
  shard: ShardStatus & Said = {
    ...IDLE,
    ...{ session: "s1", clicks: { ...NO_CLICKS }, tokens: { HS256: 0, EdDSA: 0 } },
  };
  isLogStopped: boolean | null = false;
  isShardDown = false;
  hasCanary = false;
  /** What cron spends until it is asked. */
  byCron: Units = {};

  ports(): MeasurePorts {
    return {
      ...{ nowMs: this.nowMs, graceMs: 0, bucket: this.r2.bucket, primary: this.d1.binding },
      hasCanary: this.hasCanary,
      spent: () => this.byCron,
      databases: new Map([["REPORT_DB", this.d1.binding]]),
      queues: new Map([
        [
          "CLICK_QUEUE_0",
          {
            metrics: async () => ({
              ...{ backlogCount: 1, backlogBytes: 1 },
              oldestMessageTimestamp: new Date(this.queueOldestMs),
            }),
          },
        ],
      ]),
      shards: async () => {
        if (this.isShardDown) throw new Error("shard is down");
        return new Map([["clicks-0", this.shard]]);
      },
      isLogStopped: async () => this.isLogStopped,
    };
  }

  async minutes(count = 1): Promise<void> {
    for (let at = 0; at < count; at++) {
      this.nowMs += MINUTE_MS;
      await watch(this.ports());
    }
  }

  lose(events: number, refused: Record<string, number> = {}): void {
    const key = `metrics/v1/told/${this.nowMs}-${this.r2.keys().length}.json`;
    this.r2.set(key, JSON.stringify({ refused, lost: events }));
  }

  async text(): Promise<string> {
    this.nowMs += 10_000;
    return this.reader.read(this.r2.bucket, this.nowMs);
  }

  /** What the operator, or an advertiser, is told of alarms. */
  async told(of: string | null = null): Promise<string[]> {
    const nowMs = this.nowMs + OUTBOX_PUBLISH_MS;
    const ask = { scope: aScope({ advertiserId: of }), limit: 1_000, nowMs, whenSetBack: "tell" } as const;
    const read = await readOutbox(new Map([["REPORT_DB", this.d1.binding]]), {}, ask);
    if (!read.ok) throw new Error(read.error);
    return read.value.events.map(({ type, data }) => `${type} ${String(data["alarm"])}`);
  }
}

const bookOf = (outcome: "failed" | "redirected", atMs: number): CanaryBook => ({
  ...{ v: 1, days: [], readAtMs: atMs },
  clicks: [{ minute: Math.floor(atMs / MINUTE_MS), atMs, outcome, seen: outcome === "failed" ? 0 : 1 }],
});

type Provoked = readonly [alarm: string, minutes: number, wrong: (w: World) => unknown, right: (w: World) => unknown];
const letter = "dead/v1/dt=2026-04-20/reason=retries_exhausted/m-0.json";
const unpaid = "dead-submissions/v1/adv_1/reason=submission_conflict/dt=2026-04-20/m-0.json";
const unposted = "dead-postings/v1/dt=2026-04-20/p.json";
const spooled = `spool/v1/${"0".repeat(24)}-1.ndjson`;
const run = (w: World, sql: string) => w.d1.exec(sql);

const PROVOKED: readonly Provoked[] = [
  [
    ...(["lag", 6] as const),
    (w) => (w.shard = { ...w.shard, oldestUnseenReceivedAtMs: START_MS }),
    (w) => (w.shard = { ...w.shard, oldestUnseenReceivedAtMs: null }),
  ],
  ["lost", 1, (w) => w.lose(3), (w) => (w.nowMs += 61 * MINUTE_MS)],
  ["dead_letters", 1, (w) => w.r2.set(letter, "{}"), (w) => w.r2.bucket.delete(letter)],
  ["dead_letters", 1, (w) => w.r2.set(unpaid, "{}"), (w) => w.r2.bucket.delete(unpaid)],
  ["dead_letters", 1, (w) => w.r2.set(unposted, "{}"), (w) => w.r2.bucket.delete(unposted)],
  ["queue", 11, (w) => (w.queueOldestMs = START_MS), (w) => (w.queueOldestMs = 0)],
  ["spool", 6, (w) => w.r2.set(spooled, ""), (w) => w.r2.bucket.delete(spooled)],
  [
    ...(["audit_blocked", 1] as const),
    async (w) => {
      await markSealed(w.d1.binding, "2026-04-19", START_MS);
      run(w, "UPDATE log_days SET state = 'blocked', attempt = 1, audited_at_ms = 1");
    },
    (w) => run(w, "UPDATE log_days SET state = 'clean', attempt = 2"),
  ],
  [
    ...(["audit_overdue", 1] as const),
    async (w) => {
      await markSealed(w.d1.binding, "2026-04-19", START_MS);
      run(w, "UPDATE log_days SET state = 'clean', attempt = 1, audited_at_ms = 1");
      w.nowMs += 2 * DAY_MS;
    },
    async (w) => {
      await markSealed(w.d1.binding, "2026-04-21", w.nowMs);
      run(w, "UPDATE log_days SET state = 'clean', attempt = 1, audited_at_ms = 1 WHERE day = '2026-04-21'");
    },
  ],
  ["evidence_log", 1, (w) => (w.isLogStopped = true), (w) => (w.isLogStopped = false)],
  [
    ...(["duplicates", 16] as const),
    (w) => (w.shard = { ...w.shard, clicks: { ...NO_CLICKS, valid: 400, duplicate: 700 } }),
    (w) => (w.nowMs += 61 * MINUTE_MS),
  ],
  [
    ...(["webhooks", 1] as const),
    (w) =>
      run(
        w,
        "INSERT INTO webhooks VALUES ('wh_1', NULL, 'https://hooks.shop.com/', '[]', '', 'failing', 1, NULL, 1, 1)",
      ),
    (w) => run(w, "UPDATE webhooks SET status = 'active'"),
  ],
  [
    ...(["canary", 1] as const),
    (w) => {
      w.hasCanary = true;
      w.r2.set("canary/v1/book.json", JSON.stringify(bookOf("failed", w.nowMs + MINUTE_MS)));
    },
    (w) => w.r2.set("canary/v1/book.json", JSON.stringify(bookOf("redirected", w.nowMs + MINUTE_MS))),
  ],
  ["source", 6, (w) => (w.isShardDown = true), (w) => (w.isShardDown = false)],
];

describe("what cron watches", () => {
  it.each(PROVOKED)(
    "raises the alarm %s once when it is so, and clears it once when it is over",
    async (...provoked) => {
      const [alarm, minutes, wrong, right] = provoked;
      const world = new World();
      await world.minutes(2);
      expect(await world.told()).toEqual([]);
      await wrong(world);
      await world.minutes(minutes + 3);
      expect(await world.told(), "others are told too only where one is the cause of another").toContain(
        `alarm.raised ${alarm}`,
      );
      expect((await world.told()).filter((one) => one.endsWith(` ${alarm}`))).toEqual([`alarm.raised ${alarm}`]);
      expect(await world.text()).toContain(`clickledger_alarm{alarm="${alarm}"} 1`);
      await right(world);
      await world.minutes(2);
      const both = [`alarm.raised ${alarm}`, `alarm.cleared ${alarm}`];
      expect((await world.told()).filter((one) => one.endsWith(` ${alarm}`))).toEqual(both);
      expect(await world.text()).toContain(`clickledger_alarm{alarm="${alarm}"} 0`);
      expect(await world.told("adv_1"), "no tenant is told").toEqual([]);
    },
  );

  it("tells of no end while what it is about does not answer, and finds it though that fails now and then", async () => {
    const world = new World();
    await world.minutes();
    world.shard = { ...world.shard, oldestUnseenReceivedAtMs: START_MS };
    // Beside lag, every third minute a shard does not answer: neither has five minutes in a row.
    for (let at = 0; at < 9; at++) {
      world.isShardDown = at % 3 === 2;
      await world.minutes();
    }
    expect(await world.told()).toEqual(["alarm.raised lag"]);
    world.isShardDown = true;
    await world.minutes(2);
    expect(await world.told()).toEqual(["alarm.raised lag"]);
    world.isShardDown = false;
    world.shard = { ...world.shard, oldestUnseenReceivedAtMs: null };
    await world.minutes();
    expect(await world.told()).toEqual(["alarm.raised lag", "alarm.cleared lag"]);
  });

  it("tells of no end of what an hour had, while what it is counted by does not answer", async () => {
    const world = new World();
    await world.minutes();
    world.shard = { ...world.shard, clicks: { ...NO_CLICKS, valid: 400, duplicate: 700 } };
    await world.minutes(16);
    world.isShardDown = true;
    await world.minutes(61);
    expect(await world.told()).toEqual(["alarm.raised duplicates", "alarm.raised source"]);
    world.isShardDown = false;
    await world.minutes();
    expect(await world.told()).toContain("alarm.cleared duplicates");
  });

  it("tells a change once, whichever of two crons at once, or one that died before it told", async () => {
    const world = new World();
    await world.minutes();
    world.r2.set(letter, "{}");
    world.nowMs += MINUTE_MS;
    await Promise.all([watch(world.ports()), watch(world.ports()), watch(world.ports())]);
    await world.r2.bucket.delete(letter);
    world.nowMs += MINUTE_MS;
    const dead = {
      ...world.ports(),
      primary: {
        prepare: () => {
          throw new Error("D1 is down");
        },
      } as never,
    };
    await expect(watch(dead)).rejects.toThrow("D1 is down");
    expect(await world.told()).toEqual(["alarm.raised dead_letters"]);
    await world.minutes(2);
    expect(await world.told()).toEqual(["alarm.raised dead_letters", "alarm.cleared dead_letters"]);
  });
});

describe("a cron that is late", () => {
  it("changes nothing that others have changed since it looked", async () => {
    const world = new World();
    const primary = world.d1.binding;
    const lag = new Set(["lag"]);
    const late = {
      prepare: (sql: string) => primary.prepare(sql),
      batch: async (statements: D1PreparedStatement[]) => {
        await tellAlarms(primary, lag, START_MS);
        await tellAlarms(primary, new Set(), START_MS + MINUTE_MS);
        return primary.batch(statements);
      },
    } as unknown as D1Database;
    await tellAlarms(late, lag, START_MS);
    expect(await readAlarmChanges(primary)).toEqual(new Map([["lag", 2]]));
    expect(await world.told()).toEqual(["alarm.raised lag", "alarm.cleared lag"]);
  });
});

describe("counters", () => {
  it("only grow, over sessions of shards, and add each tally once, though it could not be deleted", async () => {
    const world = new World();
    world.shard = { ...world.shard, clicks: { ...NO_CLICKS, valid: 5 }, tokens: { HS256: 4, EdDSA: 1 } };
    world.lose(2, { expired: 3 });
    world.r2.beforeWrite = (key) => {
      if (key.startsWith("metrics/v1/told/")) throw new Error("R2 does not delete");
    };
    for (let at = 0; at < 3; at++) await world.minutes().catch(() => {});
    world.r2.beforeWrite = () => {};
    // A later tally comes while the first is still there.
    world.lose(0, { expired: 1, bad_signature: 1 });
    world.shard = { ...world.shard, session: "s2", clicks: { ...NO_CLICKS, valid: 2 }, tokens: { HS256: 0, EdDSA: 2 } };
    await world.minutes(2);
    const text = await world.text();
    for (const line of [
      'clickledger_clicks_total{verdict="valid"} 7',
      'clickledger_tokens_total{algorithm="HS256"} 4',
      'clickledger_tokens_total{algorithm="EdDSA"} 3',
      'clickledger_refused_total{reason="expired"} 4',
      'clickledger_refused_total{reason="bad_signature"} 1',
      "clickledger_lost_events_total 2",
    ]) {
      expect(text).toContain(`${line}\n`);
    }
    expect(world.r2.keys("metrics/v1/told/")).toEqual([]);
  });
});

describe("cost", () => {
  it("is the list price of what shards, consumers and cron counted, by the clicks of the hour", async () => {
    const world = new World();
    world.shard = { ...world.shard, spent: { objectRowsWritten: 50 } };
    await world.minutes();
    expect(await world.text(), "below a thousand clicks a ratio says nothing").not.toContain("per_million_clicks ");
    world.shard = {
      ...world.shard,
      ...{ clicks: { ...NO_CLICKS, valid: 1_900, duplicate: 100 }, tokens: { HS256: 2_000, EdDSA: 0 } },
      spent: { objectRowsWritten: 250, objectRequests: 20 },
    };
    world.byCron = { d1RowsWritten: 100, points: 9 };
    const told = { refused: { expired: 10 }, lost: 0, consumed: { batches: 20, messages: 200 } };
    world.r2.set(`metrics/v1/told/${world.nowMs}-1.json`, JSON.stringify(told));
    await world.minutes();
    world.byCron = {};
    const text = await world.text();
    for (const line of [
      // 200 messages are written, read and deleted, at 0.4.
      'clickledger_cost_micros_total{unit="queueOperations"} 240',
      'clickledger_cost_micros_total{unit="objectRowsWritten"} 250',
      'clickledger_cost_micros_total{unit="objectRequests"} 3',
      'clickledger_cost_micros_total{unit="d1RowsWritten"} 100',
      // 2 000 events, 10 refusals, 20 batches and two crons, at 0.3.
      'clickledger_cost_micros_total{unit="requests"} 609.6',
      "clickledger_cost_dollars_per_million_clicks 0.6013",
    ]) {
      expect(text).toContain(`${line}\n`);
    }
    expect(text).not.toContain('unit="points"');
    // A session that begins anew, and a version that says nothing of it.
    world.shard = { ...world.shard, session: "s2", spent: { objectRowsWritten: 30 } };
    await world.minutes();
    expect(await world.text()).toContain('unit="objectRowsWritten"} 280\n');
    const { spent: _, ...older } = world.shard;
    world.shard = { ...older, session: "s3" };
    await world.minutes();
    expect(await world.text()).toContain('unit="objectRowsWritten"} 280\n');
  });
});

describe("a scrape", () => {
  it("of a hundred a second costs one reading in ten seconds, and says how old it is", async () => {
    const world = new World();
    await world.minutes();
    world.r2.asked.reads = 0;
    for (let at = 0; at < 1_000; at++) await world.reader.read(world.r2.bucket, world.nowMs + at * 10);
    expect(world.r2.asked.reads).toBe(1);
    const later = await world.reader.read(world.r2.bucket, world.nowMs + 301_000);
    expect(later).toContain("clickledger_measured_age_seconds 301\n");
    expect(await new MetricsReader().read(new MemoryR2().bucket, START_MS), "never measured").toMatch(
      /clickledger_measured_age_seconds 1\d{9}\n# EOF/,
    );
  });

  it("says nothing of what did not answer, and that it did not", async () => {
    const world = new World();
    world.isShardDown = true;
    await world.minutes();
    const text = await world.text();
    expect(text).toContain('clickledger_source_up{source="shards"} 0\n');
    expect(text).toContain('clickledger_source_up{source="queues"} 1\n');
    expect(text).not.toContain("clickledger_lag_seconds");
    world.isShardDown = false;
    await world.minutes();
    expect(await world.text()).toContain("clickledger_lag_seconds 5\n");
  });
});
