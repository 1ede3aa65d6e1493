/** The hashes of a client: one value a day, none after it, and never the address. */
import { env } from "cloudflare:workers";
import { describe, expect, it } from "vitest";
import { encodeBase64url } from "../../src/core/base64url.ts";
import { DAY_MS } from "../../src/core/limits.ts";
import {
  AddressHasher,
  type ClientHashes,
  destroyOldSalts,
  SALT_PREFIX,
  saltKey,
} from "../../src/track/address-hash.ts";
import { BROWSER, NOON_MS } from "../support/builders.ts";

/** The hashes that an edge makes of a client at an instant. */
async function hashAt(hasher: AddressHasher, address: string, atMs: number, agent = BROWSER): Promise<ClientHashes> {
  if (!hasher.isLoaded(atMs)) await hasher.load(atMs);
  return hasher.hash({ address, agent }, atMs);
}

const NONE: ClientHashes = { ipHash: null, userHash: null };

describe("AddressHasher", () => {
  it("gives one client one value all day, at every edge, and another the next day", async () => {
    const [here, there] = [new AddressHasher(env.ARCHIVE), new AddressHasher(env.ARCHIVE)];
    const [a, b] = await Promise.all([
      hashAt(here, "192.0.2.1", NOON_MS),
      hashAt(there, "192.0.2.1", NOON_MS + 60_000),
    ]);
    const others = [await hashAt(here, "192.0.2.2", NOON_MS), await hashAt(here, "192.0.2.1", NOON_MS + DAY_MS)];
    for (const hash of ["ipHash", "userHash"] as const) {
      expect(a[hash]).toMatch(/^[A-Za-z0-9_-]{16}$/);
      expect(b[hash]).toBe(a[hash]);
      for (const other of others) expect(other[hash]).not.toBe(a[hash]);
    }
  });

  it("tells browsers of one address apart, while their address is the same", async () => {
    const hasher = new AddressHasher(env.ARCHIVE);
    const one = await hashAt(hasher, "192.0.2.1", NOON_MS);
    const other = await hashAt(hasher, "192.0.2.1", NOON_MS, `${BROWSER} Edg/1`);
    expect(other.ipHash).toBe(one.ipHash);
    expect(other.userHash).not.toBe(one.userHash);
    expect(one.userHash).not.toBe(one.ipHash);
  });

  it("cannot be repeated once the salt is destroyed", async () => {
    const before = await hashAt(new AddressHasher(env.ARCHIVE), "192.0.2.1", NOON_MS);
    await destroyOldSalts(env.ARCHIVE, NOON_MS + 3 * DAY_MS);
    expect((await env.ARCHIVE.list({ prefix: SALT_PREFIX })).objects).toHaveLength(0);
    const after = await hashAt(new AddressHasher(env.ARCHIVE), "192.0.2.1", NOON_MS);
    expect(after.ipHash).not.toBe(before.ipHash);
    expect(after.userHash).not.toBe(before.userHash);
  });

  it("has no hash for a day whose salt was not loaded", () => {
    expect(new AddressHasher(env.ARCHIVE).hash({ address: "192.0.2.1", agent: BROWSER }, NOON_MS)).toEqual(NONE);
  });

  it("has no hash of nobody: without an address the agent alone is not hashed", async () => {
    expect(await hashAt(new AddressHasher(env.ARCHIVE), "", NOON_MS)).toEqual(NONE);
  });

  it("is HMAC-SHA-256 under the salt in R2", async () => {
    const hasher = new AddressHasher(env.ARCHIVE);
    const hashed = await hashAt(hasher, "192.0.2.1", NOON_MS);
    const salt = await (await env.ARCHIVE.get(saltKey("2026-04-20")))?.arrayBuffer();
    const key = await crypto.subtle.importKey("raw", salt as ArrayBuffer, { name: "HMAC", hash: "SHA-256" }, false, [
      "sign",
    ]);
    const macOf = async (text: string) => {
      const mac = new Uint8Array(await crypto.subtle.sign("HMAC", key, new TextEncoder().encode(text)));
      return encodeBase64url(mac.subarray(0, 12));
    };
    expect(hashed).toEqual({ ipHash: await macOf("192.0.2.1"), userHash: await macOf(`192.0.2.1\n${BROWSER}`) });
  });

  it("goes without a hash when there is no salt to be had", async () => {
    const down = { get: () => Promise.reject(new Error("R2 is down")) } as unknown as R2Bucket;
    expect(await hashAt(new AddressHasher(down), "192.0.2.1", NOON_MS)).toEqual(NONE);
  });
});
