/** What a report database refuses again and again is set aside for its advertiser; nobody else waits for it. */
import { env } from "cloudflare:workers";
import { beforeEach, describe, expect, it, vi } from "vitest";
import { MEASURES } from "../../src/core/fields.ts";
import { D1Facts } from "../../src/facts/d1-facts.ts";
import { DEAD_POSTINGS_PREFIX } from "../../src/facts/dead-posting.ts";
import type { FactsStore } from "../../src/facts/facts-store.ts";
import { flush } from "../../src/shard/flush.ts";
import { FlushSession } from "../../src/shard/flush-ports.ts";
import { anEncodedEvent, NOON_MS } from "../support/builders.ts";
import { FLUSH_SETTINGS, type Harness, totalsOf, withShard } from "../support/flush-harness.ts";
import { oneStore, passing } from "../support/one-store.ts";

/** A real database that cannot store what an advertiser has: its rows break the table's CHECK. */
function refusing(advertiser: string): FactsStore {
  const store = new D1Facts(env.REPORT_DB, () => NOON_MS);
  return {
    ...passing(store),
    post: (posting) => {
      const facts = new Map(
        Array.from(posting.facts, ([key, row]) => {
          if (row.advertiserId !== advertiser) return [key, row];
          const cells = Array.from(row.cells, ([cell, counts]) => [
            cell,
            counts.map((n, at) => (at === MEASURES.indexOf("gross") ? n + 1 : n)),
          ]);
          return [key, { ...row, cells: new Map(cells as [string, number[]][]) }];
        }),
      );
      return store.post({ ...posting, facts });
    },
  };
}

const buried = async () => (await env.ARCHIVE.list({ prefix: DEAD_POSTINGS_PREFIX })).objects.map(({ key }) => key);

/** Flushes until it goes well; resolves to the number of flushes that did not. */
async function untilPosted(harness: Harness, store: FactsStore, makeSession: () => FlushSession): Promise<number> {
  for (let failed = 0; failed < 40; failed++) {
    const done = await flush(
      { ...harness, reports: oneStore(store) },
      FLUSH_SETTINGS,
      NOON_MS + 60_000,
      makeSession(),
    ).then(
      () => true,
      () => false,
    );
    if (done) return failed;
  }
  throw new Error("the flush never goes well");
}

describe("[attack 2b] a posting that cannot be stored", () => {
  beforeEach(() => {
    vi.spyOn(console, "error").mockImplementation(() => {});
  });

  it("is set aside for its advertiser alone, by name, after several refusals; all others are posted once", () =>
    withShard("apart", async (harness) => {
      const click = (adv: string, jti: string) => anEncodedEvent({}, { adv, jti, ad: `ad_of_${adv}` });
      harness.take([click("apart_a", "1"), click("apart_bad", "2"), click("apart_z", "3"), click("apart_a", "4")]);
      harness.take([click("apart_a", "5"), click("apart_bad", "6")]);
      const session = new FlushSession();
      const failed = await untilPosted(harness, refusing("apart_bad"), () => session);
      expect(failed).toBeGreaterThan(3);
      expect(await totalsOf("ad_of_apart_a")).toMatchObject({ gross: 3, valid: 3 });
      expect(await totalsOf("ad_of_apart_z")).toMatchObject({ gross: 1 });
      expect(await totalsOf("ad_of_apart_bad")).toMatchObject({ gross: null });
      const keys = await buried();
      expect(keys.map((key) => key.split("/").at(-1))).toEqual([
        "test-000000000001-apart_bad.json",
        "test-000000000002-apart_bad.json",
      ]);
      const letter = JSON.parse((await (await env.ARCHIVE.get(keys[0] ?? ""))?.text()) ?? "null");
      expect(letter).toMatchObject({ v: 1, source: "apart/test", seq: 1, advertiser_id: "apart_bad" });
      expect(letter.fault).toContain("CHECK");
      expect(letter.deltas).toHaveLength(1);
      await flush(harness, FLUSH_SETTINGS, NOON_MS + 300_000, session);
      expect(harness.log.rowsAfter(0, 1_000_000)).toEqual([]);
    }));

  it("loses nothing and counts nothing twice where the object ends between two advertisers", () =>
    withShard("apart-evicted", async (harness) => {
      const click = (adv: string) => anEncodedEvent({}, { adv, jti: `e_${adv}`, ad: `ad_of_${adv}` });
      harness.take(["ev_a", "ev_b", "ev_bad", "ev_z"].map(click));
      const store = refusing("ev_bad");
      const session = new FlushSession();
      // Several refusals: the row is being taken apart, and stands before the advertiser that is refused.
      for (let run = 0; run < 5; run++) {
        await flush({ ...harness, reports: oneStore(store) }, FLUSH_SETTINGS, NOON_MS + 60_000, session).catch(
          () => {},
        );
      }
      const parts = await env.REPORT_DB.prepare("SELECT part FROM ledger WHERE source LIKE 'apart-evicted/%'").all();
      expect(parts.results).toEqual([{ part: "ev_b" }]);
      // Another session, and the database takes everything again.
      await untilPosted(harness, new D1Facts(env.REPORT_DB, () => NOON_MS), () => new FlushSession());
      for (const adv of ["ev_a", "ev_b", "ev_bad", "ev_z"]) {
        expect(await totalsOf(`ad_of_${adv}`), adv).toMatchObject({ gross: 1, valid: 1 });
      }
      expect((await buried()).filter((key) => key.includes("apart-evicted"))).toEqual([]);
    }));

  it("is not seen in a database that is down, however long", () =>
    withShard("apart-down", async (harness) => {
      harness.take([anEncodedEvent({}, { adv: "down_a", jti: "d", ad: "ad_of_down_a" })]);
      const real = new D1Facts(env.REPORT_DB, () => NOON_MS);
      let isDown = true;
      const store: FactsStore = {
        ...passing(real),
        // It answers what it is asked, and takes no write.
        post: (posting) => (isDown ? Promise.reject(new Error("D1 is overloaded")) : real.post(posting)),
      };
      const session = new FlushSession();
      for (let run = 0; run < 20; run++) {
        const flushed = flush({ ...harness, reports: oneStore(store) }, FLUSH_SETTINGS, NOON_MS + 60_000, session);
        await expect(flushed).rejects.toThrow("overloaded");
      }
      expect((await buried()).filter((key) => key.includes("apart-down"))).toEqual([]);
      isDown = false;
      await untilPosted(harness, store, () => session);
      expect(await totalsOf("ad_of_down_a")).toMatchObject({ gross: 1, valid: 1 });
    }));
});
