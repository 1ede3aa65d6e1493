/** The operator's routes for holds: put once, listed, shown with the days that are gone, released, and on record. */
import { env } from "cloudflare:workers";
import { beforeEach, describe, expect, it } from "vitest";
import { heldStretches, isHeld, retiredKey } from "../../src/archive/holds.ts";
import { ask } from "../admin/ask.ts";
import { startOver } from "../support/audited.ts";

const DISPUTE = { from: "2026-09-01", to: "2026-09-08", advertiserId: "adv_1", reason: "They dispute this week." };
const put = (id: string, body: object = DISPUTE) => ask(`PUT /v1/admin/holds/${id}`, { body });

beforeEach(startOver);

describe("a hold", () => {
  it("is put once: the same again answers what stands, and another under its id is refused", async () => {
    const first = await put("dispute-7");
    expect(first).toMatchObject({ status: 200, body: { ...DISPUTE, id: "dispute-7", releasedAt: null, daysGone: [] } });
    expect(await put("dispute-7")).toEqual(first);
    for (const [field, value] of Object.entries({
      from: "2026-09-02",
      to: "2026-09-09",
      advertiserId: null,
      reason: "Another reason.",
    })) {
      const { status, body } = await put("dispute-7", { ...DISPUTE, [field]: value });
      expect([status, body], field).toMatchObject([409, { type: expect.stringContaining("already-exists"), field }]);
    }
    expect((await ask("GET /v1/admin/holds/dispute-7")).body).toEqual(first.body);
  });

  it.each([
    [{ ...DISPUTE, to: "2026-09-01" }, "to"],
    [{ ...DISPUTE, to: "2026-08-01" }, "to"],
    [{ ...DISPUTE, to: "2027-12-01" }, "to"],
    [{ ...DISPUTE, from: "yesterday" }, "from"],
    [{ ...DISPUTE, from: "2026-02-30" }, "from"],
    [{ ...DISPUTE, reason: "short" }, "reason"],
    [{ ...DISPUTE, advertiserId: "no id" }, "advertiserId"],
    [{ from: DISPUTE.from, to: DISPUTE.to }, "reason"],
    [{ ...DISPUTE, days: 3 }, "days"],
  ])("is refused of %j, by the name of what is wrong", async (body, field) => {
    expect(await put("dispute-7", body)).toMatchObject({ status: 400, body: { field } });
    expect((await ask("GET /v1/admin/holds/dispute-7")).status).toBe(404);
  });

  it("holds its days and no others until it is released, which keeps its record", async () => {
    await put("a");
    await put("b", { ...DISPUTE, from: "2026-09-07", to: "2026-09-10" });
    const held = async (day: string) => isHeld(day, await heldStretches(env.ARCHIVE));
    const days = ["2026-08-31", "2026-09-01", "2026-09-07", "2026-09-09", "2026-09-10"];
    expect(await Promise.all(days.map(held))).toEqual([false, true, true, true, false]);
    const released = await ask("DELETE /v1/admin/holds/a");
    expect(released).toMatchObject({ status: 200, body: { id: "a", reason: DISPUTE.reason } });
    expect(released.body).not.toMatchObject({ releasedAt: null });
    expect(await ask("DELETE /v1/admin/holds/a")).toEqual(released);
    expect(await Promise.all(days.map(held))).toEqual([false, false, true, true, false]);
    expect(await put("a")).toMatchObject({ status: 409, body: { field: "id" } });
    const { body } = await ask("GET /v1/admin/holds");
    expect(body).toMatchObject({
      holds: [
        { id: "a", releasedBy: expect.any(String) },
        { id: "b", releasedAt: null },
      ],
      next: null,
    });
  });

  it("tells which of its days came too late", async () => {
    for (const day of ["2026-08-31", "2026-09-03", "2026-09-08"]) await env.ARCHIVE.put(retiredKey(day), "{}");
    expect((await put("late")).body).toMatchObject({ daysGone: ["2026-09-03"] });
    expect((await ask("GET /v1/admin/holds/late")).body).toMatchObject({ daysGone: ["2026-09-03"] });
  });

  it("is listed page by page, whatever the ids", async () => {
    const ids = ["a", "a-b", "a.c", "a_d", "b"];
    for (const id of ids) await put(id);
    const seen: string[] = [];
    for (let next: string | null = ""; next !== null; ) {
      const { body } = await ask(`GET /v1/admin/holds?limit=2${next === "" ? "" : `&after=${next}`}`);
      const page = body as { holds: { id: string }[]; next: string | null };
      seen.push(...page.holds.map(({ id }) => id));
      next = page.next;
    }
    expect(seen.sort()).toEqual(ids);
    for (const wrong of ["?limit=0", "?limit=x", "?status=all"]) {
      expect((await ask(`GET /v1/admin/holds${wrong}`)).status, wrong).toBe(400);
    }
  });

  it("that nobody put is shown to nobody and released by nobody", async () => {
    for (const id of ["none", "a%20b", "x".repeat(65)]) {
      expect((await ask(`GET /v1/admin/holds/${id}`)).status, id).toBe(404);
      expect((await ask(`DELETE /v1/admin/holds/${id}`)).status, id).toBe(404);
    }
    expect((await put("a%20b")).status).toBe(400);
  });

  it("is on record before it is done, once", async () => {
    await put("dispute-7");
    await put("dispute-7");
    await ask("DELETE /v1/admin/holds/dispute-7");
    await ask("DELETE /v1/admin/holds/dispute-7");
    const { results } = await env.REPORT_DB.prepare("SELECT action, subject_kind, subject_id FROM audit_log").all();
    const of = { subject_kind: "hold", subject_id: "dispute-7" };
    expect(results).toEqual([
      { action: "create", ...of },
      { action: "release", ...of },
    ]);
  });
});
