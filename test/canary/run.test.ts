/** The canary's minute over doors and reports that misbehave, and what `/status` says of it. */
import { describe, expect, it } from "vitest";
import { readBook } from "../../src/canary/book.ts";
import { type CanaryPorts, runCanary } from "../../src/canary/run.ts";
import { statusOf } from "../../src/canary/status.ts";
import { CANARY_ID, canaryAd } from "../../src/core/canary.ts";
import { makeClickId } from "../../src/core/click-id.ts";
import { MINUTE_MS, SECOND_MS } from "../../src/core/limits.ts";
import { NOON_MS } from "../support/builders.ts";
import { MemoryR2 } from "../support/memory-r2.ts";
import { aClickIdentity } from "../support/submissions.ts";
import { testRing } from "../support/tokens.ts";

const LANDED = "https://canary.invalid/landed";

/** A service in virtual time: a click is in the report two seconds after it was redirected. */
class Service {
  readonly r2 = new MemoryR2();
  nowMs = NOON_MS + 500;
  clicks = 0;
  readonly counts = new Map<string, number>();
  answer: ((clickId: string) => Response) | null = null;
  isReportDown = false;
  /** How often a click is counted. */
  times = 1;
  origins: string[] = [];

  async run(nowMs = this.nowMs): Promise<void> {
    this.nowMs = nowMs;
    const clickId = makeClickId(aClickIdentity({ advertiserId: CANARY_ID }), await testRing());
    const ports: CanaryPorts = {
      ...{ bucket: this.r2.bucket, origin: "https://clicks.example", clickIdParam: "click_id" },
      mint: async () => "token",
      fetch: async (url) => {
        this.clicks++;
        this.origins.push(url);
        this.nowMs += 30;
        const minute = Math.floor(this.nowMs / MINUTE_MS);
        if (this.answer !== null) return this.answer(clickId);
        if (this.times > 0) this.counts.set(`${minute} ${canaryAd(minute)}`, this.times);
        return new Response(null, { status: 302, headers: { Location: `${LANDED}?click_id=${clickId}` } });
      },
      counted: async () => {
        if (this.isReportDown) throw new Error("D1 is down");
        return this.nowMs - nowMs < 2 * SECOND_MS ? new Map() : this.counts;
      },
      clock: () => this.nowMs,
      sleep: async (ms) => {
        this.nowMs += ms;
      },
    };
    await runCanary(ports, nowMs);
  }

  async status() {
    return statusOf(await readBook(this.r2.bucket), this.nowMs);
  }
}

const redirect = (location: (clickId: string) => string) => (clickId: string) =>
  new Response(null, { status: 302, headers: { Location: location(clickId) } });

describe("the canary's minute", () => {
  it("clicks through the public door and publishes how long the redirect and the report took", async () => {
    const service = new Service();
    await service.run();
    expect(service.origins).toEqual(["https://clicks.example/c/token"]);
    expect(await service.status()).toMatchObject({
      state: "ok",
      days: [{ clicks: 1, redirectMs: { p50: 30 }, freshnessMs: { p99: 3_000 }, lost: 0, doubled: 0 }],
    });
  });

  it.each([
    ["a loss", 0, "losing"],
    ["a double", 2, "doubling"],
  ])("shows %s within three minutes of the click", async (_, times, state) => {
    const service = new Service();
    service.times = times;
    await service.run();
    for (const minute of [1, 2]) await service.run(NOON_MS + minute * MINUTE_MS);
    expect(service.nowMs - NOON_MS).toBeLessThan(3 * MINUTE_MS);
    expect((await service.status()).state).toBe(state);
  });

  it.each([
    ["503", () => new Response(null, { status: 503 })],
    ["another site", redirect((id) => `https://elsewhere.example/landed?click_id=${id}`)],
    ["another page", redirect((id) => `https://canary.invalid/other?click_id=${id}`)],
    ["no click id", redirect(() => LANDED)],
    ["a page", () => new Response("hello")],
    [
      "nothing",
      () => {
        throw new TypeError("connection refused");
      },
    ],
  ])("is failing where it is answered %s", async (_, answer) => {
    const service = new Service();
    service.answer = answer;
    await service.run();
    expect(await service.status()).toMatchObject({ state: "failing", days: [{ failed: 1, lost: 0 }] });
  });

  it("clicks once where cron fires twice in a minute, also at once", async () => {
    const service = new Service();
    await Promise.all([service.run(), service.run()]);
    await service.run();
    expect(service.clicks).toBe(1);
  });

  it("loses nothing while no report can be read, and says that", async () => {
    const service = new Service();
    service.isReportDown = true;
    for (let minute = 0; minute < 5; minute++) await service.run(NOON_MS + minute * MINUTE_MS);
    expect(await service.status()).toMatchObject({ state: "unread", days: [{ clicks: 5, lost: 0 }] });
    service.isReportDown = false;
    await service.run(NOON_MS + 5 * MINUTE_MS);
    expect((await service.status()).state).toBe("ok");
  });

  it("goes on after a run that was killed at any write", async () => {
    for (const killed of [1, 2]) {
      const service = new Service();
      let writes = 0;
      service.r2.beforeWrite = () => {
        if (++writes === killed) throw new Error("killed");
      };
      await expect(service.run()).rejects.toThrow("killed");
      await service.run(NOON_MS + MINUTE_MS);
      const status = await service.status();
      expect(status).toMatchObject({ state: "ok", days: [{ clicks: killed, lost: 0, doubled: 0, failed: 0 }] });
      expect(service.clicks).toBe(killed);
    }
  });
});
