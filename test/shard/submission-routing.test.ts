/** The key by which orders find their objects: made once, the same for ever, and nobody's to guess. */
import { env } from "cloudflare:workers";
import { beforeEach, describe, expect, it } from "vitest";
import { orderKeyOf } from "../../src/core/order.ts";
import { orderShardName } from "../../src/core/routing.ts";
import { SUBMISSION_ROUTING_KEY, submissionHashOf, submissionHashUnder } from "../../src/shard/submission-routing.ts";
import { aClickIdentity } from "../support/submissions.ts";

/** The real bucket, as another isolate sees it that has read nothing yet. */
const anIsolate = (over: Partial<Record<keyof R2Bucket, unknown>> = {}) =>
  new Proxy(env.ARCHIVE, {
    get: (bucket, member) => over[member as keyof R2Bucket] ?? Reflect.get(bucket, member).bind(bucket),
  });
const NAMES = Array.from({ length: 2_000 }, (_, at) => `name-${at}`);

beforeEach(() => env.ARCHIVE.delete(SUBMISSION_ROUTING_KEY));

describe("the hash of orders and batches", () => {
  it("[attack 2] is the same for every isolate, also for those that begin at once", async () => {
    const hashes = await Promise.all(Array.from({ length: 8 }, () => submissionHashOf(anIsolate())));
    for (const hash of hashes) expect(NAMES.map(hash)).toEqual(NAMES.map(hashes[0] as never));
    const key = await (await env.ARCHIVE.get(SUBMISSION_ROUTING_KEY))?.bytes();
    expect(key).toHaveLength(32);
    expect(NAMES.map(submissionHashUnder(key as Uint8Array))).toEqual(NAMES.map(hashes[0] as never));
  });

  it("[attack 2] tells nobody who has not the key which orders meet: aimed at one object, they spread over all", () => {
    const click = aClickIdentity();
    const [guessed, real] = [1, 2].map((byte) => submissionHashUnder(new Uint8Array(32).fill(byte)));
    const nameUnder = (hash: typeof real, orderId: string) =>
      orderShardName(hash?.(orderKeyOf({ click, kind: "purchase", orderId })) ?? 0);
    const aimed = Array.from({ length: 60_000 }, (_, at) => `order-${at}`).filter(
      (orderId) => nameUnder(guessed, orderId) === "orders-7",
    );
    expect(aimed.length).toBeGreaterThan(150);
    const met = Map.groupBy(aimed, (orderId) => nameUnder(real, orderId));
    expect(Math.max(...Array.from(met.values(), (orders) => orders.length))).toBeLessThan(10);
  });

  it("is read once, and is not guessed while it cannot be read", async () => {
    let reads = 0;
    const bucket = anIsolate({
      get: (key: string) => {
        reads++;
        return env.ARCHIVE.get(key);
      },
    });
    for (let at = 0; at < 3; at++) await submissionHashOf(bucket);
    expect(reads).toBe(1);
    const down = anIsolate({ get: () => Promise.reject(new Error("R2 is down")) });
    await expect(submissionHashOf(down)).rejects.toThrow("R2 is down");
    await env.ARCHIVE.put(SUBMISSION_ROUTING_KEY, "short");
    await expect(submissionHashOf(anIsolate())).rejects.toThrow("its length");
  });
});
