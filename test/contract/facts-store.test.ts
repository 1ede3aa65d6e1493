/** One suite over both report databases: memory, which the simulation uses, and D1. */
import { env } from "cloudflare:workers";
import { beforeEach, describe, expect, it } from "vitest";
import { type Facts, foldEntry } from "../../src/core/facts.ts";
import { foldLateClick, type LateClicks } from "../../src/core/late-click.ts";
import type { LoggedEvent } from "../../src/core/log-line.ts";
import { D1Facts } from "../../src/facts/d1-facts.ts";
import type { FactsStore, LedgerRow } from "../../src/facts/facts-store.ts";
import { anOpenedClick, NOON_MS } from "../support/builders.ts";
import { loggedOf, type Spec } from "../support/logged.ts";
import { MemoryFacts } from "../support/memory-facts.ts";
import { aPosting, placeOf, postTo } from "../support/post-to.ts";
import { canonical, readAll } from "../support/read-facts.ts";
import { RULES } from "../support/rules.ts";

const SPEC: Spec = {
  advertiser: 1,
  ad: 1,
  publisher: 1,
  country: "DE",
  minute: 0,
  count: 2,
  decision: { verdict: "valid", reason: null },
};

function factsOf(specs: readonly Spec[]): Facts {
  const facts: Facts = new Map();
  for (const [seq, spec] of specs.entries()) foldEntry(facts, loggedOf(spec, seq));
  return facts;
}

const LATE: LoggedEvent = {
  ...anOpenedClick({ occurredAtMs: NOON_MS, receivedAtMs: NOON_MS + 300_000, count: 2 }),
  ...{ verdict: "late", reason: "late", seq: 1, loggedAtMs: NOON_MS + 300_000, rules: RULES.id, review: null },
};
const ACCEPTED: LoggedEvent = {
  ...LATE,
  ...{ verdict: "valid", reason: "late_accepted", seq: 2, review: { by: "key_7", atMs: NOON_MS + 900_000 } },
};

function latesOf(...logged: LoggedEvent[]): LateClicks {
  const lates: LateClicks = new Map();
  for (const entry of logged) foldLateClick(lates, entry);
  return lates;
}

/** Verdict, decider and clicks of the late click. */
async function readLate(store: FactsStore): Promise<unknown[]> {
  if (store instanceof MemoryFacts) {
    return Array.from(store.lates.values(), ({ verdict, review, clicks }) => [verdict, review?.by ?? null, clicks]);
  }
  const { results } = await env.REPORT_DB.prepare("SELECT verdict, decided_by, clicks FROM late_clicks").all();
  return results.map(({ verdict, decided_by: by, clicks }) => [verdict, by, clicks]);
}

const stores: { name: string; make: () => FactsStore; read: (store: FactsStore) => Promise<Facts> }[] = [
  { name: "memory", make: () => new MemoryFacts(), read: async (store) => (store as MemoryFacts).read() },
  {
    name: "D1",
    make: () => new D1Facts(env.REPORT_DB, () => NOON_MS),
    read: () => readAll(env.REPORT_DB),
  },
];

