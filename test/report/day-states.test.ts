/** Days by what their audits found: in rows, series, files and beside them, to operators and to tenants. */
import { env } from "cloudflare:workers";
import { beforeAll, beforeEach, describe, expect, it } from "vitest";
import type { AuditReport } from "../../src/audit/audit-report.ts";
import { markBilled } from "../../src/audit/billed-until.ts";
import { markAudited, markSealed } from "../../src/audit/log-days.ts";
import { DAY_MS, HOUR_MS } from "../../src/core/limits.ts";
import { isoDay } from "../../src/core/time.ts";
import { NOON_MS } from "../support/builders.ts";
import { ask, askWhole } from "./ask.ts";
import { aCell, seedCells, seedKey } from "./seed.ts";

/** Of April; the 20th is today. */
const dayMs = (day: number) => Date.UTC(2026, 3, day);
const RANGE = "from=2026-04-15&to=2026-04-20";
const NO_COST = {
  ...{ events: 0, segments: 0, objectsRead: 0, objectsWritten: 0, objectLists: 0, statements: 0, rowsRead: 0 },
  steps: 0,
};
let tenant = "";

async function audited(day: number, outcome: "clean" | "blocked", attempt = 1): Promise<void> {
  const name = isoDay(dayMs(day));
  const examples = [{ kind: "fact_missing", where: "REPORT_DB/facts_minute/x", detail: "One click less." }] as const;
  const report: AuditReport = {
    ...{ v: 1, id: `${name}/000${attempt}`, day: name, attempt, outcome, sealedAtMs: 1, startedAtMs: 1, endedAtMs: 2 },
    found: outcome === "clean" ? {} : { fact_missing: { count: 3, examples } },
    ...{ accepted: [], mendedOn: null, folds: "", cost: NO_COST },
  };
  await markSealed(env.REPORT_DB, name, 1);
  await markAudited(env.REPORT_DB, report);
}

const statesOf = async (path: string, authorization?: string) =>
  (await askWhole(path, authorization === undefined ? {} : { authorization })).rows.map(({ state }) => state);

beforeAll(async () => {
  await seedCells(
    env.REPORT_DB,
    [15, 16, 17, 18, 19, 20].map((day) => aCell({ atMs: dayMs(day) + HOUR_MS, counts: { gross: 1, valid: 1 } })),
  );
  tenant = await seedKey(env.REPORT_DB, { name: "own", advertiserId: "adv_1", scopes: ["report"] });
});

beforeEach(async () => {
  await env.REPORT_DB.prepare("DELETE FROM log_days").run();
});

