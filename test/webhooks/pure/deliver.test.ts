/** Deliveries over an object's own SQL: whatever a receiver does, it is told everything, each event once by its id. */
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { DAY_MS, HOUR_MS, MINUTE_MS, SECOND_MS } from "../../../src/core/limits.ts";
import { FAILURES_MAX, FAILURES_WARNED, HEALTHY } from "../../../src/core/webhook-schedule.ts";
import { type DeliverPorts, deliverDue, resume, type Stop } from "../../../src/webhooks/deliver.ts";
import { DeliveryLog } from "../../../src/webhooks/delivery-log.ts";
import type { EventJson } from "../../../src/webhooks/event-json.ts";
import type { Message, Outcome } from "../../../src/webhooks/send.ts";
import { memorySql } from "../../support/memory-sql.ts";

const START_MS = Date.parse("2026-04-20T12:00:00Z");
const OK: Outcome = { isDelivered: true, status: 204 };
const failing = (status: number): Outcome => ({ isDelivered: false, status, error: "status" });

/** An endpoint, what happens, and a receiver that answers as it is told. */
class World implements DeliverPorts {
  nowMs = START_MS;
  types: readonly string[] = [];
  answer: (message: Message) => Outcome = () => OK;
  readonly log = new DeliveryLog(memorySql());
  readonly happened: EventJson[] = [];
  readonly received: string[] = [];
  readonly stopped: Stop[] = [];
  readonly warned: number[] = [];
  tries = 0;
  dieInNext = false;
  isDeleted = false;

  readonly clock = () => this.nowMs;
  readonly warn = (failures: number) => void this.warned.push(failures);
  readonly stop = async (why: Stop) => void this.stopped.push(why);
  readonly atOnce = (write: () => void) => write();
  readonly take: DeliverPorts["take"] = async (positions, limit) => {
    const from = positions["REPORT_DB"]?.[1] ?? 0;
    const events = this.happened.slice(from, from + limit);
    return { events, positions: { ["REPORT_DB"]: [1, from + events.length] } };
  };
  readonly send = async (message: Message) => {
    if (this.isDeleted) return null;
    this.tries++;
    const outcome = this.answer(message);
    if (outcome.isDelivered) this.received.push(message.id);
    return outcome;
  };

  happen(count = 1, type = "report.moved"): void {
    for (let at = 0; at < count; at++) {
      const id = `evt_${this.happened.length}`;
      this.happened.push({ id, type, timestamp: "", data: {}, cursor: id });
    }
  }

  /** As alarms and cron would wake it, until an instant. */
  async liveUntil(untilMs: number): Promise<void> {
    for (;;) {
      const next = await deliverDue(this);
      if (this.stopped.length > 0) return;
      const wakeMs = Math.min(next ?? untilMs, untilMs);
      if (wakeMs >= untilMs) break;
      this.nowMs = Math.max(this.nowMs + 1, wakeMs);
    }
    this.nowMs = untilMs;
  }
}

const idsOf = ({ happened }: World) => happened.map(({ id }) => id);

