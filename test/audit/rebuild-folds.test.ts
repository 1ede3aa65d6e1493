/** A lost report database, filled again from folds of old days and from the lines behind them. */

import { env } from "cloudflare:workers";
import { sha256 } from "@noble/hashes/sha2.js";
import { beforeEach, describe, expect, it } from "vitest";
import type { AuditReport } from "../../src/audit/audit-report.ts";
import { Figures, toStored } from "../../src/audit/figures.ts";
import { R2FoldedLog } from "../../src/audit/fold-log.ts";
import { factsOfRows } from "../../src/audit/folds.ts";
import { encodeUtf8 } from "../../src/core/base64url.ts";
import { makeClickId } from "../../src/core/click-id.ts";
import { encodeConversion } from "../../src/core/conversion.ts";
import { type Facts, foldEntry, widenFacts } from "../../src/core/facts.ts";
import { encodeImpressionCounts } from "../../src/core/impression-counts.ts";
import { DAY_MS, MINUTE_MS } from "../../src/core/limits.ts";
import { EXACT_USERS_MAX, elementOf } from "../../src/core/sketch.ts";
import { encodeDeltas } from "../../src/facts/d1-facts.ts";
import { Directory } from "../../src/facts/directory.ts";
import { rebuild } from "../../src/facts/rebuild.ts";
import { rollAll } from "../../src/facts/roll.ts";
import { aSignedClick, count, startOver } from "../support/audited.ts";
import { CRAWLER } from "../support/builders.ts";
import { closeDay, dayOn, deleteBelow, everything } from "../support/log-days.ts";
import { loggedOf } from "../support/logged.ts";
import { aClickIdentity, aConversion, someCounts } from "../support/submissions.ts";
import { testRing } from "../support/tokens.ts";
import { wipeFacts } from "../support/wipe-facts.ts";

const [FIRST, SECOND, THIRD] = [dayOn(0), dayOn(1), dayOn(2)];
const SPEC = { advertiser: 1, ad: 1, publisher: 1, country: "DE", count: 1 };
const OTHERS = ["log_days", "advertiser_directory"];

beforeEach(startOver);

const roll = () => rollAll(env.REPORT_DB, Date.parse(THIRD) + 4 * DAY_MS);
const user = (name: string) => ({ userAgent: `Mozilla/5.0 (X11; Linux x86_64) ${name}` });

/** Clicks of some people, doubled, by a crawler; a purchase; and impressions that an ad server counted. */
async function someTraffic(name: string): Promise<void> {
  const click = await aSignedClick({}, { uid: `${name}_1` });
  const again = { ...click, id: (await aSignedClick()).id };
  await count([click, again, await aSignedClick({ userAgent: CRAWLER }), await aSignedClick(user("x"), { uid: name })]);
  await count([await aSignedClick({}, { uid: name, adv: "adv_2", ad: "ad_2" })]);
  const nowMs = Date.now();
  const identity = aClickIdentity({ clickedAtMs: nowMs - 10 * MINUTE_MS });
  const conversion = aConversion({ orderId: name, occurredAtMs: nowMs }, identity);
  const clickId = makeClickId(identity, await testRing());
  const orders = env.ORDER_SHARD.getByName("orders-5");
  await orders.convert([encodeConversion({ ...conversion, clickId })]);
  const counts = env.COUNTS_SHARD.getByName("counts-3");
  const counted = someCounts({
    batchId: name,
    minuteAtMs: Math.floor(nowMs / MINUTE_MS) * MINUTE_MS,
    receivedAtMs: nowMs,
  });
  const key = name.replaceAll(/[^0-9a-f]/g, "").padEnd(32, "0");
  await counts.upload({ key, content: "c", encodedRows: [encodeImpressionCounts(counted)] });
  await orders.archiveNow();
  await counts.archiveNow();
}

/** One that remembers nothing of a database that was lost. */
function aDirectory(): Directory {
  const { REPORT_DB: lost } = env;
  const fresh = { prepare: (sql: string) => lost.prepare(sql), batch: (of: D1PreparedStatement[]) => lost.batch(of) };
  return new Directory({ REPORT_DB: fresh as D1Database });
}

async function rebuilt(linesFrom: string, steps = Number.POSITIVE_INFINITY) {
  const directory = aDirectory();
  let nowMs = 0;
  const ports = {
    ...{ database: env.REPORT_DB, name: "REPORT_DB", bucket: env.ARCHIVE, linesFrom },
    folded: new R2FoldedLog(env.ARCHIVE, env.REPORT_DB),
    assign: (ids: readonly string[]) => directory.assign(ids, { newTo: ["REPORT_DB"], nowMs: 1 }),
    clock: () => nowMs++,
  };
  let calls = 0;
  for (let after: string | null = ""; after !== null; calls++) {
    nowMs = 0;
    after = (await rebuild(ports, { after, untilMs: steps })).next;
  }
  return calls;
}

async function lose(): Promise<void> {
  await wipeFacts(env.REPORT_DB);
  await env.REPORT_DB.batch(OTHERS.map((table) => env.REPORT_DB.prepare(`DELETE FROM ${table}`)));
}

