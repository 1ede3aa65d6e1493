/** The real Workflow of the local platform, started as cron does: the day, a part for each shard, and the day after. */
import { createExecutionContext } from "cloudflare:test";
import { env, exports } from "cloudflare:workers";
import { describe, expect, it, vi } from "vitest";
import type { AuditReport } from "../../src/audit/audit-report.ts";
import { startAudit, startDue } from "../../src/audit/start.ts";
import tampered from "../../src/demo/tampered-worker.ts";
import { aSignedClick, count, TODAY } from "../support/audited.ts";

const START = { day: TODAY, nowMs: Date.now(), graceMs: 0 };

describe("the Workflow of an audit", () => {
  it("audits a day to its report, and refuses a second audit while it runs", { timeout: 110_000 }, async () => {
    await count([await aSignedClick(), await aSignedClick()]);
    expect(await startDue(env, START)).toBeNull();
    expect(await startAudit(env, START)).toEqual({ ok: false, error: "day_not_over" });
    const parts = { ...START, isEarly: true, partsAbove: 0 };
    expect(await startAudit(env, parts)).toEqual({ ok: true, value: `${TODAY}/0001` });
    expect(await startAudit(env, { ...START, isEarly: true })).toEqual({ ok: false, error: "audit_running" });
    const key = `audits/v1/dt=${TODAY}/0001.json`;
    await vi.waitUntil(async () => (await env.ARCHIVE.head(key)) !== null, { timeout: 100_000, interval: 500 });
    const report = await (await env.ARCHIVE.get(key))?.json<AuditReport>();
    expect(report).toMatchObject({ outcome: "clean", cost: { events: 2 } });
  });

  it("begins with the first day of the archive, and goes on with the next", async () => {
    const before = { ...START, day: "2020-01-01" };
    expect(await startAudit(env, before)).toEqual({ ok: false, error: "day_without_log" });
    const tomorrow = new Date(Date.parse(TODAY) + 2 * 86_400_000).toISOString().slice(0, 10);
    const late = { day: tomorrow, nowMs: Date.now() + 5 * 86_400_000, graceMs: 0 };
    expect(await startAudit(env, late)).toEqual({ ok: false, error: "day_before_open" });
  });

  it("is started early by the demonstration alone, under an address that a deployment does not have", async () => {
    const request = new Request<unknown, IncomingRequestCfProperties>(
      "https://demo.example/demo/audit?day=2020-01-01",
      { method: "POST" },
    );
    const ctx = createExecutionContext();
    const answer = await tampered.fetch(request, env, ctx);
    expect([answer.status, await answer.json()]).toEqual([409, { ok: false, error: "day_without_log" }]);
    expect((await exports.default.fetch(request.clone())).status).toBe(404);
  });
});
