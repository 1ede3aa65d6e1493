/** Tokens of `dur: 1`: the redirect waits for the acknowledgement, or for its bound, and the event says which. */
import { env } from "cloudflare:workers";
import { describe, expect, it, vi } from "vitest";
import { decodeEventLine, encodeLogLine, wasDurableBeforeRedirect } from "../../src/core/log-line.ts";
import worker from "../../src/index.ts";
import { anEncodedEvent, BROWSER, NOON_MS } from "../support/builders.ts";
import { PATIENT } from "../support/patience.ts";
import { RULES } from "../support/rules.ts";
import { aToken } from "../support/tokens.ts";

const hanging = new Proxy({}, { get: () => () => new Promise(() => {}) });

/** The Worker with some of its bindings replaced; returns the answer and how long it took. */
async function click(overrides: Record<string, unknown>): Promise<{ status: number; ms: number }> {
  const context = { waitUntil: () => {}, passThroughOnException: () => {}, props: {} } as unknown as ExecutionContext;
  const request = new Request(`https://track.example/c/${await aToken({ dur: 1 })}`, {
    headers: { "User-Agent": BROWSER },
  });
  const startMs = Date.now();
  const given = { ...env, ...overrides } as unknown as Env;
  const response = await worker.fetch(request as Parameters<typeof worker.fetch>[0], given, context);
  return { status: response.status, ms: Date.now() - startMs };
}

describe("a click of a dur token", () => {
  it("is redirected only once its event is durable", async () => {
    const sent: unknown[] = [];
    const slow = {
      send: async (body: unknown) => {
        await new Promise((resolve) => setTimeout(resolve, 300));
        sent.push(body);
      },
    };
    const { status, ms } = await click({ CLICK_QUEUE_0: slow });
    expect(status).toBe(302);
    expect(sent).toHaveLength(1);
    expect(ms).toBeGreaterThanOrEqual(290);
    const { events } = JSON.parse(String(sent[0])) as { events: { received_at_ms: number; redirect_by_ms: number }[] };
    expect(events[0]?.redirect_by_ms).toBe((events[0]?.received_at_ms ?? 0) + 2_000);
  });

  it("is redirected at its bound when nothing acknowledges", async () => {
    const given = { CLICK_QUEUE_0: hanging, EVENT_SHARD: { getByName: () => hanging }, ARCHIVE: hanging };
    const clicked = click(given);
    const outcome = await vi.waitFor(() => clicked, PATIENT);
    expect(outcome.status).toBe(302);
    expect(outcome.ms).toBeGreaterThanOrEqual(1_990);
  });

  it("is redirected at its bound, not before, when every step fails at once", async () => {
    const failing = new Proxy({}, { get: () => () => Promise.reject(new Error("down")) });
    const given = { CLICK_QUEUE_0: failing, EVENT_SHARD: { getByName: () => failing }, ARCHIVE: failing };
    const outcome = await click(given);
    expect(outcome.status).toBe(302);
    expect(outcome.ms).toBeGreaterThanOrEqual(1_990);
  });

  it.each([
    [
      "taken by the queue in time",
      { redirectByMs: NOON_MS + 2_000, acceptedAtMs: NOON_MS + 60 },
      NOON_MS + 9_000,
      true,
    ],
    [
      "taken by the queue too late",
      { redirectByMs: NOON_MS + 2_000, acceptedAtMs: NOON_MS + 2_001 },
      NOON_MS + 9_000,
      false,
    ],
    ["logged by its shard in time", { redirectByMs: NOON_MS + 2_000 }, NOON_MS + 2_000, true],
    ["logged by its shard too late", { redirectByMs: NOON_MS + 2_000 }, NOON_MS + 2_001, false],
    ["not of such a token", {}, NOON_MS + 1_000, null],
  ])("says truthfully whether it was durable before the redirect: %s", (_, times, loggedAtMs, expected) => {
    const position = { seq: 1, loggedAtMs, rules: RULES.id };
    const line = encodeLogLine(position, { verdict: "valid", reason: null }, anEncodedEvent(times));
    expect(wasDurableBeforeRedirect(decodeEventLine(line))).toBe(expected);
  });
});

describe("a bug behind the redirect", () => {
  it("never touches the redirect, and is counted as a loss", async () => {
    const points: (AnalyticsEngineDataPoint | undefined)[] = [];
    const given = {
      ...env,
      OPERATIONS: { writeDataPoint: (point?: AnalyticsEngineDataPoint) => void points.push(point) },
    };
    const request = new Request(`https://track.example/c/${await aToken()}`, { headers: { "User-Agent": BROWSER } });
    const headers = {
      get: (name: string) => {
        if (name === "Sec-GPC") throw new Error("a bug in reading the facts");
        return request.headers.get(name);
      },
    };
    const broken = new Proxy(request, {
      get: (target, property) => (property === "headers" ? headers : Reflect.get(target, property, target)),
    });
    const background: Promise<unknown>[] = [];
    const context = {
      waitUntil: (work: Promise<unknown>) => void background.push(work),
    } as unknown as ExecutionContext;
    const response = await worker.fetch(broken as Parameters<typeof worker.fetch>[0], given as unknown as Env, context);
    expect(response.status).toBe(302);
    expect(await Promise.all(background)).not.toContain("durable");
    expect(points).toEqual([expect.objectContaining({ blobs: ["lost", "edge", "", ""], doubles: [1] })]);
  });
});
