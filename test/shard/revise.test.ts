/** Revisions: an event moves to another verdict by a line of the same log; its claim goes with it, once. */
import { evictDurableObject, runDurableObjectAlarm, runInDurableObject } from "cloudflare:test";
import { env } from "cloudflare:workers";
import { describe, expect, it, vi } from "vitest";
import { R2Archive } from "../../src/archive/r2-archive.ts";
import { readConfig } from "../../src/config.ts";
import { parseJson } from "../../src/core/base64url.ts";
import { prepareEvent } from "../../src/core/ingest.ts";
import { decodeEventLine } from "../../src/core/log-line.ts";
import { openEvent } from "../../src/core/message.ts";
import { encodeRuleSet, ruleSetKey } from "../../src/core/rules.ts";
import { hourOf } from "../../src/core/time.ts";
import { encodeTokenEvent } from "../../src/core/token-event.ts";
import type { Decision } from "../../src/core/verdict.ts";
import type { RevisionRequest } from "../../src/shard/revise.ts";
import { rulesInForce } from "../../src/shard/rules-record.ts";
import { aClick, CRAWLER } from "../support/builders.ts";
import { archivedLines, flushOnce, withShard } from "../support/flush-harness.ts";
import { aLateClick } from "../support/late.ts";
import { copyStorage } from "../support/set-back.ts";
import { shardOn } from "../support/shard-memory.ts";

const VALID: Decision = { verdict: "valid", reason: null };
const DUPLICATE: Decision = { verdict: "duplicate", reason: "same_impression" };
const INVALID: Decision = { verdict: "invalid", reason: "signature_invalid" };
const LATE: Decision = { verdict: "late", reason: "late" };
const AUDIT = { cause: "audit/2026-11-27/0001", by: "key_audit" };
const IAT = Math.floor(Date.now() / 1_000) - 10;

const shardNamed = (name: string) => env.EVENT_SHARD.getByName(name);

/** A click of just now; the same name is the same impression. */
function aClickOn(jti: string, userAgent?: string) {
  const agent = userAgent === undefined ? {} : { userAgent };
  const event = aClick({ receivedAtMs: Date.now(), ...agent }, { jti, ad: `ad_${jti}`, iat: IAT, exp: IAT + 7_200 });
  return { event, encoded: encodeTokenEvent(event) };
}

const aRequest = ({ encoded }: { encoded: string }, changes: Partial<RevisionRequest> = {}): RevisionRequest => ({
  ...{ encoded, n: 1, from: VALID, to: INVALID },
  ...changes,
});

/** Under which key, in which hour, an event's impression is claimed. */
function claimOf({ encoded }: { encoded: string }) {
  const opened = openEvent(parseJson(encoded));
  if (!opened.ok) throw new Error(opened.error.reason);
  const { key, keyHour: hour } = prepareEvent(opened.value);
  return { key, hour };
}

async function totals(jti: string) {
  const { results } = await env.REPORT_DB.prepare(
    `SELECT sum(gross) AS gross, sum(valid) AS valid, sum(duplicate) AS duplicate, sum(invalid) AS invalid,
       sum(late) AS late, sum(spend_micros) AS spend FROM facts_minute WHERE ad_id = ?1`,
  )
    .bind(`ad_${jti}`)
    .all();
  return results[0];
}

/** Posts and archives all of a shard's log. */
async function settle(shard: string): Promise<void> {
  await shardNamed(shard).sweep();
  await withShard(shard, (harness) => flushOnce(harness, { archiveIntervalMs: 0, postIntervalMs: 0 }, Date.now()));
}

