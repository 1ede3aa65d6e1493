/** Attribution windows: each advertiser's own, read once a minute, and still known while the database is not there. */
import { env } from "cloudflare:workers";
import { beforeAll, describe, expect, it } from "vitest";
import { AttributionWindows } from "../../src/conversions/attribution-windows.ts";
import { DAY_MS, MINUTE_MS } from "../../src/core/limits.ts";
import { ask } from "../admin/ask.ts";
import { NOON_MS } from "../support/builders.ts";
import { aClickId, aRow, convert, daysAgo, totalsOf } from "./send.ts";

/** The real database, which counts its readings and fails while it is told to. */
function watched() {
  const state = { readings: 0, isDown: false };
  const database = new Proxy(env.REPORT_DB, {
    get: (real, member) => {
      if (member !== "prepare") return Reflect.get(real, member).bind(real);
      state.readings++;
      if (state.isDown) throw new Error("D1 is down");
      return real.prepare.bind(real);
    },
  });
  return { state, windows: new AttributionWindows(database) };
}

const profile = (id: string, days?: number) =>
  ask("POST /v1/admin/advertisers", {
    body: { id, name: id, currency: "EUR", ...(days === undefined ? {} : { attributionWindowDays: days }) },
  });
const both = new Set(["adv_w30", "adv_nobody"]);

beforeAll(async () => {
  await profile("adv_w30", 30);
  for (const days of [1, 90]) await profile(`adv_w${days}`, days);
  await profile("adv_default");
});

describe("AttributionWindows", () => {
  it("knows each advertiser's window, and the default of those that nobody configured", async () => {
    const { windows } = watched();
    expect(Object.fromEntries(await windows.of(both, NOON_MS))).toEqual({ adv_w30: 30, adv_nobody: 7 });
    expect((await windows.of(new Set(), NOON_MS)).size).toBe(0);
  });

  it("reads once a minute, and only what it does not know", async () => {
    const { state, windows } = watched();
    await windows.of(both, NOON_MS);
    await windows.of(both, NOON_MS + MINUTE_MS);
    expect(state.readings).toBe(1);
    await windows.of(new Set(["adv_w30"]), NOON_MS + MINUTE_MS + 1);
    expect(state.readings).toBe(2);
  });

  it("takes a changed window up within a minute", async () => {
    await profile("adv_changing", 10);
    const { windows } = watched();
    const asked = new Set(["adv_changing"]);
    await windows.of(asked, NOON_MS);
    const changed = await ask("PATCH /v1/admin/advertisers/adv_changing", { body: { attributionWindowDays: 20 } });
    expect(changed.status).toBe(200);
    expect((await windows.of(asked, NOON_MS + MINUTE_MS)).get("adv_changing")).toBe(10);
    expect((await windows.of(asked, NOON_MS + MINUTE_MS + 1)).get("adv_changing")).toBe(20);
  });

  it("goes on with the last known windows while the database fails, and rejects where it knows none", async () => {
    const { state, windows } = watched();
    await windows.of(both, NOON_MS);
    state.isDown = true;
    expect((await windows.of(both, NOON_MS + DAY_MS)).get("adv_w30")).toBe(30);
    await expect(windows.of(new Set(["adv_w30", "adv_w1"]), NOON_MS + DAY_MS)).rejects.toThrow("D1 is down");
    state.isDown = false;
    expect((await windows.of(new Set(["adv_w1"]), NOON_MS + DAY_MS)).get("adv_w1")).toBe(1);
  });

  it("still knows what it knew when somebody asks for more than the database answers", async () => {
    const { state, windows } = watched();
    await windows.of(both, NOON_MS);
    state.isDown = true;
    // A stranger's postback, whose signature fits no epoch that is known.
    await expect(windows.newerEpochsOf("adv_w30", NOON_MS + MINUTE_MS)).rejects.toThrow("D1 is down");
    expect((await windows.of(both, NOON_MS + MINUTE_MS + 1)).get("adv_w30")).toBe(30);
    expect((await windows.epochsOf("adv_w30", NOON_MS + MINUTE_MS + 1)).epoch).toBe(0);
  });

  it("never answers a known window by the default because it forgot meanwhile", async () => {
    const { windows } = watched();
    await windows.of(new Set(["adv_w30"]), NOON_MS);
    await windows.of(new Set(Array.from({ length: 10_000 }, (_, index) => `adv_${index}`)), NOON_MS);
    const answered = await windows.of(new Set(["adv_w30", "adv_new"]), NOON_MS + 1);
    expect(Object.fromEntries(answered)).toEqual({ adv_w30: 30, adv_new: 7 });
  });

  it("never answers a known window by the default because its secret is looked up meanwhile", async () => {
    const { windows } = watched();
    await windows.of(new Set(["adv_w30"]), NOON_MS);
    const [beside] = await Promise.all([
      windows.of(new Set(["adv_w30", "adv_w1"]), NOON_MS + 1),
      windows.currentEpochsOf("adv_w30", NOON_MS + 1),
    ]);
    expect(Object.fromEntries(beside)).toEqual({ adv_w30: 30, adv_w1: 1 });
  });
});

describe("a conversion is credited within its advertiser's window", () => {
  it.each([
    ["adv_w1", 1],
    ["adv_default", 7],
    ["adv_unknown", 7],
    ["adv_w90", 90],
  ])("%s: %d days, to the millisecond", async (advertiserId, days) => {
    const adId = `ad_of_${advertiserId}`;
    const clickedAtMs = daysAgo(days + 1);
    const row = (atMs: number) =>
      aRow({
        click_id: aClickId({ advertiserId, adId, clickedAtMs }),
        occurred_at: clickedAtMs + days * DAY_MS + atMs,
      });
    expect(await convert([row(0), row(1)])).toEqual(["recorded", "not_attributed"]);
    expect(await totalsOf(adId)).toMatchObject({ conversions: 1, byTime: 1 });
  });
});
