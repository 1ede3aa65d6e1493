/** The review list and its decisions, over HTTP. */
import { runDurableObjectAlarm } from "cloudflare:test";
import { env, exports } from "cloudflare:workers";
import { describe, expect, it } from "vitest";
import { isoSecond } from "../../src/core/time.ts";
import { aLateClick } from "../support/late.ts";

describe("the review API", () => {
  const ORIGIN = "https://track.example";
  const admin = { Authorization: `Bearer ${env.ADMIN_API_KEY}` };

  async function call(path: string, init: RequestInit = {}) {
    const response = await exports.default.fetch(`${ORIGIN}${path}`, { headers: admin, ...init });
    return { status: response.status, body: (await response.json()) as Record<string, unknown> };
  }

  it("lists what waits, takes decisions by row, and says who decided when", async () => {
    const late = aLateClick("api_1", "ad_api");
    const shard = env.EVENT_SHARD.getByName("clicks-0");
    await shard.ingest([late.encoded]);
    await runDurableObjectAlarm(shard);
    const waiting = await call("/v1/late-clicks");
    expect(waiting.body["lateClicks"]).toContainEqual(
      expect.objectContaining({
        id: late.event.id,
        status: "waiting",
        adId: "ad_api",
        occurredAt: isoSecond(late.event.occurredAtMs),
      }),
    );
    const unknown = aLateClick("api_2", "ad_api").event.id;
    const decided = await call("/api/v1/late-clicks", {
      method: "POST",
      body: JSON.stringify({
        decisions: [
          { id: late.event.id, decision: "accept" },
          { id: unknown, decision: "reject" },
        ],
      }),
    });
    expect(decided.body["results"]).toEqual([
      expect.objectContaining({ id: late.event.id, outcome: "decided", verdict: "valid", by: "admin" }),
      { id: unknown, outcome: "unknown" },
    ]);
    await runDurableObjectAlarm(shard);
    const list = await call("/v1/late-clicks?status=decided");
    expect(list.body["lateClicks"]).toContainEqual(
      expect.objectContaining({ id: late.event.id, status: "decided", verdict: "valid", decidedBy: "admin" }),
    );
  });

  it.each([
    ["a foreign parameter", "/v1/late-clicks?colour=red", {}],
    ["an unknown status", "/v1/late-clicks?status=lost", {}],
    ["a body that is no JSON", "/v1/late-clicks", { method: "POST", body: "{" }],
    ["no decisions", "/v1/late-clicks", { method: "POST", body: '{"decisions":[]}' }],
    [
      "an id that is none",
      "/v1/late-clicks",
      { method: "POST", body: '{"decisions":[{"id":"x","decision":"accept"}]}' },
    ],
  ])("answers %s with a named problem", async (_, path, init) => {
    const { status, body } = await call(path, init);
    expect(status).toBe(400);
    expect(body["type"]).toMatch(/^\/problems\//);
  });

  it("is on record before it decides, and decides nothing that cannot be", async () => {
    const late = aLateClick("api_3", "ad_api");
    const shard = env.EVENT_SHARD.getByName("clicks-0");
    await shard.ingest([late.encoded]);
    await runDurableObjectAlarm(shard);
    const decisions = [{ id: late.event.id, decision: "reject" }];
    const decide = () => call("/v1/late-clicks", { method: "POST", body: JSON.stringify({ decisions }) });
    await env.REPORT_DB.prepare(
      "CREATE TRIGGER plant AFTER INSERT ON audit_log BEGIN SELECT RAISE(ABORT, 'planted'); END",
    ).run();
    expect((await decide()).status).toBe(503);
    await env.REPORT_DB.prepare("DROP TRIGGER plant").run();
    expect((await decide()).body["results"]).toMatchObject([{ id: late.event.id, outcome: "decided" }]);
    const { entries } = (await call("/v1/admin/audit-log?subject_kind=late_clicks&limit=1")).body;
    expect(entries).toMatchObject([{ action: "decide", keyId: "admin", before: null, after: { decisions } }]);
  });

  it("puts a replay of dead letters on record", async () => {
    const keys = ["dead/v1/dt=2026-04-20/reason=message_malformed/none-0.json"];
    await call("/v1/admin/dead-letters/replay", { method: "POST", body: JSON.stringify({ keys }) });
    const { entries } = (await call("/v1/admin/audit-log?subject_kind=dead_letters")).body;
    expect(entries).toMatchObject([{ action: "replay", keyId: "admin", after: { keys } }]);
  });

  it("lets nobody decide without scope admin", async () => {
    expect((await call("/v1/late-clicks", { method: "POST", body: "{}", headers: {} })).status).toBe(401);
  });
});
