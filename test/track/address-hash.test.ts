/** The address hash: one value a day, none after it, and never the address. */
import { env } from "cloudflare:workers";
import { describe, expect, it } from "vitest";
import { encodeBase64url } from "../../src/core/base64url.ts";
import { DAY_MS } from "../../src/core/limits.ts";
import { AddressHasher, destroyOldSalts, SALT_PREFIX, saltKey } from "../../src/track/address-hash.ts";
import { NOON_MS } from "../support/builders.ts";

/** The hash that an edge makes of an address at an instant. */
async function hashAt(hasher: AddressHasher, address: string, atMs: number): Promise<string | null> {
  if (!hasher.isLoaded(atMs)) await hasher.load(atMs);
  return hasher.hash(address, atMs);
}

describe("AddressHasher", () => {
  it("gives one address one value all day, at every edge, and another the next day", async () => {
    const [here, there] = [new AddressHasher(env.ARCHIVE), new AddressHasher(env.ARCHIVE)];
    const [a, b] = await Promise.all([
      hashAt(here, "192.0.2.1", NOON_MS),
      hashAt(there, "192.0.2.1", NOON_MS + 60_000),
    ]);
    expect(a).toMatch(/^[A-Za-z0-9_-]{16}$/);
    expect(b).toBe(a);
    expect(await hashAt(here, "192.0.2.2", NOON_MS)).not.toBe(a);
    expect(await hashAt(here, "192.0.2.1", NOON_MS + DAY_MS)).not.toBe(a);
  });

  it("cannot be repeated once the salt is destroyed", async () => {
    const before = await hashAt(new AddressHasher(env.ARCHIVE), "192.0.2.1", NOON_MS);
    await destroyOldSalts(env.ARCHIVE, NOON_MS + 3 * DAY_MS);
    expect((await env.ARCHIVE.list({ prefix: SALT_PREFIX })).objects).toHaveLength(0);
    expect(await hashAt(new AddressHasher(env.ARCHIVE), "192.0.2.1", NOON_MS)).not.toBe(before);
  });

  it("has no hash for a day whose salt was not loaded", () => {
    expect(new AddressHasher(env.ARCHIVE).hash("192.0.2.1", NOON_MS)).toBeNull();
  });

  it("is HMAC-SHA-256 under the salt in R2", async () => {
    const hasher = new AddressHasher(env.ARCHIVE);
    const hashed = await hashAt(hasher, "192.0.2.1", NOON_MS);
    const salt = await (await env.ARCHIVE.get(saltKey("2026-04-20")))?.arrayBuffer();
    const key = await crypto.subtle.importKey("raw", salt as ArrayBuffer, { name: "HMAC", hash: "SHA-256" }, false, [
      "sign",
    ]);
    const mac = new Uint8Array(await crypto.subtle.sign("HMAC", key, new TextEncoder().encode("192.0.2.1")));
    expect(hashed).toBe(encodeBase64url(mac.subarray(0, 12)));
  });

  it("goes without a hash when there is no salt to be had", async () => {
    const down = { get: () => Promise.reject(new Error("R2 is down")) } as unknown as R2Bucket;
    expect(await hashAt(new AddressHasher(down), "192.0.2.1", NOON_MS)).toBeNull();
  });
});
