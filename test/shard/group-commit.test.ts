/** Group commit: who waits for whom, who hears what, and what a fault of one does to the others. */
import { runInDurableObject } from "cloudflare:test";
import { env } from "cloudflare:workers";
import { describe, expect, it, vi } from "vitest";
import { headKey } from "../../src/archive/head.ts";
import { GROUP_EVENTS, GROUP_HOLD_MS, INGEST_EVENTS_MAX } from "../../src/core/limits.ts";
import { GroupCommit } from "../../src/shard/group-commit.ts";
import { anEncodedEvent } from "../support/builders.ts";

/** A clock and timers that the test moves, and a store that adds up what is committed. */
class Bench {
  nowMs = 1_000_000;
  readonly commits: string[][] = [];
  readonly answers = new Map<string, string>();
  readonly group: GroupCommit<string, string>;
  ready: () => Promise<void> = async () => {};
  #timers: { readonly atMs: number; readonly run: () => void }[] = [];

  constructor() {
    this.group = new GroupCommit({
      nowMs: () => this.nowMs,
      after: (ms) => {
        const { promise: done, resolve } = Promise.withResolvers<void>();
        const timer = { atMs: this.nowMs + ms, run: resolve };
        this.#timers.push(timer);
        const cancel = () => {
          this.#timers = this.#timers.filter((each) => each !== timer);
        };
        return { done, cancel };
      },
      ready: () => this.ready(),
      commit: (calls) => {
        const items = calls.flat();
        if (items.includes("poison")) throw new Error("poison");
        this.commits.push(items);
        return calls.map((call) => `${call.length} counted`);
      },
    });
  }

  get timers(): number {
    return this.#timers.length;
  }

  call(name: string, items: readonly string[] = [name], isAwaited = false): void {
    void this.group.submit(items, isAwaited).then(
      (outcome) => this.answers.set(name, outcome),
      (fault: unknown) => this.answers.set(name, String(fault)),
    );
  }

  /** Time passes; what is due runs. */
  async pass(ms: number): Promise<void> {
    this.nowMs += ms;
    const due = this.#timers.filter(({ atMs }) => atMs <= this.nowMs);
    this.#timers = this.#timers.filter((timer) => !due.includes(timer));
    for (const { run } of due) run();
    await new Promise((resolve) => setTimeout(resolve));
  }
}

const many = (count: number, name: string) => Array.from({ length: count }, (_, at) => `${name}${at}`);

describe("GroupCommit", () => {
  it("commits at once where nothing was committed for a hold, so a shard that is seldom called holds nobody", async () => {
    const bench = new Bench();
    for (const name of ["a", "b", "c"]) {
      bench.call(name);
      expect(bench.commits.at(-1)).toEqual([name]);
      expect(bench.timers).toBe(0);
      await bench.pass(GROUP_HOLD_MS);
      expect(bench.answers.get(name)).toBe("1 counted");
    }
  });

  it("holds calls that come close behind a commit until a hold after it, and answers none of them before", async () => {
    const bench = new Bench();
    bench.call("first");
    await bench.pass(100);
    bench.call("a", ["a1", "a2"]);
    await bench.pass(100);
    bench.call("b");
    await bench.pass(49);
    expect([bench.commits, Array.from(bench.answers.keys())]).toEqual([[["first"]], ["first"]]);
    await bench.pass(1);
    expect(bench.commits).toEqual([["first"], ["a1", "a2", "b"]]);
    expect([bench.answers.get("a"), bench.answers.get("b")]).toEqual(["2 counted", "1 counted"]);
    bench.call("next");
    expect(bench.commits).toHaveLength(2);
    await bench.pass(GROUP_HOLD_MS);
    expect([bench.commits.at(-1), bench.timers]).toEqual([["next"], 0]);
  });

  it("commits at once what is many events, and what somebody waits for, with all that is gathered", async () => {
    const bench = new Bench();
    bench.call("first");
    bench.call("few", many(GROUP_EVENTS - 1, "few"));
    expect(bench.commits).toHaveLength(1);
    bench.call("one");
    expect(bench.commits[1]).toHaveLength(GROUP_EVENTS);
    bench.call("held");
    bench.call("dur", ["dur"], true);
    expect(bench.commits[2]).toEqual(["held", "dur"]);
    expect(bench.timers).toBe(0);
    await bench.pass(GROUP_HOLD_MS);
    expect(bench.commits).toHaveLength(3);
    expect(bench.answers.size).toBe(5);
  });

  it("never commits more events together than one call may bring", () => {
    const bench = new Bench();
    bench.call("first");
    bench.call("held");
    bench.call("most", many(INGEST_EVENTS_MAX, "most"));
    expect(bench.commits.map(({ length }) => length)).toEqual([1, 1, INGEST_EVENTS_MAX]);
  });

  it("tries each call by itself where a group cannot be committed: the fault is of its own call alone", async () => {
    const bench = new Bench();
    bench.call("first");
    for (const name of ["a", "poison", "b"]) bench.call(name);
    await bench.pass(GROUP_HOLD_MS);
    expect(bench.commits).toEqual([["first"], ["a"], ["b"]]);
    expect(bench.answers.get("poison")).toContain("poison");
    expect([bench.answers.get("a"), bench.answers.get("b")]).toEqual(["1 counted", "1 counted"]);
  });

  it("commits what was held only when something may be committed again, and answers nobody before", async () => {
    const bench = new Bench();
    const { promise, resolve } = Promise.withResolvers<void>();
    bench.call("first");
    bench.call("a");
    bench.ready = () => promise;
    await bench.pass(GROUP_HOLD_MS);
    expect([bench.commits, bench.answers.has("a")]).toEqual([[["first"]], false]);
    resolve();
    await bench.pass(0);
    expect([bench.commits.at(-1), bench.answers.get("a")]).toEqual([["a"], "1 counted"]);
  });

  it("refuses all that was held where nothing may be committed, and holds the next as before", async () => {
    const bench = new Bench();
    bench.call("first");
    for (const name of ["a", "b"]) bench.call(name);
    bench.ready = () => Promise.reject(new Error("not of the present"));
    await bench.pass(GROUP_HOLD_MS);
    expect(bench.commits).toEqual([["first"]]);
    expect([bench.answers.get("a"), bench.answers.get("b")]).toEqual(Array(2).fill("Error: not of the present"));
    bench.ready = async () => {};
    bench.call("next");
    expect([bench.commits.at(-1), bench.timers]).toEqual([["next"], 0]);
  });

  it("commits what was held with a call that came when something may be committed again, and once", async () => {
    const bench = new Bench();
    const { promise, resolve } = Promise.withResolvers<void>();
    bench.call("first");
    bench.call("a");
    bench.ready = () => promise;
    await bench.pass(GROUP_HOLD_MS);
    resolve();
    bench.call("b");
    await bench.pass(GROUP_HOLD_MS);
    expect(bench.commits).toEqual([["first"], ["a", "b"]]);
    expect(bench.timers).toBe(0);
  });

  it("holds nobody longer when the clock is set back", async () => {
    const bench = new Bench();
    bench.call("first");
    bench.nowMs -= 3_600_000;
    bench.call("a");
    await bench.pass(GROUP_HOLD_MS);
    expect(bench.answers.get("a")).toBe("1 counted");
  });
});

