/** The operator's routes for audits: days, reports, starting one, and losses that are accepted by name. */
import { env } from "cloudflare:workers";
import { beforeEach, describe, expect, it } from "vitest";
import { lossPrefix } from "../../src/audit/objects.ts";
import { readConfig } from "../../src/config.ts";
import { runAudit } from "../../src/operator/audits.ts";
import { ask } from "../admin/ask.ts";
import { FOUND, seedBlockedDay } from "../openapi/seed-audits.ts";
import { aSignedClick, audit, count, startOver, TODAY } from "../support/audited.ts";

const DAY = "2026-04-19";
const [LOST, SHORT] = FOUND.map(({ where }) => where);
const REASON = "The bucket was restored from a copy of the day before.";
const accept = (object: unknown, reason: unknown = REASON, day = DAY) =>
  ask(`POST /v1/admin/audits/${day}/losses`, { body: { object, reason } });

beforeEach(async () => {
  await startOver();
  await seedBlockedDay(env, DAY);
});

describe("audits", () => {
  it("are listed by day, within the dates that are asked", async () => {
    await seedBlockedDay(env, "2026-04-20");
    const daysOf = async (query: string) => {
      const { body } = await ask(`GET /v1/admin/audits${query}`);
      return (body as { days: { day: string }[] }).days.map(({ day }) => day);
    };
    expect(await daysOf("")).toEqual([DAY, "2026-04-20"]);
    expect(await daysOf("?from=2026-04-20")).toEqual(["2026-04-20"]);
    expect(await daysOf("?to=2026-04-19")).toEqual([DAY]);
    expect(await daysOf("?from=2026-04-21")).toEqual([]);
    const { body } = await ask("GET /v1/admin/audits");
    expect((body as { days: object[] }).days[0]).toMatchObject({
      ...{ state: "blocked", attempt: 1, found: { segment_missing: 1, fact_missing: 1 } },
      auditedAt: "2026-04-21T00:05:00.000Z",
    });
    for (const wrong of ["?from=today", "?to=2026-02-30", "?day=2026-04-20"]) {
      expect((await ask(`GET /v1/admin/audits${wrong}`)).status, wrong).toBe(400);
    }
  });

  it("of a day show what was found, by what it is mended, and only of days that there are", async () => {
    const { status, body } = await ask(`GET /v1/admin/audits/${DAY}`);
    expect(status).toBe(200);
    expect(body).toMatchObject({
      ...{ day: DAY, state: "blocked", losses: [] },
      audits: [
        {
          ...{ id: `${DAY}/0001`, outcome: "blocked" },
          found: [
            { kind: "segment_missing", count: 1, mendedBy: "accepted_loss", examples: [FOUND[0]] },
            { kind: "fact_missing", count: 1, mendedBy: "repair", examples: [FOUND[1]] },
          ],
        },
      ],
    });
    for (const none of ["2026-04-18", "2026-4-19", "yesterday", "2026-02-30"]) {
      expect((await ask(`GET /v1/admin/audits/${none}`)).status, none).toBe(404);
    }
  });

  it.each([
    ["2019-01-01", 404, "day-without-log"],
    ["2099-01-01", 409, "day-not-over"],
    ["2026-13-01", 400, "invalid-value"],
    [20_260_419, 400, "invalid-value"],
  ])("of %s are not started: %i %s", async (day, status, problem) => {
    await count([await aSignedClick()]);
    const answer = await ask("POST /v1/admin/audits", { body: { day } });
    expect([answer.status, (answer.body as { type: string }).type]).toEqual([status, `/problems/${problem}`]);
  });
});

describe("an audit", () => {
  it("is started on request, is on record, and is not started again while it runs", async () => {
    const early = "2026-04-10";
    await env.ARCHIVE.put(`raw/v1/dt=${early}/hour=10/shard=clicks-0/life-000000000001.ndjson.gz`, "");
    // The Workflow would go on behind this test; test/audit has one that runs it.
    const created: unknown[] = [];
    const AUDIT = { create: async (instance: unknown) => void created.push(instance) } as unknown as Env["AUDIT"];
    const actor = { keyId: "admin", nowMs: Date.now() };
    const start = () => runAudit({ day: early }, { env: { ...env, AUDIT }, config: readConfig(env) }, actor);
    expect(await start()).toEqual({ ok: true, value: { id: `${early}/0001`, day: early } });
    expect(await start()).toMatchObject({ ok: false, error: { reason: "audit_running", field: "day" } });
    expect(created).toEqual([{ id: `${early}-0001`, params: { day: early, attempt: 1 } }]);
    const log = await ask("GET /v1/admin/audit-log?subject_kind=log_day");
    expect((log.body as { entries: { action: string }[] }).entries.map(({ action }) => action)).toEqual([
      ...["audit", "audit"],
    ]);
  });
});

