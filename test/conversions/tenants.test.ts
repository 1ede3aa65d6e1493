/** A tenant's trouble is that tenant's: its stuck conversions take no turn and no report of anybody else. */
import { createScheduledController, runInDurableObject } from "cloudflare:test";
import { env, exports } from "cloudflare:workers";
import { beforeAll, beforeEach, describe, expect, it } from "vitest";
import { drainSubmissions } from "../../src/conversions/drain.ts";
import { readClickId } from "../../src/core/click-id.ts";
import { HOUR_MS, MINUTE_MS } from "../../src/core/limits.ts";
import { orderKeyOf } from "../../src/core/order.ts";
import { orderShardName } from "../../src/core/routing.ts";
import worker from "../../src/index.ts";
import { DEAD_SUBMISSIONS_PREFIX } from "../../src/queue/dead-letter.ts";
import { putSpooled, SUBMISSION_SPOOL_PREFIX, submissionSpoolKey } from "../../src/queue/submission-spool.ts";
import { submissionHashOf } from "../../src/shard/submission-routing.ts";
import { seedKey, seedTenant } from "../admin/ask.ts";
import { aClickIdentity, aConversion } from "../support/submissions.ts";
import { testSeal } from "../support/tokens.ts";
import { aClickId, aRow, convert, minutesAgo, OPERATOR, send, totalsOf } from "./send.ts";

const real = env.ORDER_SHARD;
const keysBelow = async (prefix: string) => (await env.ARCHIVE.list({ prefix })).objects.map(({ key }) => key);
const rowOf = (name: string) =>
  aRow({ click_id: aClickId({ advertiserId: `adv_${name}`, adId: `ad_${name}`, publisherId: `pub_${name}` }) });

/** Objects that cannot decide on one advertiser's conversions, however often they are asked. */
const poisonedFor = (advertiserId: string) =>
  ({
    getByName: (name: string) => ({
      convert: async (events: string[]) => {
        const outcomes = events.map((event) => {
          const isPoison =
            readClickId((JSON.parse(event) as { click_id: string }).click_id)?.advertiserId === advertiserId;
          return isPoison ? { failure: "undecidable" } : real.getByName(name).convert([event]);
        });
        return (await Promise.all(outcomes)).flat();
      },
    }),
  }) as unknown as typeof real;

async function spoolOf(advertiserId: string, objects: number): Promise<void> {
  const puts = Array.from({ length: objects }, (_, at) => {
    const click = aClickIdentity({ advertiserId, adId: `ad_of_${advertiserId}`, clickedAtMs: minutesAgo(20) });
    const event = aConversion({ orderId: `${advertiserId}-${at}` }, click);
    return putSpooled(env.ARCHIVE, submissionSpoolKey([event]), [event], { tries: 0, dueMs: 0 });
  });
  await Promise.all(puts);
}

const keys = new Map<string, string>();

async function metaFor(name: string): Promise<{ complete: boolean; warnings: { code: string; detail: string }[] }> {
  const [from, to] = [minutesAgo(40), minutesAgo(2)].map((atMs) => new Date(atMs).toISOString());
  const url = `https://track.example/v1/reports/clicks?from=${from}&to=${to}&metrics=conversions`;
  const key = keys.get(name) ?? OPERATOR;
  const response = await exports.default.fetch(url, { headers: { Authorization: `Bearer ${key}` } });
  return (await response.json<{ meta: { complete: boolean; warnings: { code: string; detail: string }[] } }>()).meta;
}

beforeAll(async () => {
  for (const name of ["loud", "quiet", "buried", "unburied"]) {
    await seedTenant(name);
    keys.set(name, (await seedKey({ advertiserId: `adv_${name}`, scopes: ["report", "convert"] })).key);
    keys.set(`pub_${name}`, (await seedKey({ publisherId: `pub_${name}`, scopes: ["report"] })).key);
  }
});

beforeEach(async () => {
  for (const prefix of [SUBMISSION_SPOOL_PREFIX, DEAD_SUBMISSIONS_PREFIX]) {
    for (const key of await keysBelow(prefix)) await env.ARCHIVE.delete(key);
  }
});

