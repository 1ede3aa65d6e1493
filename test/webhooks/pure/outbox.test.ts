/** The outbox over the statements of production: whoever reads on misses nothing, and is given nothing twice. */
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { dropEvents } from "../../../src/batch/retention.ts";
import { type Facts, foldEntry } from "../../../src/core/facts.ts";
import { DAY_MS, EVENTS_KEPT_DAYS, HOUR_MS, OUTBOX_PUBLISH_MS } from "../../../src/core/limits.ts";
import { decodeLogLine, encodeLogLine } from "../../../src/core/log-line.ts";
import type { NewEvent } from "../../../src/core/outbox-event.ts";
import { encodeTokenEvent } from "../../../src/core/token-event.ts";
import { D1Facts } from "../../../src/facts/d1-facts.ts";
import { BEGIN_LIFE, insertEvents, tellMoved } from "../../../src/facts/outbox-sql.ts";
import { openEvents, sealEvents } from "../../../src/webhooks/event-cursor.ts";
import { type OutboxPositions, type ReadEvent, readOutbox } from "../../../src/webhooks/outbox.ts";
import { SqliteD1 } from "../../simulation/audited/sqlite-d1.ts";
import { aClick } from "../../support/builders.ts";
import { aPosting, placeOf } from "../../support/post-to.ts";
import { RULES } from "../../support/rules.ts";
import { aScope } from "../../support/scopes.ts";
import { testRing } from "../../support/tokens.ts";

const ring = await testRing();
const START_MS = Date.parse("2026-04-20T12:00:00Z");
const ADVERTISERS = ["adv_1", "adv_2"] as const;
const deltasOf = (ids: readonly string[]) => JSON.stringify(ids.map((id) => [id, 0, 0, "cmp", "grp", "ad", 0]));

class World {
  readonly databases = new Map(["REPORT_DB", "REPORT_DB_1"].map((name) => [name, new SqliteD1()]));
  nowMs = START_MS;
  #postings = 0;

  get bindings(): ReadonlyMap<string, D1Database> {
    return new Map(Array.from(this.databases, ([name, database]) => [name, database.binding]));
  }

  #of(name: string): D1Database {
    return (this.databases.get(name) as SqliteD1).binding;
  }

  async post(name: string, ids: readonly string[]): Promise<void> {
    const posting = { posting: `clicks-0/1:${++this.#postings}:`, nowMs: this.nowMs };
    await this.#of(name).batch([tellMoved(this.#of(name), deltasOf(ids), posting)]);
  }

  async tell(name: string, event: NewEvent): Promise<void> {
    await this.#of(name).batch([insertEvents(this.#of(name), [event], this.nowMs)]);
  }

  async setBack(name: string): Promise<void> {
    await this.#of(name).prepare(BEGIN_LIFE).run();
  }

  async read(from: OutboxPositions, limit: number, of: string | null, whenSetBack: "tell" | "again" = "tell") {
    return readOutbox(this.bindings, from, {
      scope: aScope({ advertiserId: of }),
      ...{ limit, nowMs: this.nowMs, whenSetBack },
    });
  }

  async readAll(from: OutboxPositions, of: string | null): Promise<ReadEvent[]> {
    this.nowMs += OUTBOX_PUBLISH_MS;
    const page = await this.read(from, 10_000, of);
    return page.ok ? [...page.value.events] : [];
  }
}

const issued = (advertiserId: string, number: number): NewEvent => ({
  ...{ fact: `statement.issued:${advertiserId}:${number}`, audience: advertiserId, type: "statement.issued" },
  data: { advertiserId, number },
});

const step = fc.oneof(
  fc.record({
    kind: fc.constant("post" as const),
    name: fc.constantFrom("REPORT_DB", "REPORT_DB_1"),
    ids: fc.subarray([...ADVERTISERS], { minLength: 1 }),
  }),
  fc.record({ kind: fc.constant("issue" as const), id: fc.constantFrom(...ADVERTISERS), number: fc.nat({ max: 5 }) }),
  fc.record({ kind: fc.constant("read" as const), limit: fc.integer({ min: 1, max: 3 }) }),
  fc.record({ kind: fc.constant("wait" as const), ms: fc.nat({ max: 2 * OUTBOX_PUBLISH_MS }) }),
);

