/** The review list over three report databases: one list for the operator, its own for a tenant, decisions in any. */
import { runDurableObjectAlarm } from "cloudflare:test";
import { env } from "cloudflare:workers";
import { beforeAll, beforeEach, describe, expect, it } from "vitest";
import { apiApp } from "../../src/api/app.ts";
import { makeEventId } from "../../src/core/event-id.ts";
import type { LateClicks } from "../../src/core/late-click.ts";
import { encodeTokenEvent } from "../../src/core/token-event.ts";
import { D1Facts } from "../../src/facts/d1-facts.ts";
import { ADMIN } from "../report/ask.ts";
import { aCell, seedKey } from "../report/seed.ts";
import { aClick, NOON_MS, serialBytes } from "../support/builders.ts";
import { postTo } from "../support/post-to.ts";
import {
  assignHomes,
  bindingsWithout,
  databaseOf,
  HOMES,
  NAMES,
  postHomes,
  seedHomes,
  tellingBindings,
} from "./spread.ts";

const ADVERTISERS = Object.keys(HOMES);
const desk = apiApp();
const keys: Record<string, string> = {};

type Listed = { readonly id: string; readonly advertiserId: string; readonly status: string };
type Body = { lateClicks: Listed[]; next: string | null; results: Record<string, unknown>[]; type?: string };

async function call(path: string, init: RequestInit = {}, bindings: Env = env) {
  const response = await desk.request(
    `https://clicks.example/v1/late-clicks${path}`,
    { headers: { Authorization: ADMIN }, ...init },
    bindings,
  );
  return { status: response.status, body: (await response.json()) as Body };
}

const asTenant = (id: string) => ({ headers: { Authorization: keys[id] ?? "" } });

/** Three late clicks of each advertiser in turn, a second apart; every fourth is decided. */
const LATES = Array.from({ length: 12 }, (_, at) => {
  const receivedAtMs = NOON_MS + at * 1_000;
  return {
    ...{ eventId: makeEventId({ receivedAtMs, routingHash: 7 - (at % 5) }, serialBytes()), receivedAtMs },
    ...{ advertiserId: ADVERTISERS[at % 4] ?? "", campaignId: "cmp_7", adId: "ad_9", publisherId: "pub_1" },
    ...{ clicks: 1, cpcMicros: 1, occurredAtMs: NOON_MS - 600_000, reason: null, review: null },
    verdict: at % 4 === 3 ? ("valid" as const) : ("late" as const),
  };
});
const IDS: string[] = LATES.map(({ eventId }) => eventId);

beforeAll(async () => {
  await assignHomes();
  for (const id of ADVERTISERS) {
    keys[id] = await seedKey(env.REPORT_DB, { name: id.replace("_", ""), advertiserId: id, scopes: ["report"] });
  }
});

beforeEach(async () => {
  await seedHomes([]);
  await postHomes(ADVERTISERS.map((advertiser_id) => aCell({ advertiser_id })));
  for (const name of NAMES) {
    await databaseOf(name).prepare("DELETE FROM late_clicks").run();
    const ours = LATES.filter(({ advertiserId }) => HOMES[advertiserId] === name);
    const lates: LateClicks = new Map(ours.map((late) => [late.eventId, late]));
    await postTo(new D1Facts(databaseOf(name), () => NOON_MS), { source: "late/test", shard: "clicks-0", lates });
  }
});

describe("the review list over three databases", () => {
  it("is one list in order of receipt, page by page, for the operator", async () => {
    for (const limit of [1, 2, 4, 5, 100]) {
      const seen: string[] = [];
      for (let after = ""; ; ) {
        const { body } = await call(`?status=all&limit=${limit}${after}`);
        expect(body.lateClicks.length).toBeLessThanOrEqual(limit);
        seen.push(...body.lateClicks.map(({ id }) => id));
        if (body.next === null) break;
        after = `&after=${body.next}`;
      }
      expect(seen).toEqual(IDS);
    }
    const waiting = await call("?limit=4");
    expect(waiting.body.lateClicks.map(({ id }) => id)).toEqual([0, 1, 2, 4].map((at) => IDS[at]));
    const decided = await call("?status=decided");
    expect(decided.body.lateClicks.map(({ id }) => id)).toEqual([3, 7, 11].map((at) => IDS[at]));
  });

  it("is a tenant's own, from its own database", async () => {
    const { bindings, told } = tellingBindings();
    const { body } = await call("?status=all", asTenant("adv_2"), bindings);
    expect(body.lateClicks.map(({ id }) => id)).toEqual([1, 5, 9].map((at) => IDS[at]));
    const reading = NAMES.filter((name) => told[name].some((sql) => sql.includes("late_clicks")));
    expect([reading, told.REPORT_DB_2]).toEqual([["REPORT_DB_1"], []]);
  });

  it("is 503 where a database that it needs is not bound", async () => {
    const bindings = bindingsWithout("REPORT_DB_2");
    expect(await call("", {}, bindings)).toMatchObject({
      status: 503,
      body: { type: "/problems/database-unavailable" },
    });
    expect((await call("", asTenant("adv_3"), bindings)).status).toBe(503);
    expect((await call("", asTenant("adv_2"), bindings)).status).toBe(200);
  });
});

describe("decisions over three databases", () => {
  const shard = env.EVENT_SHARD.getByName("clicks-0");

  /** A click of an advertiser that its client reports ten minutes after it happened. */
  function aLate(adv: string) {
    const nowMs = Date.now();
    const [iat, exp] = [Math.floor(nowMs / 1_000) - 900, Math.floor(nowMs / 1_000) + 3_600];
    const times = { receivedAtMs: nowMs, occurredAtMs: nowMs - 600_000 };
    return aClick({ ...times, clock: "client" }, { adv, jti: `late_${adv}`, ad: `ad_of_${adv}`, iat, exp });
  }

  it("find the shard of each click, whichever database lists it, and are on record in the primary alone", async () => {
    const events = ["adv_1", "adv_2", "adv_3"].map(aLate);
    await shard.ingest(events.map(encodeTokenEvent));
    await runDurableObjectAlarm(shard);
    const decisions = events.map(({ id }, at) => ({ id, decision: at === 1 ? "reject" : "accept" }));
    const unknown = { id: makeEventId({ receivedAtMs: NOON_MS, routingHash: 1 }, serialBytes()), decision: "accept" };
    const { body } = await call("", {
      method: "POST",
      headers: { Authorization: ADMIN },
      body: JSON.stringify({ decisions: [...decisions, unknown] }),
    });
    expect(body.results).toMatchObject([
      ...decisions.map(({ id }) => ({ id, outcome: "decided" })),
      { id: unknown.id, outcome: "unknown" },
    ]);
    await runDurableObjectAlarm(shard);
    for (const [at, adv] of ["adv_1", "adv_2", "adv_3"].entries()) {
      const decided = (await call("?status=decided", asTenant(adv))).body.lateClicks;
      expect(decided.map(({ id }) => id)).toContain(events[at]?.id);
    }
    const entries = await Promise.all(
      NAMES.map((name) =>
        databaseOf(name)
          .prepare("SELECT count(*) AS entries FROM audit_log WHERE subject_kind = 'late_clicks'")
          .first<{ entries: number }>(),
      ),
    );
    expect(entries.map((row) => row?.entries)).toEqual([1, 0, 0]);
  });
});