describe("an event shard that is called often", () => {
  it("logs what came together in fewer rows than calls, and tells each call what was new of its own", async () => {
    const shard = env.EVENT_SHARD.getByName("group-rows");
    const call = (at: number) => [
      anEncodedEvent({}, { jti: `g_${at}` }),
      anEncodedEvent({ method: "HEAD" }, { jti: `h_${at}` }),
    ];
    const calls = Array.from({ length: 12 }, (_, at) => (at % 2 === 0 ? call(at) : call(at).slice(0, 1)));
    const twice = [...calls, calls[0] ?? []];
    const counted = await Promise.all(twice.map((events) => shard.ingest(events)));
    // Of the copies of the first call one is new.
    expect([counted[0], counted[12]].sort()).toEqual([0, 2]);
    expect(counted.slice(1, 12)).toEqual(calls.slice(1).map(({ length }) => length));
    const rows = await runInDurableObject(shard, (_, { storage }) => storage.sql.exec("SELECT seq FROM log").toArray());
    expect(rows.length).toBeLessThan(twice.length / 2);
  });

  it("refuses a call with an event that it cannot read, and no other of its group", async () => {
    await runInDurableObject(env.EVENT_SHARD.getByName("group-poison"), async (instance) => {
      const calls = Array.from({ length: 6 }, (_, at) => [anEncodedEvent({}, { jti: `p_${at}` })]);
      calls.splice(3, 1, ["{}"]);
      const settled = await Promise.allSettled(calls.map((events) => instance.ingest(events)));
      expect(settled.map(({ status }) => status === "fulfilled")).toEqual([true, true, true, false, true, true]);
      expect(settled.map((each) => (each.status === "fulfilled" ? each.value : 0))).toEqual([1, 1, 1, 0, 1, 1]);
    });
  });

  it("counts nothing that it held where its archive cannot say meanwhile whether its storage is of the present", async () => {
    vi.spyOn(console, "error").mockImplementation(() => {});
    await runInDurableObject(env.EVENT_SHARD.getByName("group-unready"), async (instance, { storage }) => {
      const [first, held] = [1, 2].map((at) => [anEncodedEvent({}, { jti: `u_${at}` })]) as [string[], string[]];
      const rows = () => storage.sql.exec("SELECT count(*) AS rows FROM log").one();
      const head = headKey("group-unready");
      expect(await instance.ingest(first)).toBe(1);
      await env.ARCHIVE.put(head, "no head");
      const heard = instance.ingest(held).then(
        () => "counted",
        () => "refused",
      );
      // A sweep compares storage and archive again.
      await instance.sweep();
      expect([await heard, rows()]).toEqual(["refused", { rows: 1 }]);
      await env.ARCHIVE.delete(head);
      expect([await instance.ingest(held), rows()]).toEqual([1, { rows: 2 }]);
    });
  });
});