describe("what an audit left open", () => {
  it("is mended on request, once, on record, and is closed by the audit that follows", async () => {
    await startOver();
    await count([await aSignedClick(), await aSignedClick()]);
    await env.REPORT_DB.prepare("DELETE FROM facts_minute").run();
    expect((await audit()).outcome).toBe("blocked");
    const mend = () => ask(`POST /v1/admin/audits/${TODAY}/mend`);
    const answer = await mend();
    expect(answer.status).toBe(200);
    expect(answer.body).toMatchObject({ id: `${TODAY}/0001`, found: [{ kind: "fact_missing", left: 0 }] });
    expect((await mend()).body).toEqual(answer.body);
    expect((await audit()).outcome).toBe("clean");
    expect((await mend()).body).toEqual({ id: `${TODAY}/0002`, day: TODAY, found: [] });
    const log = await ask("GET /v1/admin/audit-log?subject_kind=log_day");
    expect((log.body as { entries: { action: string }[] }).entries[0]?.action).toBe("mend");
  });

  it("is not mended while the archive is in question, nor of a day that was never audited", async () => {
    const refused = await ask(`POST /v1/admin/audits/${DAY}/mend`);
    expect([refused.status, refused.body]).toMatchObject([409, { type: "/problems/archive-in-question" }]);
    expect((await ask("POST /v1/admin/audits/2026-04-18/mend")).status).toBe(404);
    expect((await ask("POST /v1/admin/audits/today/mend")).status).toBe(404);
  });
});

describe("a loss", () => {
  it("is accepted by name once, with who and why, and is on record", async () => {
    const first = await accept(LOST);
    expect(first.status).toBe(200);
    expect(first.body).toMatchObject({ object: LOST, reason: REASON, by: "admin", acceptedAt: expect.any(String) });
    // The reason that was accepted stays.
    expect((await accept(LOST, "Another reason, thought of later.")).body).toEqual(first.body);
    const { objects } = await env.ARCHIVE.list({ prefix: lossPrefix(DAY) });
    expect(objects.length).toBe(1);
    const { body } = await ask(`GET /v1/admin/audits/${DAY}`);
    expect((body as { losses: object[] }).losses).toEqual([first.body]);
    const log = await ask("GET /v1/admin/audit-log?subject_kind=loss");
    expect((log.body as { entries: object[] }).entries).toEqual([
      expect.objectContaining({ action: "accept", subjectId: DAY, after: { object: LOST, reason: REASON } }),
    ]);
  });

  it.each<[string, unknown, unknown, string, number, string]>([
    ["that the last audit does not name", "raw/v1/none", REASON, DAY, 409, "loss-not-found"],
    ["that a repair mends", SHORT, REASON, DAY, 409, "loss-not-acceptable"],
    ["of a day that was never audited", LOST, REASON, "2026-04-18", 404, "not-found"],
    ["of no day", LOST, REASON, "yesterday", 404, "not-found"],
    ["without a reason", LOST, "", DAY, 400, "invalid-value"],
    ["with a reason of blanks", LOST, " ".repeat(20), DAY, 400, "invalid-value"],
    ["of no object", "", REASON, DAY, 400, "invalid-value"],
    ["that is no text", 7, REASON, DAY, 400, "invalid-value"],
  ])("%s is refused", async (_, object, reason, day, status, problem) => {
    const answer = await accept(object, reason, day);
    expect([answer.status, (answer.body as { type: string }).type]).toEqual([status, `/problems/${problem}`]);
    expect((await env.ARCHIVE.list({ prefix: "losses/" })).objects).toEqual([]);
  });

  it("closes its day at the next audit", async () => {
    const first = await aSignedClick();
    await count([first]);
    const [segment] = (await env.ARCHIVE.list({ prefix: "raw/v1/" })).objects;
    await count([{ ...first, id: (await aSignedClick()).id }]);
    await env.ARCHIVE.delete(segment?.key ?? "");
    const { found } = await audit();
    for (const { where } of found.segment_missing?.examples ?? []) {
      expect((await accept(where, REASON, TODAY)).status).toBe(200);
    }
    const next = await audit();
    expect(next.found.segment_missing).toBeUndefined();
    expect(next.accepted).toEqual([expect.objectContaining({ reason: REASON, by: "admin" })]);
  });
});
