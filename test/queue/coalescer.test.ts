/** The coalescer: who shares a message, who is told, and who helps himself. */
import { describe, expect, it, vi } from "vitest";
import { makeEventId } from "../../src/core/event-id.ts";
import { FOLLOWER_CONFIRM_MS } from "../../src/core/limits.ts";
import { Coalescer, type Deliver, type EncodedEvent } from "../../src/queue/coalescer.ts";
import { PLATFORM_TIMING } from "../../src/timing.ts";
import { aClick, NOON_MS, serialBytes } from "../support/builders.ts";

const HOLD_MS = 20;

function delivering(): { sent: EncodedEvent[][]; deliver: Deliver } {
  const sent: EncodedEvent[][] = [];
  return {
    sent,
    deliver: async (events) => {
      sent.push([...events]);
      return true;
    },
  };
}

const never: Deliver = () => new Promise(() => {});

function coalescer(): Coalescer {
  return new Coalescer(HOLD_MS);
}

describe("Coalescer", () => {
  it("puts events of one hold into one message; the first three requests see it delivered, the others may go", async () => {
    const { sent, deliver } = delivering();
    const shared = coalescer();
    const clicks = Array.from({ length: 5 }, (_, n) => aClick({}, { jti: `j_${n}` }));
    const outcomes = await Promise.all(clicks.map((click) => shared.enqueue(click, click.token, deliver)));
    expect(outcomes).toEqual(["durable", "durable", "durable", "entrusted", "entrusted"]);
    expect(sent.map((events) => events.length)).toEqual([5]);
  });

  it("folds identical repeats into one event with a count, under the id of the first", async () => {
    const { sent, deliver } = delivering();
    const shared = coalescer();
    const clicks = Array.from({ length: 400 }, () => aClick());
    await Promise.all(clicks.map((click) => shared.enqueue(click, "same", deliver)));
    expect(sent).toHaveLength(1);
    expect(sent[0]?.map(({ id, count }) => ({ id, count }))).toEqual([{ id: clicks[0]?.id, count: 400 }]);
  });

  it("bounds a flood of one link: at 10 000 clicks a second, one event a hold, and no click is forgotten", async () => {
    const { sent, deliver } = delivering();
    const shared = coalescer();
    const clicks: unknown[] = [];
    const link = aClick();
    const another = () => ({ ...link, id: makeEventId({ receivedAtMs: NOON_MS, routingHash: 1 }, serialBytes()) });
    for (let tick = 0; tick < 15; tick++) {
      for (let n = 0; n < 200; n++) clicks.push(shared.enqueue(another(), "one link", deliver));
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
    expect(await Promise.all(clicks)).toHaveLength(3_000);
    const events = sent.flat();
    expect(events.length).toBeLessThanOrEqual(30);
    expect(events.reduce((sum, { count }) => sum + count, 0)).toBe(3_000);
    expect(new Set(events.map(({ id }) => id)).size).toBe(events.length);
  });

  it("opens another batch after the hold", async () => {
    const { sent, deliver } = delivering();
    let nowMs = 0;
    const shared = new Coalescer(HOLD_MS, { ...PLATFORM_TIMING, nowMs: () => nowMs });
    const first = shared.enqueue(aClick(), "a", deliver);
    nowMs = HOLD_MS;
    const second = shared.enqueue(aClick(), "b", deliver);
    await Promise.all([first, second]);
    expect(sent.map((events) => events.length)).toEqual([1, 1]);
  });

  it("never joins a batch past its hold, even when its leader is gone", async () => {
    const { sent, deliver } = delivering();
    let nowMs = 0;
    const shared = new Coalescer(HOLD_MS, { ...PLATFORM_TIMING, nowMs: () => nowMs });
    void shared.enqueue(aClick(), "dead leader", never);
    nowMs = HOLD_MS + 1;
    expect(await shared.enqueue(aClick(), "next", deliver)).toBe("durable");
    expect(sent).toHaveLength(1);
  });

  it("opens another message when one is full of events", async () => {
    const { sent, deliver } = delivering();
    const shared = coalescer();
    const many = Array.from({ length: 150 }, (_, n) =>
      shared.enqueue(aClick({ userAgent: "u" }), `event ${n}`, deliver),
    );
    await Promise.all(many);
    expect(sent.map((events) => events.length)).toEqual([100, 50]);
  });

  it("opens another message when one is full of bytes", async () => {
    const { sent, deliver } = delivering();
    const shared = coalescer();
    const big = Array.from({ length: 60 }, (_, n) => {
      const click = aClick({ userAgent: "\u00fc".repeat(512) }, { url: `https://shop.example/${"p".repeat(2_000)}` });
      return shared.enqueue(click, `big ${n}`, deliver);
    });
    await Promise.all(big);
    expect(sent.flat()).toHaveLength(60);
    expect(sent.length).toBeGreaterThan(2);
    const bytes = sent.map(
      (events) => new TextEncoder().encode(JSON.stringify(events.map(({ text }) => JSON.parse(text)))).length,
    );
    expect(Math.max(...bytes)).toBeLessThan(128_000);
  });

  it("delivers the whole batch, with the counts of all it stands for, when its leader dies", async () => {
    vi.useFakeTimers();
    try {
      const { sent, deliver } = delivering();
      const shared = coalescer();
      const [leader, mine] = [aClick(), aClick()];
      void shared.enqueue(leader, "leader", never);
      const followers = [mine, aClick(), aClick()].map((click) => shared.enqueue(click, "mine", deliver));
      await vi.advanceTimersByTimeAsync(2_100);
      expect(await followers[0]).toBe("durable");
      expect(sent.map((events) => events.map(({ id, count }) => ({ id, count })))).toEqual([
        [
          { id: leader.id, count: 1 },
          { id: mine.id, count: 3 },
        ],
      ]);
      // The second watcher, more patient, sees that it is done.
      await vi.advanceTimersByTimeAsync(2_100);
      expect(await followers[1]).toBe("durable");
      expect(sent).toHaveLength(1);
    } finally {
      vi.useRealTimers();
    }
  });

  it("is looked at in intervals that double, and for the last time when a watcher's patience ends", async () => {
    const { sent, deliver } = delivering();
    const waits: number[] = [];
    let nowMs = 0;
    const after = (ms: number) => {
      waits.push(ms);
      nowMs += ms;
      return { done: Promise.resolve(), cancel: () => {} };
    };
    const shared = new Coalescer(HOLD_MS, { nowMs: () => nowMs, after });
    void shared.enqueue(aClick(), "leader", never);
    nowMs = 0;
    expect(await shared.enqueue(aClick(), "watcher", deliver)).toBe("durable");
    expect(waits).toEqual([20, 45, 45, 90, 180, 360, 720, 580]);
    expect(sent).toHaveLength(1);
  });

  it("survives the death of leader and first watcher, and of all three when somebody clicks again", async () => {
    vi.useFakeTimers();
    try {
      const { sent, deliver } = delivering();
      const shared = coalescer();
      void shared.enqueue(aClick(), "leader", never);
      void shared.enqueue(aClick(), "first watcher", never);
      const second = shared.enqueue(aClick(), "second watcher", deliver);
      expect(await shared.enqueue(aClick(), "entrusted", deliver)).toBe("entrusted");
      await vi.advanceTimersByTimeAsync(4_200);
      expect(await second).toBe("durable");
      expect(sent.map((events) => events.length)).toEqual([4]);

      for (const dying of ["a", "b", "c"]) void shared.enqueue(aClick(), dying, never);
      await shared.enqueue(aClick(), "d", never);
      await vi.advanceTimersByTimeAsync(6_100);
      const later = shared.enqueue(aClick(), "later", deliver);
      await vi.advanceTimersByTimeAsync(100);
      expect(await later).toBe("durable");
      expect(sent.map((events) => events.length)).toEqual([4, 1, 4]);
    } finally {
      vi.useRealTimers();
    }
  });

  it("tries again by a watcher when the leader's delivery failed", async () => {
    const { sent, deliver } = delivering();
    const shared = coalescer();
    const failed = shared.enqueue(aClick(), "leader", async () => false);
    const watcher = shared.enqueue(aClick(), "watcher", deliver);
    expect(await failed).toBe("lost");
    expect(await watcher).toBe("durable");
    expect(sent.map((events) => events.length)).toEqual([2]);
  });
});

describe("[attack 4] an event that somebody waits for", () => {
  it("goes alone and at once, and is told durable or lost", async () => {
    const { sent, deliver } = delivering();
    const shared = coalescer();
    const clicks = [aClick(), aClick()];
    const answers = await Promise.all(clicks.map((click, n) => shared.enqueueAwaited(click, `link ${n}`, deliver)));
    expect(answers).toEqual(["durable", "durable"]);
    expect(sent.map((events) => events.map(({ id, count }) => [id, count]))).toEqual(clicks.map(({ id }) => [[id, 1]]));
    expect(await shared.enqueueAwaited(aClick(), "another", async () => false)).toBe("lost");
  });

  it("folds with its repeats: 4 000 identical requests are some events, all told durable, none forgotten", async () => {
    vi.useFakeTimers();
    try {
      const { sent, deliver } = delivering();
      const shared = coalescer();
      const answers: Promise<unknown>[] = [];
      for (let tick = 0; tick < 20; tick++) {
        for (let n = 0; n < 200; n++) answers.push(shared.enqueueAwaited(aClick(), "one link", deliver));
        await vi.advanceTimersByTimeAsync(HOLD_MS / 2);
      }
      await vi.advanceTimersByTimeAsync(1_000);
      expect(new Set(await Promise.all(answers))).toEqual(new Set(["durable"]));
      const events = sent.flat();
      expect(events.length).toBeLessThanOrEqual(12);
      expect(events.reduce((sum, { count }) => sum + count, 0)).toBe(4_000);
      expect(new Set(events.map(({ id }) => id)).size).toBe(events.length);
    } finally {
      vi.useRealTimers();
    }
  });

  it("shares the loss of the batch that holds its repeats", async () => {
    const shared = coalescer();
    let calls = 0;
    // Its leader and both watchers try.
    const failing: Deliver = async () => ++calls === 1;
    const answers = Array.from({ length: 6 }, () => shared.enqueueAwaited(aClick(), "one link", failing));
    expect(await Promise.all(answers)).toEqual(["durable", "lost", "lost", "lost", "lost", "lost"]);
  });

  it("waits no longer than a follower does", async () => {
    vi.useFakeTimers();
    try {
      const shared = coalescer();
      const { deliver } = delivering();
      await shared.enqueueAwaited(aClick(), "one link", deliver);
      const answers = Array.from({ length: 4 }, () => shared.enqueueAwaited(aClick(), "one link", never));
      const last = answers[3];
      await vi.advanceTimersByTimeAsync(HOLD_MS + FOLLOWER_CONFIRM_MS + 1);
      expect(await last).toBe("entrusted");
    } finally {
      vi.useRealTimers();
    }
  });

  it("goes alone again after a hold, and when many others came between", async () => {
    let nowMs = 0;
    const { sent, deliver } = delivering();
    const shared = new Coalescer(HOLD_MS, { ...PLATFORM_TIMING, nowMs: () => nowMs });
    await shared.enqueueAwaited(aClick(), "one link", deliver);
    nowMs = HOLD_MS;
    await shared.enqueueAwaited(aClick(), "one link", deliver);
    expect(sent).toHaveLength(2);
    for (let n = 0; n < 1_000; n++) await shared.enqueueAwaited(aClick(), `link ${n}`, deliver);
    await shared.enqueueAwaited(aClick(), "one link", deliver);
    expect(sent.map((events) => events.length)).toEqual(Array(1_003).fill(1));
  });
});
