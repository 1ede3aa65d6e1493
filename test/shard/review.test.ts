/** Late clicks: counted as late, claim nothing, and are decided once, by an event in the same log. */
import { evictDurableObject, runDurableObjectAlarm, runInDurableObject } from "cloudflare:test";
import { env } from "cloudflare:workers";
import { describe, expect, it } from "vitest";
import { HOUR_MS } from "../../src/core/limits.ts";
import { hourOf, minuteOf } from "../../src/core/time.ts";
import { reviewLate } from "../../src/shard/review.ts";
import { aLateClick, anOnTimeClick as onTime } from "../support/late.ts";
import { shardOn } from "../support/shard-memory.ts";

async function totals(ad: string) {
  return env.REPORT_DB.prepare(
    `SELECT sum(gross) AS gross, sum(valid) AS valid, sum(duplicate) AS duplicate, sum(invalid) AS invalid,
       sum(late) AS late, sum(spend_micros) AS spend FROM facts_minute WHERE ad_id = ?1`,
  )
    .bind(ad)
    .first();
}

const shardNamed = (name: string) => env.EVENT_SHARD.getByName(name);

describe("a late click", () => {
  it("does not claim: the click that comes in time is billed", async () => {
    const shard = shardNamed("late-1");
    const late = aLateClick("l_1", "ad_late_1");
    await shard.ingest([late.encoded]);
    await shard.ingest([onTime("l_1", "ad_late_1")]);
    await runDurableObjectAlarm(shard);
    expect(await totals("ad_late_1")).toEqual({
      gross: 2,
      valid: 1,
      duplicate: 0,
      invalid: 0,
      late: 1,
      spend: 250_000,
    });
    const [outcome] = await shard.review([{ event: late.event.id, choice: "accept" }], "key_op");
    expect(outcome).toMatchObject({
      outcome: "decided",
      verdict: "duplicate",
      reason: "same_impression",
      by: "key_op",
    });
    await runDurableObjectAlarm(shard);
    expect(await totals("ad_late_1")).toEqual({
      gross: 2,
      valid: 1,
      duplicate: 1,
      invalid: 0,
      late: 0,
      spend: 250_000,
    });
  });

  it("is billed when it is accepted, in its own minute, and claims from then on", async () => {
    const shard = shardNamed("late-2");
    const late = aLateClick("l_2", "ad_late_2");
    await shard.ingest([late.encoded]);
    await shard.review([{ event: late.event.id, choice: "accept" }], "key_op");
    await shard.ingest([onTime("l_2", "ad_late_2")]);
    await runDurableObjectAlarm(shard);
    expect(await totals("ad_late_2")).toEqual({
      gross: 2,
      valid: 1,
      duplicate: 1,
      invalid: 0,
      late: 0,
      spend: 250_000,
    });
    const row = await env.REPORT_DB.prepare(
      "SELECT minute FROM facts_minute WHERE ad_id = 'ad_late_2' AND valid = 1",
    ).first();
    expect(row).toEqual({ minute: minuteOf(late.event.occurredAtMs) });
  });

  it("is invalid when it is rejected, and the impression stays free", async () => {
    const shard = shardNamed("late-3");
    const late = aLateClick("l_3", "ad_late_3");
    await shard.ingest([late.encoded]);
    await shard.review([{ event: late.event.id, choice: "reject" }], "key_op");
    await shard.ingest([onTime("l_3", "ad_late_3")]);
    await runDurableObjectAlarm(shard);
    expect(await totals("ad_late_3")).toEqual({
      gross: 2,
      valid: 1,
      duplicate: 0,
      invalid: 1,
      late: 0,
      spend: 250_000,
    });
  });

  it("is decided once, whatever is asked again, also after eviction and redelivery", async () => {
    const shard = shardNamed("late-4");
    const late = aLateClick("l_4", "ad_late_4");
    await shard.ingest([late.encoded]);
    const accept = [{ event: late.event.id, choice: "accept" as const }];
    const [first] = await shard.review(accept, "key_a");
    await evictDurableObject(shard);
    const again = shardNamed("late-4");
    expect(await again.review(accept, "key_b")).toEqual([first]);
    expect(await again.review([{ event: late.event.id, choice: "reject" }], "key_b")).toEqual([
      { outcome: "conflict" },
    ]);
    expect(await again.ingest([late.encoded])).toBe(0);
    await runDurableObjectAlarm(again);
    expect(await totals("ad_late_4")).toMatchObject({ gross: 1, valid: 1, late: 0 });
  });

  it("is unknown to any shard but its own", async () => {
    const late = aLateClick("l_5", "ad_late_5");
    expect(await shardNamed("late-5").review([{ event: late.event.id, choice: "accept" }], "k")).toEqual([
      { outcome: "unknown" },
    ]);
  });

  it("cannot be accepted once the keys that could tell are dropped, and can still be rejected", () =>
    runInDurableObject(shardNamed("late-6"), async (instance, { storage }) => {
      const late = aLateClick("l_6", "ad_late_6");
      await instance.ingest([late.encoded]);
      const ports = shardOn(storage);
      ports.index.transaction(() => ports.index.dropBefore(hourOf(late.event.receivedAtMs) + 1));
      const at = { by: "key_op", nowMs: late.event.receivedAtMs + HOUR_MS };
      const review = (choice: "accept" | "reject") =>
        ports.index.transaction(() => reviewLate({ event: late.event.id, choice }, ports, at)).outcome;
      expect(review("accept")).toEqual({ outcome: "expired" });
      expect(review("reject")).toMatchObject({ outcome: "decided", verdict: "invalid" });
    }));
});