describe("a report database of days whose lines are gone", () => {
  let reports: AuditReport[] = [];

  /** Two audited days whose lines are gone, one whose lines are there, and a log that goes on behind it. */
  async function threeDays(): Promise<Awaited<ReturnType<typeof everything>>> {
    reports = [];
    for (const day of [FIRST, SECOND, THIRD]) {
      await someTraffic(day);
      if (day === THIRD) await count([await aSignedClick({ occurredAtMs: Date.now() - 10 * MINUTE_MS })]);
      await roll();
      reports.push(await closeDay(day));
    }
    await someTraffic("behind");
    await roll();
    await aDirectory().assign(["adv_1", "adv_2"], { newTo: ["REPORT_DB"], nowMs: 1 });
    for (const day of [FIRST, SECOND]) expect(await deleteBelow(`raw/v1/dt=${day}/`)).toBeGreaterThan(3);
    return everything(env.REPORT_DB);
  }

  it("is what it was, table by table, after many short calls, and the audit of the next day is clean", async () => {
    const before = await threeDays();
    expect(reports.map(({ outcome, found }) => [outcome, found])).toEqual(Array(3).fill(["clean", {}]));
    expect(before["late_clicks"]).toHaveLength(1);
    expect(before["facts_day"]?.length).toBeGreaterThan(1);
    await lose();
    expect(await rebuilt(THIRD, 1)).toBeGreaterThan(10);
    await roll();
    expect(await everything(env.REPORT_DB)).toEqual(before);
    await rebuilt(THIRD);
    expect(await everything(env.REPORT_DB)).toEqual(before);
    expect(await closeDay(dayOn(3))).toMatchObject({ outcome: "clean", found: {} });
  });

  it("takes its folds of a young day too, from the first on, where a segment of it is lost", async () => {
    const before = await threeDays();
    const { objects } = await env.ARCHIVE.list({ prefix: `raw/v1/dt=${THIRD}/` });
    await env.ARCHIVE.delete(objects.at(-1)?.key ?? "");
    await lose();
    await rebuilt(THIRD);
    await roll();
    expect({ ...(await everything(env.REPORT_DB)), late_clicks: before["late_clicks"] }).toEqual(before);
  });

  /** Puts a copy of an object back. */
  async function copyOf(key: string): Promise<() => Promise<void>> {
    const object = await env.ARCHIVE.get(key);
    const bytes = await object?.arrayBuffer();
    return async () => void (await env.ARCHIVE.put(key, bytes ?? "", { customMetadata: object?.customMetadata ?? {} }));
  }

  it("names what is gone or was edited, loses nothing, and goes on when that is back", async () => {
    const before = await threeDays();
    const keys = (await env.ARCHIVE.list({ prefix: `folds/v1/dt=${SECOND}/` })).objects.map(({ key }) => key);
    const [fold, list, index] = [/clicks-\d.*parquet/, /lists.clicks-/, /index/].map((name) =>
      keys.find((key) => name.test(key)),
    );
    const other = keys.find((key) => key.endsWith(".parquet") && key !== fold);
    for (const key of [fold, list, index, `seals/v1/dt=${SECOND}.json`]) {
      if (key === undefined) throw new Error("a fold, a list and an index are there");
      for (const change of ["delete", "edit"]) {
        if (key.includes("seals/") === (change === "edit") && !key.endsWith(".parquet")) continue;
        const putBack = await copyOf(key);
        const bytes = await (await env.ARCHIVE.get(key.endsWith(".parquet") ? (other ?? "") : key))?.text();
        if (change === "delete") await env.ARCHIVE.delete(key);
        else await env.ARCHIVE.put(key, `${bytes} `);
        await lose();
        await expect(rebuilt(THIRD), key).rejects.toThrow(key);
        await putBack();
      }
    }
    // What was posted before it stopped is not posted again.
    await rebuilt(THIRD);
    await roll();
    expect(await everything(env.REPORT_DB)).toEqual(before);
  });

  it.each([
    ["was never audited", async () => void (await deleteBelow(`audits/v1/dt=${SECOND}/`))],
    [
      "is blocked",
      async () => {
        const [last] = (await env.ARCHIVE.list({ prefix: `audits/v1/dt=${SECOND}/0001.json` })).objects;
        const report = await (await env.ARCHIVE.get(last?.key ?? ""))?.text();
        const blocked = report?.replaceAll('"clean"', '"blocked"').replace('"attempt":1', '"attempt":2');
        await env.ARCHIVE.put(`audits/v1/dt=${SECOND}/0002.json`, blocked ?? "");
      },
    ],
  ])("of which one %s stops at that day, and says so", async (_, change) => {
    await threeDays();
    await change();
    await lose();
    await expect(rebuilt(THIRD)).rejects.toThrow(SECOND);
    const { results } = await env.REPORT_DB.prepare("SELECT sum(gross) AS gross FROM facts_minute").all();
    expect(results).toEqual([{ gross: 5 }]);
  });
});

describe("a fold", () => {
  it("gives back what was added up, whether its users are few or many", () => {
    for (const users of [0, 1, EXACT_USERS_MAX, EXACT_USERS_MAX + 60]) {
      const facts: Facts = new Map();
      foldEntry(facts, loggedOf({ ...SPEC, decision: { verdict: "valid", reason: null }, minute: 3 }, 1));
      const [row] = facts.values();
      row?.users.clear();
      for (let at = 0; at < users; at++) row?.users.add(elementOf(sha256(encodeUtf8(`user ${at}`))));
      const figures = new Figures();
      figures.addFacts(facts);
      const stored = Array.from(figures.rows.values(), toStored);
      expect(JSON.parse(encodeDeltas(factsOfRows(stored))), `${users} users`).toEqual(JSON.parse(encodeDeltas(facts)));
      const days = [facts, factsOfRows(stored)].map((each) => JSON.parse(encodeDeltas(widenFacts(each, 1_440))));
      expect(days[1]).toEqual(days[0]);
    }
  });
});
