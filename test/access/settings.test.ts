/**
 * A deployment whose settings are refused: it does nothing, and says so by name. Above all it sends no click on, since a
 * redirect whose event is lost cannot be asked for again.
 */
import { createExecutionContext, createMessageBatch, getQueueResult, waitOnExecutionContext } from "cloudflare:test";
import { env } from "cloudflare:workers";
import { describe, expect, it } from "vitest";
import worker from "../../src/index.ts";
import { OPERATOR } from "../admin/ask.ts";
import { aToken } from "../support/tokens.ts";

const PATHS = [
  "/v1/tokens",
  "/v1/conversions",
  "/v1/reports/clicks",
  "/v1/live",
  "/v1/admin/keys",
  "/v1/explain",
  "/x",
];

async function ask(path: string, overrides: Record<string, unknown>, method = "GET") {
  const sent: unknown[] = [];
  const queue = { send: async (message: unknown) => void sent.push(message) };
  const request = new Request(`https://clicks.example${path}`, {
    method,
    headers: { Authorization: `Bearer ${OPERATOR}` },
  });
  const ctx = createExecutionContext();
  const bindings = { ...env, CLICK_QUEUE_0: queue, ...overrides } as unknown as Env;
  const response = await worker.fetch(request as Parameters<typeof worker.fetch>[0], bindings, ctx);
  await waitOnExecutionContext(ctx);
  return { response, sent };
}

describe("settings that are refused", () => {
  it.each([
    [{ ENQUEUE_CHAIN: "" }, "ENQUEUE_CHAIN"],
    [{ ENQUEUE_CHAIN: undefined }, "ENQUEUE_CHAIN"],
    [{ ADMIN_API_KEY: "x" }, "ADMIN_API_KEY"],
    [{ CLICK_QUEUE_0: undefined }, "CLICK_QUEUE_0"],
    [{ TOKEN_KEYS: "{}" }, "TOKEN_SIGNING_KID"],
  ])("[attack 18] send no click on, and are named: %j", async (overrides, name) => {
    for (const path of [`/c/${await aToken()}`, `/i/${await aToken()}`, `/api/v1/click/${await aToken()}`]) {
      const { response, sent } = await ask(path, overrides);
      expect(response.status).toBe(503);
      expect(response.headers.get("Location")).toBeNull();
      expect(response.headers.get("Retry-After")).toBe("60");
      expect(response.headers.get("Content-Type")).toBe("application/problem+json");
      expect(await response.json()).toMatchObject({
        type: "/problems/settings-refused",
        detail: expect.stringContaining(name),
      });
      expect(sent).toEqual([]);
    }
  });

  it.each(PATHS)("[attack 18] are the answer of %s, also to the key that they hold", async (path) => {
    const { response } = await ask(path, { ADMIN_API_KEY: "x", ENQUEUE_CHAIN: "" });
    expect(await response.json()).toMatchObject({
      type: "/problems/settings-refused",
      detail: expect.stringMatching(/^Refused: ADMIN_API_KEY, ENQUEUE_CHAIN\. /),
    });
  });

  it("leave the messages of a queue where they are", async () => {
    const message = { id: "1", timestamp: new Date(0), attempts: 1, body: "x" };
    const batch = createMessageBatch("clickledger-clicks-0", [message]);
    const wrong = { ...env, ENQUEUE_CHAIN: "" } as unknown as Env;
    await expect(worker.queue(batch, wrong)).rejects.toThrow("ENQUEUE_CHAIN");
    const result = await getQueueResult(batch, createExecutionContext());
    expect(result.explicitAcks).toEqual([]);
  });

  it("are forgotten once they are right", async () => {
    expect((await ask("/x", { ENQUEUE_CHAIN: "" })).response.status).toBe(503);
    expect((await ask("/x", {})).response.status).toBe(404);
    const { response, sent } = await ask(`/c/${await aToken()}`, {});
    expect([response.status, sent.length]).toEqual([302, 1]);
  });
});
