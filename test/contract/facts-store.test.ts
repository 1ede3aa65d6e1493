/** One suite over both report databases: memory, which the simulation uses, and D1. */
import { env } from "cloudflare:workers";
import { beforeEach, describe, expect, it } from "vitest";
import { type Facts, foldEntry } from "../../src/core/facts.ts";
import { D1Facts } from "../../src/sinks/d1-facts.ts";
import type { FactsStore } from "../../src/sinks/facts-store.ts";
import { NOON_MS } from "../support/builders.ts";
import { loggedOf, type Spec } from "../support/logged.ts";
import { MemoryFacts } from "../support/memory-facts.ts";
import { canonical, readFacts } from "../support/read-facts.ts";

const SPEC: Spec = {
  advertiser: 1,
  ad: 1,
  publisher: 1,
  country: "DE",
  minute: 0,
  count: 2,
  decision: { verdict: "valid", reason: null },
};

const PLAIN = { shard: "s", lates: new Map() } as const;

function factsOf(specs: readonly Spec[]): Facts {
  const facts: Facts = new Map();
  for (const [seq, spec] of specs.entries()) foldEntry(facts, loggedOf(spec, seq));
  return facts;
}

const stores: { name: string; make: () => FactsStore; read: (store: FactsStore) => Promise<Facts> }[] = [
  { name: "memory", make: () => new MemoryFacts(), read: async (store) => (store as MemoryFacts).facts },
  {
    name: "D1",
    make: () => new D1Facts(env.REPORT_DB, () => NOON_MS),
    read: () => readFacts(env.REPORT_DB, "minute"),
  },
];

describe.each(stores)("FactsStore in $name", ({ make, read }) => {
  beforeEach(async () => {
    await env.REPORT_DB.batch(
      ["postings", "facts_minute", "facts_hour", "facts_day", "day_sums"].map((table) =>
        env.REPORT_DB.prepare(`DELETE FROM ${table}`),
      ),
    );
  });

  it("applies a posting and remembers how far it reached", async () => {
    const store = make();
    expect(await store.postedTo("s/1", 1)).toBeNull();
    await store.post({ ...PLAIN, source: "s/1", seqFrom: 1, seqTo: 4, facts: factsOf([SPEC]) });
    expect(await store.postedTo("s/1", 1)).toBe(4);
    expect(canonical(await read(store))).toBe(canonical(factsOf([SPEC])));
  });

  it("rejects a second posting of the same start, grown or not, and applies nothing of it", async () => {
    const store = make();
    await store.post({ ...PLAIN, source: "s/1", seqFrom: 1, seqTo: 4, facts: factsOf([SPEC]) });
    await expect(
      store.post({ ...PLAIN, source: "s/1", seqFrom: 1, seqTo: 9, facts: factsOf([SPEC, SPEC]) }),
    ).rejects.toThrow();
    expect(await store.postedTo("s/1", 1)).toBe(4);
    expect(canonical(await read(store))).toBe(canonical(factsOf([SPEC])));
  });

  it("adds postings of other sources and other ranges", async () => {
    const store = make();
    const other = { ...SPEC, country: "US", publisher: 2 };
    await store.post({ ...PLAIN, source: "s/1", seqFrom: 1, seqTo: 1, facts: factsOf([SPEC]) });
    await store.post({ ...PLAIN, source: "s/2", seqFrom: 1, seqTo: 1, facts: factsOf([SPEC]) });
    await store.post({ ...PLAIN, source: "s/1", seqFrom: 2, seqTo: 2, facts: factsOf([other]) });
    expect(canonical(await read(store))).toBe(canonical(factsOf([SPEC, SPEC, other])));
  });

  it("accepts a posting without facts, so that a range of redeliveries moves on", async () => {
    const store = make();
    await store.post({ ...PLAIN, source: "s/1", seqFrom: 1, seqTo: 2, facts: new Map() });
    expect(await store.postedTo("s/1", 1)).toBe(2);
    expect(canonical(await read(store))).toBe("[]");
  });
});