describe("a revision", () => {
  it("moves a valid click to invalid, once, and says in the log from what, why and who", async () => {
    const shard = shardNamed("revise-1");
    const click = aClickOn("r_1");
    await shard.ingest([click.encoded]);
    const [first] = await shard.revise([aRequest(click)], AUDIT);
    expect(first).toMatchObject({ outcome: "revised", n: 1, ...INVALID, from: VALID, ...AUDIT });
    await evictDurableObject(shard);
    // Whoever asks for the same again hears what was done then.
    const again = await shardNamed("revise-1").revise([aRequest(click)], { cause: "replay/r_9", by: "key_other" });
    expect(again).toEqual([first]);
    const [, line] = (await shardNamed("revise-1").find(click.event.id)).map(decodeEventLine);
    expect(line).toMatchObject({ ...INVALID, revision: { n: 1, from: VALID, ...AUDIT }, event: click.event });
    await runDurableObjectAlarm(shardNamed("revise-1"));
    expect(await totals("r_1")).toEqual({ gross: 1, valid: 0, duplicate: 0, invalid: 1, late: 0, spend: 0 });
  });

  it("leaves the impression to the next click, and the revised one is never counted again", async () => {
    const shard = shardNamed("revise-2");
    const [first, next] = [aClickOn("r_2"), aClickOn("r_2")];
    await shard.ingest([first.encoded]);
    await shard.revise([aRequest(first)], AUDIT);
    expect(await shard.ingest([first.encoded])).toBe(0);
    expect(await shard.ingest([next.encoded, first.encoded])).toBe(1);
    await runDurableObjectAlarm(shard);
    expect(await totals("r_2")).toMatchObject({ gross: 2, valid: 1, invalid: 1, spend: 250_000 });
  });

  it("promotes a duplicate in the same row, and only where the impression is given up", async () => {
    const shard = shardNamed("revise-3");
    const [first, second, other] = [aClickOn("r_3"), aClickOn("r_3"), aClickOn("r_3other")];
    await shard.ingest([first.encoded, second.encoded, other.encoded]);
    const promote = { encoded: second.encoded, n: 1, from: DUPLICATE };
    const refused = [
      aRequest(other, { promote }),
      aRequest(first, { promote: { ...promote, encoded: first.encoded } }),
      aRequest(first, { promote: { ...promote, n: 2 } }),
      aRequest(first, { promote: { ...promote, from: VALID } }),
      aRequest(second, { from: DUPLICATE, promote: { ...promote, encoded: first.encoded } }),
      aRequest(second, { from: DUPLICATE, to: VALID }),
    ];
    const outcomes = await shard.revise(refused, AUDIT);
    expect(outcomes.map(({ outcome }) => outcome)).toEqual([
      ...["wrong_event", "wrong_event", "out_of_order", "wrong_from", "wrong_event", "claimed"],
    ]);
    expect((await shard.status()).lastSeq).toBe(1);

    const request = aRequest(first, { promote });
    const [done] = await shard.revise([request], AUDIT);
    expect(done).toMatchObject({ outcome: "revised", ...INVALID });
    expect((await shard.status()).lastSeq).toBe(2);
    expect(await shard.revise([request], AUDIT)).toEqual([done]);
    // The same number with another event to promote is another revision.
    const third = aClickOn("r_3");
    await shard.ingest([third.encoded]);
    const [conflict] = await shard.revise(
      [aRequest(first, { promote: { ...promote, encoded: third.encoded } })],
      AUDIT,
    );
    expect(conflict).toMatchObject({ outcome: "conflict" });
    await runDurableObjectAlarm(shard);
    expect(await totals("r_3")).toMatchObject({ gross: 3, valid: 1, duplicate: 1, invalid: 1, spend: 250_000 });
    expect(await shard.changes(second.event.id)).toMatchObject([{ n: 1, from: DUPLICATE, ...VALID, ...AUDIT }]);
  });

  it("refuses a number that is taken or leaves one out, and what the event is not; each says what is known", async () => {
    const shard = shardNamed("revise-4");
    const [click, crawled, never] = [aClickOn("r_4"), aClickOn("r_4c", CRAWLER), aClickOn("r_4n")];
    await shard.ingest([click.encoded, crawled.encoded]);
    await shard.revise([aRequest(click)], AUDIT);
    const asked = [
      aRequest(click, { to: DUPLICATE }),
      aRequest(click, { n: 3, from: INVALID, to: VALID }),
      aRequest(click, { n: 2 }),
      aRequest(crawled),
      aRequest(never),
      aRequest(never, { from: DUPLICATE }),
      aRequest(crawled, { from: { verdict: "invalid", reason: "declared_crawler" }, to: LATE }),
    ];
    const outcomes = await shard.revise(asked, AUDIT);
    expect(outcomes.map(({ outcome }) => outcome)).toEqual([
      ...["conflict", "out_of_order", "wrong_from", "wrong_from", "unknown", "unknown", "unsettled"],
    ]);
    expect(outcomes[0]).toMatchObject({ changes: [{ n: 1, ...INVALID }] });
    const [back] = await shard.revise([aRequest(click, { n: 2, from: INVALID, to: VALID })], AUDIT);
    expect(back).toMatchObject({ outcome: "revised", n: 2, ...VALID });
    expect(await shard.claimant(claimOf(click).key, claimOf(click).hour)).toBe(click.event.id);
  });

  it("settles a waiting late click with all that joined it; nobody reviews it afterwards", async () => {
    const shard = shardNamed("revise-5");
    const lates = Array.from({ length: 10 }, (_, at) => aLateClick("r_5", "ad_r_5", at));
    await shard.ingest(lates.map(({ encoded }) => encoded));
    const crowd = lates[7];
    const joined = lates[8];
    if (crowd === undefined || joined === undefined) throw new Error("ten late clicks");
    const whole = { encoded: encodeTokenEvent({ ...crowd.event, count: 3 }) };
    const outcomes = await shard.revise(
      [aRequest(crowd, { from: LATE }), aRequest(joined, { from: LATE }), aRequest(whole, { from: LATE })],
      AUDIT,
    );
    expect(outcomes.map(({ outcome }) => outcome)).toEqual(["wrong_event", "joined", "revised"]);
    expect(await shard.review([{ event: crowd.event.id, choice: "accept" }], "key_op")).toEqual([
      { outcome: "conflict" },
    ]);
    await runDurableObjectAlarm(shard);
    expect(await totals("r_5")).toMatchObject({ gross: 10, invalid: 3, late: 7 });
    const listed = await env.REPORT_DB.prepare(
      "SELECT verdict, reason, decided_by FROM late_clicks WHERE event_id = ?1",
    )
      .bind(crowd.event.id)
      .first();
    expect(listed).toEqual({ ...INVALID, decided_by: "key_audit" });
  });

  it("of a click that was reviewed goes on from the review, and makes no row of one that was never late", async () => {
    const shard = shardNamed("revise-6");
    const [late, click] = [aLateClick("r_6", "ad_r_6"), aClickOn("r_6b")];
    await shard.ingest([late.encoded, click.encoded]);
    await shard.review([{ event: late.event.id, choice: "accept" }], "key_op");
    const accepted: Decision = { verdict: "valid", reason: "late_accepted" };
    const asked = [aRequest(late), aRequest(late, { from: accepted }), aRequest(click)];
    const outcomes = await shard.revise(asked, AUDIT);
    expect(outcomes.map(({ outcome }) => outcome)).toEqual(["wrong_from", "revised", "revised"]);
    expect(await shard.changes(late.event.id)).toMatchObject([
      { n: 0, from: LATE, ...accepted, cause: "review", by: "key_op" },
      { n: 1, from: accepted, ...INVALID, ...AUDIT },
    ]);
    await runDurableObjectAlarm(shard);
    expect(await totals("r_6")).toMatchObject({ gross: 1, valid: 0, invalid: 1, late: 0, spend: 0 });
    const rows = await env.REPORT_DB.prepare("SELECT event_id, verdict FROM late_clicks WHERE event_id IN (?1, ?2)")
      .bind(late.event.id, click.event.id)
      .all();
    expect(rows.results).toEqual([{ event_id: late.event.id, verdict: "invalid" }]);
  });

  it("is newer than the review before it, to the review list too, where the clock was set back between them", async () => {
    const shard = shardNamed("revise-set-back");
    const late = aLateClick("r_back", "ad_r_back");
    await shard.ingest([late.encoded]);
    await shard.review([{ event: late.event.id, choice: "accept" }], "key_op");
    await runDurableObjectAlarm(shard);
    const clock = vi.spyOn(Date, "now").mockReturnValue(Date.now() - 90_000);
    try {
      await shard.revise([aRequest(late, { from: { verdict: "valid", reason: "late_accepted" } })], AUDIT);
    } finally {
      clock.mockRestore();
    }
    await runDurableObjectAlarm(shard);
    const [review, revision] = await shard.changes(late.event.id);
    expect(revision?.atMs).toBeGreaterThanOrEqual(review?.atMs ?? Number.POSITIVE_INFINITY);
    const { results } = await env.REPORT_DB.prepare("SELECT verdict, decided_by FROM late_clicks WHERE event_id = ?1")
      .bind(late.event.id)
      .all();
    expect(results).toEqual([{ verdict: "invalid", decided_by: AUDIT.by }]);
  });

  it("settles a deferred event, whose keys are lost, into gross, and only one of an impression to valid", () =>
    runInDurableObject(shardNamed("revise-7"), async (instance, { storage }) => {
      const [one, two] = [aClickOn("r_7"), aClickOn("r_7")];
      const { index } = shardOn(storage);
      index.transaction(() => index.dropBefore(hourOf(Date.now()) + 1));
      await instance.ingest([one.encoded, two.encoded]);
      const from: Decision = { verdict: "deferred", reason: "key_table_dropped" };
      const asked = [aRequest(one, { from, to: VALID }), aRequest(two, { from, to: VALID })];
      const outcomes = await instance.revise(asked, AUDIT);
      expect(outcomes.map(({ outcome }) => outcome)).toEqual(["revised", "claimed"]);
      const [second] = await instance.revise([aRequest(two, { from, to: DUPLICATE })], AUDIT);
      expect(second).toMatchObject({ outcome: "revised" });
      await instance.sweep();
      expect(await totals("r_7")).toMatchObject({ gross: 2, valid: 1, duplicate: 1, spend: 250_000 });
    }));

  it("is remembered by a storage that is set back to before it: its number, its claim, and who has the impression", async () => {
    const name = "revise-8";
    const [first, second, alone] = [aClickOn("r_8"), aClickOn("r_8"), aClickOn("r_8b")];
    await shardNamed(name).ingest([first.encoded, second.encoded, alone.encoded]);
    const putBack = await copyStorage(shardNamed(name));
    const promote = { encoded: second.encoded, n: 1, from: DUPLICATE };
    const asked = [aRequest(first, { promote }), aRequest(alone)];
    const done = await shardNamed(name).revise(asked, AUDIT);
    await settle(name);
    await putBack();
    vi.spyOn(console, "error").mockImplementation(() => {});
    const shard = shardNamed(name);
    expect(await shard.ingest([first.encoded, second.encoded, alone.encoded])).toBe(0);
    expect(await shard.revise(asked, AUDIT)).toEqual(done);
    expect(await shard.claimant(claimOf(first).key, claimOf(first).hour)).toBe(second.event.id);
    expect(await shard.claimant(claimOf(alone).key, claimOf(alone).hour)).toBeNull();
    await settle(name);
    expect(await totals("r_8")).toMatchObject({ gross: 2, valid: 1, invalid: 1 });
    expect(await archivedLines(name)).toHaveLength(6);
  });
});