describe("a report by day", () => {
  it("says of each row how far its day is audited: a day and its grace, which is another log day", async () => {
    expect(await statesOf(`/v1/reports/clicks?${RANGE}&group_by=day`)).toEqual([
      ...["provisional", "provisional", "provisional", "provisional", "provisional", "open"],
    ]);
    for (const day of [15, 16, 17]) await audited(day, "clean");
    await audited(18, "blocked");
    expect(await statesOf(`/v1/reports/clicks?${RANGE}&group_by=day`)).toEqual([
      ...["reconciled", "reconciled", "blocked", "blocked", "blocked", "open"],
    ]);
    await audited(18, "clean", 2);
    expect(await statesOf(`/v1/reports/clicks?${RANGE}&group_by=day`)).toEqual([
      ...["reconciled", "reconciled", "reconciled", "provisional", "provisional", "open"],
    ]);
  });

  it("says to an advertiser what is on its statements, and to no other", async () => {
    for (const day of [15, 16, 17]) await audited(day, "clean");
    await markBilled(env.REPORT_DB, "adv_1", dayMs(16)).run();
    await markBilled(env.REPORT_DB, "adv_2", dayMs(17)).run();
    const path = `/v1/reports/clicks?${RANGE}&group_by=day`;
    const [first, second] = await statesOf(path, tenant);
    expect([first, second]).toEqual(["billed", "reconciled"]);
    expect((await statesOf(path)).includes("billed")).toBe(false);
    await env.REPORT_DB.prepare("DELETE FROM billed_until").run();
  });

  it("gives a week, a month and the whole range the least state of its days, by the days of the zone", async () => {
    for (const day of [15, 16, 17, 18, 19]) await audited(day, "clean");
    const closed = "from=2026-04-13&to=2026-04-18";
    expect(await statesOf(`/v1/reports/clicks?${closed}&group_by=week`)).toEqual(["reconciled"]);
    expect(await statesOf(`/v1/reports/clicks?${RANGE}&group_by=week`)).toEqual(["provisional", "open"]);
    expect(await statesOf(`/v1/reports/clicks?${closed}&group_by=month`)).toEqual(["reconciled"]);
    expect(await statesOf(`/v1/reports/clicks?${RANGE}&group_by=month`)).toEqual(["open"]);
    expect((await askWhole(`/v1/reports/clicks?${closed}`)).meta["state"]).toBe("reconciled");
    // In Hawaii the 18th ends ten hours later, in the grace of a log day that is not audited.
    const hawaii = "&timezone=Pacific/Honolulu&group_by=day";
    expect(await statesOf(`/v1/reports/clicks?from=2026-04-17&to=2026-04-18${hawaii}`)).toEqual([
      ...["reconciled", "provisional"],
    ]);
  });

  it("has no state of its own by the hour, and the range in parts for every granularity", async () => {
    for (const day of [15, 16, 17]) await audited(day, "clean");
    const { rows, meta } = await askWhole(`/v1/reports/clicks?${RANGE}&group_by=hour`);
    expect(rows.some((row) => "state" in row)).toBe(false);
    expect(meta["state"]).toBe("open");
    expect(meta["states"]).toEqual([
      { state: "reconciled", from: "2026-04-15T00:00:00Z", to: "2026-04-17T00:00:00Z" },
      { state: "provisional", from: "2026-04-17T00:00:00Z", to: String(meta["watermark"]) },
      { state: "open", from: String(meta["watermark"]), to: "2026-04-21T00:00:00Z" },
    ]);
  });

  it("is so in series, CSV and NDJSON", async () => {
    for (const day of [15, 16, 17]) await audited(day, "clean");
    const range = "from=2026-04-16&to=2026-04-17";
    const { series } = await askWhole(`/v1/metrics/clicks?${range}`);
    expect(series[0]?.points.map(({ state }) => state)).toEqual(["reconciled", "provisional"]);
    const csv = await ask(`/v1/reports/clicks?${range}&group_by=day&format=csv&compare=previous_period`);
    expect([csv.headers.get("X-Report-State"), await csv.text()]).toEqual([
      "provisional",
      "day,clicks,previous.clicks,state\r\n2026-04-16,1,0,reconciled\r\n2026-04-17,1,1,provisional\r\n",
    ]);
    const ofSeries = await (await ask(`/v1/metrics/clicks?${range}&format=csv`)).text();
    expect(ofSeries).toBe("day,clicks,state\r\n2026-04-16,1,reconciled\r\n2026-04-17,1,provisional\r\n");
    const [line] = (await (await ask(`/v1/reports/clicks?${range}&group_by=day&format=ndjson`)).text()).split("\n");
    expect(line).toBe('{"day":"2026-04-16T00:00:00Z","clicks":1,"state":"reconciled"}');
  });

  it("gets another ETag when its state changes, although no figure does", async () => {
    const path = "/v1/reports/clicks?from=2026-04-15&to=2026-04-16&group_by=day";
    const before = (await ask(path)).headers.get("ETag");
    for (const day of [15, 16, 17]) await audited(day, "clean");
    expect(before).toMatch(/^W\//);
    expect((await ask(path)).headers.get("ETag")).not.toBe(before);
  });
});

describe("a blocked log day", () => {
  const warningsOf = async (range: string, authorization?: string) =>
    (await askWhole(`/v1/reports/clicks?${range}`, authorization === undefined ? {} : { authorization })).meta.warnings;

  it("is told to the operator with what was found, and to a tenant as a day that is looked into", async () => {
    await audited(15, "clean");
    await audited(16, "blocked");
    expect(await warningsOf("from=2026-04-15&to=2026-04-16")).toEqual([
      {
        code: "days_blocked",
        detail: "Audits are blocked: 2026-04-16 (3 fact_missing). GET /v1/admin/audits/<day> has what was found.",
      },
    ]);
    expect(await warningsOf("from=2026-04-15&to=2026-04-16", tenant)).toEqual([
      {
        code: "days_blocked",
        detail:
          "The audit of what was recorded on 2026-04-16 is not finished: figures of the range may still be corrected.",
      },
    ]);
  });

  it("is not told of ranges that do not need it", async () => {
    await audited(15, "clean");
    await audited(16, "clean");
    await audited(17, "blocked");
    expect(await warningsOf("from=2026-04-14&to=2026-04-15", tenant)).toEqual([]);
    expect(await statesOf("/v1/reports/clicks?from=2026-04-14&to=2026-04-15&group_by=day")).toEqual(["reconciled"]);
  });
});

describe("log days", () => {
  it("are read once in some seconds by an isolate, one row a day, and charged to nobody", async () => {
    const values = Array.from(
      { length: 400 },
      (_, at) => `('${isoDay(NOON_MS - (at + 2) * DAY_MS)}','clean',1,1,1,'{}')`,
    );
    await env.REPORT_DB.exec(
      `INSERT INTO log_days (day, state, attempt, sealed_at_ms, audited_at_ms, found) VALUES ${values.join()}`,
    );
    const { meta } = await askWhole("/v1/reports/clicks?from=2026-04-15&to=2026-04-16&group_by=day", {
      authorization: tenant,
    });
    expect(meta["state"]).toBe("reconciled");
    expect(meta.rowsRead).toBeLessThan(100);
  });

  it("that cannot be read leave every day provisional, which is said", async () => {
    for (const day of [15, 16, 17]) await audited(day, "clean");
    const failing = new Proxy(env.REPORT_DB, {
      get: (target, name) => {
        const member = Reflect.get(target, name) as unknown;
        if (name !== "prepare") return typeof member === "function" ? member.bind(target) : member;
        return (sql: string) => target.prepare(sql.includes("FROM log_days") ? "SELECT nothing" : sql);
      },
    });
    const { rows, meta } = await askWhole("/v1/reports/clicks?from=2026-04-15&to=2026-04-16&group_by=day", {
      database: failing,
    });
    expect(rows.map(({ state }) => state)).toEqual(["provisional", "provisional"]);
    expect(meta.warnings.map(({ code }) => code)).toEqual(["day_states_unknown"]);
  });
});