describe("events of an advertiser", () => {
  it("[row writes] tell of what is shown, and of its posting when that has been read", async () => {
    const world = new World();
    const store = new D1Facts(world.bindings.get("REPORT_DB") as D1Database, () => world.nowMs);
    const facts: Facts = new Map();
    const encoded = encodeTokenEvent(aClick({}, { adv: "adv_1" }));
    const stamp = { seq: 1, loggedAtMs: START_MS, rules: RULES.id };
    foldEntry(facts, decodeLogLine(encodeLogLine(stamp, { verdict: "valid", reason: null }, encoded)));
    const posting = aPosting(null, { source: "clicks-0/1", facts });
    await store.open(posting);
    const told = await world.readAll({}, "adv_1");
    expect(told.map(({ type }) => type)).toEqual(["report.moved"]);
    await store.open({ ...posting, to: placeOf(2) });
    await store.post({ ...posting, to: placeOf(3) });
    const again = await world.readAll(told[0]?.positions as OutboxPositions, "adv_1");
    expect(again.map(({ type }) => type)).toEqual(["report.moved"]);
  });

  it("are each read once, whatever comes between, and a posting behind a reading is told again", async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(step, { maxLength: 25 }), async (steps) => {
        const world = new World();
        let positions: OutboxPositions = {};
        const seen: string[] = [];
        const facts = new Set<string>();

        const take = (event: ReadEvent) => {
          seen.push(event.id);
          if (event.type === "report.moved") return;
          facts.delete(`${event.data["advertiserId"]}:${event.data["number"]}`);
        };
        const given = new Set<string>();
        for (const one of steps) {
          if (one.kind === "wait") world.nowMs += one.ms;
          if (one.kind === "post") await world.post(one.name, one.ids);
          if (one.kind === "issue") {
            await world.tell("REPORT_DB", issued(one.id, one.number));
            const name = `${one.id}:${one.number}`;
            if (one.id === "adv_1" && !given.has(name)) facts.add(name);
            given.add(name);
          }
          if (one.kind === "read") {
            const page = await world.read(positions, one.limit, "adv_1");
            if (!page.ok) throw new Error(page.error);
            expect(page.value.events.length).toBeLessThanOrEqual(one.limit);
            page.value.events.forEach(take);
            positions = page.value.positions;
          }
        }
        (await world.readAll(positions, "adv_1")).forEach(take);
        expect(new Set(seen).size).toBe(seen.length);
        expect([...facts]).toEqual([]);
        // Whoever was told of an event and reads from it on is given exactly what followed.
        const all = await world.readAll({}, "adv_1");
        for (const [at, event] of all.entries()) {
          const rest = await world.readAll(event.positions, "adv_1");
          expect(rest.map(({ id }) => id)).toEqual(all.slice(at + 1).map(({ id }) => id));
        }
      }),
      { numRuns: 60, seed: 20_261_128 },
    );
  });

  it("say that figures moved once until somebody may have read it, and again behind that", async () => {
    const world = new World();
    for (let posting = 0; posting < 5; posting++) await world.post("REPORT_DB", ["adv_1"]);
    const first = await world.read({}, 10, "adv_1");
    expect(first.ok && first.value.events.map(({ type }) => type)).toEqual(["report.moved"]);
    await world.post("REPORT_DB", ["adv_1", "adv_2"]);
    await world.post("REPORT_DB", ["adv_1"]);
    const positions = first.ok ? first.value.positions : {};
    // The mark moves once in ten seconds: what was posted meanwhile is not given, and not lost.
    expect(await world.read(positions, 10, "adv_1")).toMatchObject({ value: { events: [] } });
    expect(await world.readAll(positions, "adv_1")).toHaveLength(1);
    expect(await world.readAll({}, null)).toHaveLength(3);
  });

  it("are its own and those for everybody; the operator reads all", async () => {
    const world = new World();
    await world.tell("REPORT_DB", issued("adv_1", 1));
    await world.tell("REPORT_DB", issued("adv_2", 1));
    await world.tell("REPORT_DB", { fact: "a", audience: "*", type: "day.reconciled", data: {} });
    const typesOf = async (of: string | null) => (await world.readAll({}, of)).map(({ type }) => type);
    expect(await typesOf("adv_1")).toEqual(["statement.issued", "day.reconciled"]);
    expect(await typesOf("adv_3")).toEqual(["day.reconciled"]);
    expect(await typesOf(null)).toHaveLength(3);
  });

  it("of a database that was set back are given again with the same ids, or the reader is told", async () => {
    const world = new World();
    await world.tell("REPORT_DB", issued("adv_1", 1));
    const page = await world.read({}, 10, "adv_1");
    if (!page.ok) throw new Error(page.error);
    await world.setBack("REPORT_DB");
    await world.tell("REPORT_DB", issued("adv_1", 2));
    expect(await world.read(page.value.positions, 10, "adv_1")).toEqual({ ok: false, error: "set_back" });
    const again = await world.read(page.value.positions, 10, "adv_1", "again");
    if (!again.ok) throw new Error(again.error);
    expect(again.value.events.map(({ id }) => id)).toContain(page.value.events[0]?.id);
    expect(again.value.events).toHaveLength(2);
  });

  it("that may be gone are not passed over in silence: a cursor before one is good as long as that is kept", async () => {
    const world = new World();
    for (const at of [0, 1, 2]) {
      await world.tell("REPORT_DB_1", issued("adv_1", at));
      world.nowMs += 10 * DAY_MS;
    }
    const page = await world.read({}, 1, "adv_1");
    if (!page.ok) throw new Error(page.error);
    const of = (nowMs: number) => ({ ring, of: "adv_1", nowMs });
    const [first] = page.value.events;
    const cursors = await Promise.all([page.value, first as ReadEvent].map((one) => sealEvents(one, of(world.nowMs))));
    const days = (count: number) => START_MS + count * DAY_MS;
    for (const cursor of cursors) {
      expect((await openEvents(cursor, of(days(40)))).ok).toBe(true);
      expect(await openEvents(cursor, of(days(40) + 1))).toMatchObject({ error: { reason: "stale_cursor" } });
    }
    const rest = await world.read(page.value.positions, 10, "adv_1");
    if (!rest.ok) throw new Error(rest.error);
    const [second, third] = await Promise.all(rest.value.events.map((one) => sealEvents(one, of(world.nowMs))));
    expect((await openEvents(second ?? "", of(days(50)))).ok).toBe(true);
    expect((await openEvents(second ?? "", of(days(50) + 1))).ok).toBe(false);
    // Behind the last one nothing is unread, so it is good for as long as from now.
    expect((await openEvents(third ?? "", of(days(60)))).ok).toBe(true);
    expect((await openEvents(third ?? "", of(days(60) + 1))).ok).toBe(false);
    // Who begins with the oldest, a moment before they are forgotten, has an hour for the next page.
    const late = await sealEvents(page.value, of(days(41)));
    expect((await openEvents(late, of(days(41) + HOUR_MS))).ok).toBe(true);
    expect((await openEvents(late, of(days(41) + HOUR_MS + 1))).ok).toBe(false);
  });

  it("leave after their time, and an older report.moved an hour after a newer one", async () => {
    const world = new World();
    const [database] = world.bindings.values();
    await world.tell("REPORT_DB", issued("adv_1", 1));
    await world.post("REPORT_DB", ["adv_1"]);
    await world.readAll({}, "adv_1");
    await world.post("REPORT_DB", ["adv_1"]);
    await world.readAll({}, "adv_1");
    const drop = (afterMs: number) => dropEvents(database as D1Database, world.nowMs + afterMs);
    expect(await drop(1_000)).toBe(0);
    expect(await drop(2 * 3_600_000)).toBe(1);
    expect(await drop((EVENTS_KEPT_DAYS + 2) * DAY_MS)).toBe(2);
  });
});