describe("an endpoint", () => {
  it("whose receiver was away for a week misses nothing and is told nothing twice", async () => {
    const world = new World();
    world.happen(150);
    await world.liveUntil(START_MS + MINUTE_MS);
    world.answer = () => failing(503);
    for (let day = 1; day <= 7; day++) {
      world.happen(40);
      await world.liveUntil(START_MS + day * DAY_MS);
    }
    expect(world.stopped).toEqual([]);
    expect(world.warned).toEqual([FAILURES_WARNED]);
    // It is asked now and then, not for each of the events that wait.
    expect(world.tries - world.received.length).toBeLessThan(16);
    world.answer = () => OK;
    await world.liveUntil(START_MS + 9 * DAY_MS);
    expect(world.received.toSorted()).toEqual(idsOf(world).toSorted());
    expect(world.log.health.failures).toBe(0);
  });

  it("is stopped after 20 failures in a row, and goes on where it was when it is started again", async () => {
    const world = new World();
    world.answer = () => ({ isDelivered: false, status: null, error: "unreachable" });
    world.happen(3);
    await world.liveUntil(START_MS + 30 * DAY_MS);
    expect(world.stopped).toEqual(["failing"]);
    expect(world.tries).toBe(FAILURES_MAX);
    world.stopped.pop();
    world.answer = () => OK;
    resume(world);
    await world.liveUntil(world.nowMs + MINUTE_MS);
    expect(world.received.toSorted()).toEqual(idsOf(world));
  });

  it("is stopped by 410 at once, and what waits goes on waiting", async () => {
    const world = new World();
    world.answer = () => failing(410);
    world.happen(2);
    await world.liveUntil(START_MS + DAY_MS);
    expect([world.stopped, world.tries]).toEqual([["gone"], 1]);
    expect(world.log.waiting(10)).toHaveLength(2);
  });

  it("that is deleted while it sends is sent nothing behind that, and its run asks for no further one", async () => {
    const world = new World();
    world.answer = () => {
      world.isDeleted = true;
      return OK;
    };
    world.happen(3);
    expect(await deliverDue(world)).toBeNull();
    expect([world.received, world.tries, world.log.health]).toEqual([["evt_0"], 1, HEALTHY]);
    expect(world.log.waiting(10)).toHaveLength(2);
  });

  it("is told the others while its receiver refuses one event for ever, which then has failed", async () => {
    const world = new World();
    world.happen(5);
    world.answer = ({ id }) => (id === "evt_2" ? failing(500) : OK);
    await world.liveUntil(START_MS + HOUR_MS);
    expect(world.received).toEqual(["evt_0", "evt_1", "evt_3", "evt_4"]);
    for (let hour = 2; hour < 100; hour++) {
      world.happen();
      await world.liveUntil(START_MS + hour * HOUR_MS);
    }
    expect(world.stopped).toEqual([]);
    expect(world.log.find("evt_2")).toMatchObject({ state: "failed", tries: 10, lastStatus: 500, dueAtMs: null });
  });

  it("is told the types that it wants", async () => {
    const world = new World();
    world.types = ["statement.issued"];
    world.happen(2);
    world.happen(1, "statement.issued");
    await world.liveUntil(START_MS + MINUTE_MS);
    expect(world.received).toEqual(["evt_2"]);
  });

  it("keeps its log for 30 days, and what waits longer", async () => {
    const world = new World();
    world.happen();
    await world.liveUntil(START_MS + SECOND_MS);
    world.answer = () => failing(500);
    world.happen();
    await world.liveUntil(START_MS + 12 * DAY_MS);
    world.nowMs = START_MS + 31 * DAY_MS;
    world.log.forgetOld(world.nowMs);
    expect(world.log.page({ before: 99, limit: 9, state: null }).map(({ eventId }) => eventId)).toEqual(["evt_1"]);
  });

  it("tells each event once, whatever the receiver answers in between and wherever the object dies", async () => {
    const answers = fc.array(fc.constantFrom(OK, failing(500), failing(429), failing(301), "die" as const), {
      maxLength: 40,
    });
    await fc.assert(
      fc.asyncProperty(answers, fc.array(fc.nat({ max: 5 }), { maxLength: 10 }), async (script, arrivals) => {
        const world = new World();
        const left = [...script];
        // Dying before the receiver answers; behind it, an event is sent again, with the id that it had.
        world.answer = () => {
          const next = left.shift() ?? OK;
          if (next === "die") throw new Error("it died");
          return next;
        };
        for (const count of [...arrivals, 1]) {
          world.happen(count);
          const untilMs = world.nowMs + DAY_MS;
          while (world.nowMs < untilMs && world.stopped.length === 0) {
            await world.liveUntil(untilMs).catch(() => undefined);
          }
        }
        if (world.stopped.length > 0) return;
        await world.liveUntil(world.nowMs + 20 * DAY_MS);
        expect(world.received.toSorted()).toEqual(idsOf(world).toSorted());
      }),
      { numRuns: 100, seed: 20_261_128 },
    );
  });
});