class RefusingArchive extends R2Archive {
  override putRules(): Promise<void> {
    return Promise.reject(new Error("no rules"));
  }
}

describe("the rules that lines name", () => {
  it("are in R2 before the first segment that names them, as they are in force", async () => {
    const click = aClickOn("r_9");
    await shardNamed("rules-1").ingest([click.encoded]);
    await settle("rules-1");
    const [line] = await archivedLines("rules-1");
    const { rules } = parseJson(line ?? "") as { rules: string };
    const inForce = rulesInForce(readConfig(env));
    expect(rules).toBe(inForce.id);
    expect(await (await env.ARCHIVE.get(ruleSetKey(rules)))?.text()).toBe(encodeRuleSet(inForce));
  });

  it("do not stop counting while R2 does not take them, and no segment is written without them", () =>
    withShard("rules-2", async (harness) => {
      const archive = new RefusingArchive(env.ARCHIVE);
      harness.log.rules().write({ recorded: [], waiting: { "4-00000000": "{}" } });
      harness.take([aClickOn("r_10").encoded], Date.now());
      await expect(
        flushOnce({ ...harness, archive }, { archiveIntervalMs: 0, postIntervalMs: 0 }, Date.now()),
      ).rejects.toThrow("no rules");
      expect(await totals("r_10")).toMatchObject({ gross: 1 });
      expect(await archivedLines("rules-2")).toEqual([]);
      await flushOnce(harness, { archiveIntervalMs: 0, postIntervalMs: 0 }, Date.now());
      expect(await archivedLines("rules-2")).toHaveLength(1);
      expect(harness.log.rules().read()).toEqual({ recorded: ["4-00000000"], waiting: {} });
      expect(await (await env.ARCHIVE.get(ruleSetKey("4-00000000")))?.text()).toBe("{}");
    }));
});