describe.each(stores)("FactsStore in $name", ({ make, read }) => {
  beforeEach(async () => {
    await env.REPORT_DB.batch(
      [
        "ledger",
        "open_postings",
        "facts_minute",
        "facts_hour",
        "facts_day",
        "day_sums",
        "hour_sums",
        "late_clicks",
      ].map((table) => env.REPORT_DB.prepare(`DELETE FROM ${table}`)),
    );
  });

  it("applies a posting and remembers how far it reached", async () => {
    const store = make();
    expect(await store.ledger("s")).toEqual(new Map());
    await store.post(aPosting(null, { seqTo: 4, facts: factsOf([SPEC]) }));
    expect(await store.ledger("s")).toEqual(new Map([["s/1", placeOf(4)]]));
    expect(canonical(await read(store))).toBe(canonical(factsOf([SPEC])));
  });

  it.each([
    ["from the start again", null],
    ["from an earlier place", placeOf(3)],
    ["from a later place", placeOf(5)],
    ["from a place of that number on another log", { ...placeOf(4), chain: "f".repeat(64) }],
    ["from the middle of a row", { ...placeOf(4), part: "adv_1" }],
  ])("rejects a posting %s, and applies nothing of it", async (_, from) => {
    const store = make();
    await store.post(aPosting(null, { seqTo: 4, facts: factsOf([SPEC]) }));
    await expect(store.post(aPosting(from, { seqTo: 9, facts: factsOf([SPEC, SPEC]) }))).rejects.toThrow();
    expect(await store.ledger("s")).toEqual(new Map([["s/1", placeOf(4)]]));
    expect(canonical(await read(store))).toBe(canonical(factsOf([SPEC])));
  });

  it("rejects a posting of a source that it does not know from anywhere but the start", async () => {
    const store = make();
    await expect(store.post(aPosting(placeOf(4), { facts: factsOf([SPEC]) }))).rejects.toThrow();
    expect(await store.ledger("s")).toEqual(new Map());
    expect(canonical(await read(store))).toBe("[]");
  });

  it("adds postings of other sources and other ranges, and tells those of one shard", async () => {
    const store = make();
    const other = { ...SPEC, country: "US", publisher: 2 };
    await postTo(store, { source: "s/1", facts: factsOf([SPEC]) });
    await postTo(store, { source: "s/2", facts: factsOf([SPEC]) });
    await postTo(store, { source: "s/1", facts: factsOf([other]) });
    await postTo(store, { source: "s-1/1", facts: factsOf([SPEC]) });
    await postTo(store, { source: "s0/1", facts: factsOf([SPEC]) });
    expect(Array.from(await store.ledger("s")).sort()).toEqual([
      ["s/1", placeOf(2)],
      ["s/2", placeOf(1)],
    ]);
    expect(canonical(await read(store))).toBe(canonical(factsOf([SPEC, SPEC, other, SPEC, SPEC])));
  });

  it("[attack 17] keeps one row a source, however many postings there are", async () => {
    const store = make();
    for (let posting = 0; posting < 20; posting++) await postTo(store, { facts: factsOf([SPEC]) });
    expect(await store.ledger("s")).toEqual(new Map([["s/1", placeOf(20)]]));
    const rows = await env.REPORT_DB.prepare("SELECT count(*) AS rows FROM ledger").first<{ rows: number }>();
    expect(rows?.rows).toBe(store instanceof D1Facts ? 1 : 0);
  });

  it.each([
    ["in their order", [LATE, ACCEPTED]],
    ["the decision first, where an earlier life of the log is posted again", [ACCEPTED, LATE]],
  ])("leaves a late click as it was decided, posted %s", async (_, logged) => {
    const store = make();
    for (const entry of logged) await postTo(store, { source: `s/${entry.seq}`, lates: latesOf(entry) });
    expect(await readLate(store)).toEqual([["valid", "key_7", 2]]);
  });

  describe("[row writes] what is open", () => {
    const other = { ...SPEC, country: "US", publisher: 2 };
    const shown = (from: LedgerRow | null, seqTo: number, specs: Spec[]) =>
      aPosting(from, { seqTo, facts: factsOf(specs) });
    const placesOf = async (store: FactsStore) =>
      Array.from(await store.opened("s"), ([source, { seq, chain }]) => [source, seq, chain]);

    it("is read beside the facts, each time in place of what was open before", async () => {
      const store = make();
      await store.open(shown(null, 1, [SPEC]));
      expect(canonical(await read(store))).toBe(canonical(factsOf([SPEC])));
      await store.post(aPosting(null, { seqTo: 4, facts: factsOf([SPEC]) }));
      expect(canonical(await read(store))).toBe(canonical(factsOf([SPEC])));
      await store.open(shown(placeOf(4), 6, [SPEC]));
      await store.open(shown(placeOf(4), 9, [SPEC, SPEC, other]));
      expect(canonical(await read(store))).toBe(canonical(factsOf([SPEC, SPEC, SPEC, other])));
      expect(await placesOf(store)).toEqual([["s/1", 9, placeOf(9).chain]]);
      expect(await store.ledger("s")).toEqual(new Map([["s/1", placeOf(4)]]));
      const { rows, opened } = await store.standing("s");
      expect([rows, [...opened.keys()]]).toEqual([await store.ledger("s"), ["s/1"]]);
      expect(opened.get("s/1")).toMatchObject({ seq: 9, chain: placeOf(9).chain });
    });

    it("is gone with the posting of its source, whichever place that reaches, and no other's", async () => {
      const store = make();
      await store.open(shown(null, 9, [SPEC, other]));
      await store.open({ ...shown(null, 3, [other]), source: "s/2" });
      await store.post(aPosting(null, { seqTo: 4, facts: factsOf([SPEC]) }));
      expect(canonical(await read(store))).toBe(canonical(factsOf([SPEC, other])));
      expect(await placesOf(store)).toEqual([["s/2", 3, placeOf(3).chain]]);
    });

    it.each([
      ["from the start", null],
      ["from an earlier place", placeOf(3)],
      ["from a later place", placeOf(5)],
      ["from a place of that number on another log", { ...placeOf(4), chain: "f".repeat(64) }],
      ["from the middle of a row", { ...placeOf(4), part: "adv_1" }],
    ])("is refused %s where the ledger stands elsewhere, whatever was open", async (_, from) => {
      const store = make();
      await store.post(aPosting(null, { seqTo: 4, facts: factsOf([SPEC]) }));
      await expect(store.open(shown(from, 9, [SPEC]))).rejects.toThrow();
      await store.open(shown(placeOf(4), 6, [other]));
      await expect(store.open(shown(from, 9, [SPEC]))).rejects.toThrow();
      expect(canonical(await read(store))).toBe(canonical(factsOf([SPEC, other])));
      expect(await placesOf(store)).toEqual([["s/1", 6, placeOf(6).chain]]);
    });

    it("is refused where the ledger has no row, and the shard believes that it has", async () => {
      const store = make();
      await expect(store.open(shown(placeOf(4), 9, [SPEC]))).rejects.toThrow();
      expect(canonical(await read(store))).toBe("[]");
    });

    it("does not go back to what a request that is late brings", async () => {
      const store = make();
      await store.open(shown(null, 9, [SPEC, other]));
      await store.open(shown(null, 6, [SPEC]));
      expect(canonical(await read(store))).toBe(canonical(factsOf([SPEC, other])));
      expect(await placesOf(store)).toEqual([["s/1", 9, placeOf(9).chain]]);
    });

    it("is nothing any more once its source is closed, also for a request that is late", async () => {
      const store = make();
      await store.post(aPosting(null, { seqTo: 4, facts: factsOf([SPEC]) }));
      await store.open(shown(placeOf(4), 6, [other]));
      await store.close("s/1");
      await store.open(shown(placeOf(4), 8, [other, other])).catch(() => {});
      expect(canonical(await read(store))).toBe(canonical(factsOf([SPEC])));
      expect(await placesOf(store)).toEqual([]);
    });
  });

  it("accepts a posting without facts, so that a range of redeliveries moves on", async () => {
    const store = make();
    await store.post(aPosting(null, { seqTo: 2 }));
    expect((await store.ledger("s")).get("s/1")?.seq).toBe(2);
    expect(canonical(await read(store))).toBe("[]");
  });
});
