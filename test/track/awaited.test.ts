/** What one sender can make of one link: the client's word on time, and clicks that wait. */
import { describe, expect, it, vi } from "vitest";
import { handleClick } from "../../src/track/click.ts";
import { aToken } from "../support/tokens.ts";
import { eventsOf, watched, watchedEnv } from "../support/watched-edge.ts";

const DAY_S = 86_400;

describe("[attack 4] the client's time", () => {
  const nowS = () => Math.floor(Date.now() / 1_000);
  /** Of a token that lived an hour and ended `agoS` ago. */
  const told = async (agoS: number, offsetMs: number) => {
    const exp = nowS() - agoS;
    const token = await aToken({ iat: exp - 3_600, exp });
    const body = JSON.stringify({ token, timestamp_ms: exp * 1_000 + offsetMs });
    const { events } = await watched("/v1/click", { method: "POST", body });
    const event = events[0]?.event;
    return [
      event?.clock,
      event?.occurredAtMs === (event?.clock === "client" ? exp * 1_000 + offsetMs : event?.receivedAtMs),
    ];
  };

  it.each([
    ["at its last millisecond", 20 * DAY_S, 0, "client"],
    ["inside it", 20 * DAY_S, -1_000, "client"],
    ["a millisecond past it", 20 * DAY_S, 1, "client_refused"],
    ["days past it, and before the receipt", 20 * DAY_S, 19 * DAY_S * 1_000, "client_refused"],
    ["past it and inside the 5 s that a clock may be ahead", 1, 3_000, "client_refused"],
    ["before its issue", 20 * DAY_S, -3_600_001, "client_refused"],
  ] as const)("is believed up to the end of the token's life at most: %s", async (_, agoS, offsetMs, clock) => {
    expect(await told(agoS, offsetMs)).toEqual([clock, true]);
  });
});

describe("[attack 4] clicks that wait for their acknowledgement", () => {
  it("fold when they are identical: 1 000 of one client at once are two events, and each counts", async () => {
    const { given, noted } = watchedEnv();
    const token = await aToken({ dur: 1 });
    const headers = { "User-Agent": "Mozilla/5.0 (X11; Linux x86_64) Firefox/145.0", "CF-Connecting-IP": "192.0.2.7" };
    let waiting = 0;
    const ctx = { waitUntil: () => void waiting++ } as unknown as ExecutionContext;
    const click = (path = token) =>
      handleClick(new Request(`https://track.example/c/${path}`, { headers }), path, given, ctx);
    // The isolate knows its keys, and the salt of the day.
    await click(await aToken({ dur: 1 }));
    vi.useFakeTimers({ toFake: ["Date", "setTimeout", "clearTimeout"] });
    try {
      const clicks = Array.from({ length: 1_000 }, () => click());
      while (waiting < 1_001) await scheduler.wait(5);
      await vi.advanceTimersByTimeAsync(2_500);
      expect(new Set((await Promise.all(clicks)).map(({ status }) => status))).toEqual(new Set([302]));
    } finally {
      vi.useRealTimers();
    }
    const [, ...events] = noted.messages.flatMap(eventsOf);
    expect(events.map(({ event }) => event.count)).toEqual([1, 999]);
  });
});