describe("[attack 2] a tenant whose conversions stick", () => {
  it("holds back its own report and its publisher's, and nobody else's, through the whole Worker", async () => {
    const row = rowOf("loud");
    const click = readClickId(row.click_id);
    if (click === null) throw new Error("the click id is one");
    const hash = await submissionHashOf(env.ARCHIVE);
    const name = orderShardName(hash(orderKeyOf({ click, kind: "purchase", orderId: row.order_id })));
    await runInDurableObject(real.getByName(name), (_, { storage }) =>
      storage.sql.exec("ALTER TABLE log_a RENAME TO gone"),
    );
    expect(await convert([row], { key: keys.get("loud") ?? "" })).toEqual(["accepted"]);
    await worker.scheduled(createScheduledController({ scheduledTime: new Date() }), env);
    expect(await keysBelow(`${SUBMISSION_SPOOL_PREFIX}adv_loud/`)).toHaveLength(1);
    await runInDurableObject(real.getByName(name), (_, { storage }) =>
      storage.sql.exec("ALTER TABLE gone RENAME TO log_a"),
    );
    // The click is of ten minutes ago, its conversion of now: whoever waits for it is complete up to now alone.
    for (const key of ["quiet", "pub_quiet"]) expect([key, (await metaFor(key)).complete]).toEqual([key, true]);
    await env.ARCHIVE.delete(await keysBelow(SUBMISSION_SPOOL_PREFIX));
    const old = aConversion(
      { receivedAtMs: minutesAgo(30) },
      aClickIdentity({ advertiserId: "adv_loud", publisherId: "pub_loud" }),
    );
    await putSpooled(env.ARCHIVE, submissionSpoolKey([old]), [old], { tries: 3, dueMs: Date.now() + HOUR_MS });
    await scheduler.wait(2_100);
    const seen = await Promise.all(
      ["loud", "pub_loud", "admin", "quiet", "pub_quiet"].map(async (key) => [key, (await metaFor(key)).complete]),
    );
    expect(Object.fromEntries(seen)).toEqual({
      loud: false,
      pub_loud: false,
      admin: false,
      quiet: true,
      pub_quiet: true,
    });
  });

  it("[attack 19] takes nobody's turn with hundreds of objects: the other's are drained in the same run", async () => {
    await spoolOf("adv_loud", 250);
    await spoolOf("adv_quiet", 3);
    const ports = { orders: poisonedFor("adv_loud"), archive: env.ARCHIVE, seal: testSeal };
    const nowMs = Date.now();
    expect(await drainSubmissions(ports, nowMs, { objectsMax: 5 })).toBe(3);
    expect(await keysBelow(`${SUBMISSION_SPOOL_PREFIX}adv_quiet/`)).toEqual([]);
    // Also where a run ends early: turns go round, so nobody waits for more than the others' first objects.
    await spoolOf("adv_quiet", 1);
    expect(await drainSubmissions(ports, nowMs + MINUTE_MS, { callsMax: 2 })).toBe(1);
  });
});

describe("[attack 2] what cannot be decided", () => {
  it("is tried less and less often, then buried under its tenant's name, who alone is warned, and can be replayed", async () => {
    await spoolOf("adv_buried", 1);
    const ports = { orders: poisonedFor("adv_buried"), archive: env.ARCHIVE, seal: testSeal };
    const startMs = Date.now();
    const triedAt: number[] = [];
    for (let minute = 0; minute < 40; minute++) {
      const [before] = (await env.ARCHIVE.list({ prefix: SUBMISSION_SPOOL_PREFIX })).objects;
      await drainSubmissions(ports, startMs + minute * MINUTE_MS);
      const [after] = (await env.ARCHIVE.list({ prefix: SUBMISSION_SPOOL_PREFIX })).objects;
      if (before?.etag !== after?.etag || before?.uploaded.getTime() !== after?.uploaded.getTime())
        triedAt.push(minute);
      if (after === undefined) break;
    }
    expect(triedAt).toEqual([0, 1, 3, 7, 15]);
    const [key = ""] = await keysBelow(`${DEAD_SUBMISSIONS_PREFIX}adv_buried/`);
    expect(key).toMatch(/\/reason=submission_undecidable\/dt=[\d-]+\/.*-0\.json$/);
    await scheduler.wait(2_100);
    const warned = async (name: string) => (await metaFor(name)).warnings.map(({ code }) => code);
    expect(await warned("buried")).toEqual(["conversions_undecided"]);
    for (const name of ["unburied", "pub_buried", "pub_unburied"]) expect(await warned(name)).toEqual([]);
    const listed = await send("/v1/admin/dead-letters?limit=1");
    expect(JSON.parse(listed.text)).toMatchObject({ letters: [{ key, reason: "submission_undecidable" }] });
    const replay = () => send("/v1/admin/dead-letters/replay", { method: "POST", body: { keys: [key] } });
    expect(JSON.parse((await replay()).text)).toEqual({
      results: [{ key, outcome: "replayed", events: 1, counted: 1 }],
    });
    expect(JSON.parse((await replay()).text)).toEqual({ results: [{ key, outcome: "refused", reason: "not_found" }] });
    expect(await totalsOf("ad_of_adv_buried")).toMatchObject({ conversions: 1 });
    expect(await keysBelow(DEAD_SUBMISSIONS_PREFIX)).toEqual([]);
  });
});
