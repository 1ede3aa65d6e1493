/** The address hash: one value a day, none after it, and never the address. */
import { env } from "cloudflare:workers";
import { describe, expect, it } from "vitest";
import { DAY_MS } from "../../src/core/limits.ts";
import { AddressHasher, destroyOldSalts, SALT_PREFIX } from "../../src/track/address-hash.ts";
import { NOON_MS } from "../support/builders.ts";

describe("AddressHasher", () => {
  it("gives one address one value all day, at every edge, and another the next day", async () => {
    const [here, there] = [new AddressHasher(env.ARCHIVE), new AddressHasher(env.ARCHIVE)];
    const [a, b] = await Promise.all([here.hash("192.0.2.1", NOON_MS), there.hash("192.0.2.1", NOON_MS + 60_000)]);
    expect(a).toMatch(/^[A-Za-z0-9_-]{16}$/);
    expect(b).toBe(a);
    expect(await here.hash("192.0.2.2", NOON_MS)).not.toBe(a);
    expect(await here.hash("192.0.2.1", NOON_MS + DAY_MS)).not.toBe(a);
  });

  it("cannot be repeated once the salt is destroyed", async () => {
    const before = await new AddressHasher(env.ARCHIVE).hash("192.0.2.1", NOON_MS);
    await destroyOldSalts(env.ARCHIVE, NOON_MS + 3 * DAY_MS);
    expect((await env.ARCHIVE.list({ prefix: SALT_PREFIX })).objects).toHaveLength(0);
    expect(await new AddressHasher(env.ARCHIVE).hash("192.0.2.1", NOON_MS)).not.toBe(before);
  });

  it("goes without a hash when there is no salt to be had", async () => {
    const down = { get: () => Promise.reject(new Error("R2 is down")) } as unknown as R2Bucket;
    expect(await new AddressHasher(down).hash("192.0.2.1", NOON_MS)).toBeNull();
  });
});
