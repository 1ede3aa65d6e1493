/** The hashes of a client: one value a day, none after it, and never the address. */
import { env } from "cloudflare:workers";
import { describe, expect, it, vi } from "vitest";
import { encodeBase64url } from "../../src/core/base64url.ts";
import { DAY_MS } from "../../src/core/limits.ts";
import { SipHash } from "../../src/core/siphash.ts";
import {
  AddressHasher,
  type ClientHashes,
  destroyOldSalts,
  SALT_PREFIX,
  saltKey,
} from "../../src/track/address-hash.ts";
import { BROWSER, NOON_MS } from "../support/builders.ts";
import { PATIENT } from "../support/patience.ts";
import { aToken } from "../support/tokens.ts";
import { watched } from "../support/watched-edge.ts";

/** The hashes that an edge makes of a client at an instant. */
async function hashAt(hasher: AddressHasher, address: string, atMs: number, agent = BROWSER): Promise<ClientHashes> {
  if (!hasher.isReady(atMs)) await hasher.load(atMs);
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

  it("is SipHash under the salt in R2", async () => {
    const hasher = new AddressHasher(env.ARCHIVE);
    const hashed = await hashAt(hasher, "192.0.2.1", NOON_MS);
    const salt = await (await env.ARCHIVE.get(saltKey("2026-04-20")))?.bytes();
    expect(salt?.length).toBe(16);
    const keyed = new SipHash(salt as Uint8Array);
    const codeOf = (text: string) => encodeBase64url(keyed.digest(text).subarray(0, 12));
    expect(hashed).toEqual({ ipHash: codeOf("192.0.2.1"), userHash: codeOf(`192.0.2.1\n${BROWSER}`) });
  });

  it("goes without a hash when there is no salt to be had", async () => {
    const down = { get: () => Promise.reject(new Error("R2 is down")) } as unknown as R2Bucket;
    expect(await hashAt(new AddressHasher(down), "192.0.2.1", NOON_MS)).toEqual(NONE);
  });
});

describe("the client whose address is hashed", () => {
  const AGENT = BROWSER;
  const hashesOf = async (addresses: readonly string[]) => {
    const hasher = new AddressHasher(env.ARCHIVE);
    const hashes: ClientHashes[] = [];
    for (const address of addresses) hashes.push(await hashAt(hasher, address, NOON_MS, AGENT));
    return hashes;
  };
  const distinct = (hashes: readonly ClientHashes[]) => [
    new Set(hashes.map(({ ipHash }) => ipHash)).size,
    new Set(hashes.map(({ userHash }) => userHash)).size,
  ];

  it("[fault A12] is one for all addresses of a network of 64 bits, and for an IPv4 address in any spelling", async () => {
    const phone = ["2001:db8:1:2::1", "2001:DB8:1:2:a:b:c:d", "2001:0db8:0001:0002:ffff::", "2001:db8:1:2:9::9"];
    const line = ["203.0.113.5", "::ffff:203.0.113.5", "::FFFF:cb00:7105", "64:ff9b::203.0.113.5"];
    expect(distinct(await hashesOf(phone))).toEqual([1, 1]);
    expect(distinct(await hashesOf(line))).toEqual([1, 1]);
    const strangers = ["2001:db8:1:3::1", "2001:db8:1:2::1", "203.0.113.5", "203.0.113.6", "::ffff:203.0.113.7"];
    expect(distinct(await hashesOf(strangers))).toEqual([5, 5]);
  });
});

/** A bucket that answers when it is told to. */
function failing() {
  const asked: string[] = [];
  const waiting: (() => void)[] = [];
  const state = { isDown: true, isSlow: false };
  const bucket = {
    get: async (key: string) => {
      asked.push(key);
      if (state.isSlow) await new Promise<void>((resolve) => waiting.push(resolve));
      if (state.isDown) throw new Error("R2 is down");
      return env.ARCHIVE.get(key);
    },
    put: env.ARCHIVE.put.bind(env.ARCHIVE),
  } as unknown as R2Bucket;
  return { bucket, asked, waiting, state };
}

describe("[fault C1] a salt that could not be read", () => {
  it("is asked for again after 1 s, 2 s, 4 s … and once a minute at most", async () => {
    const { bucket, asked, state } = failing();
    const hasher = new AddressHasher(bucket);
    const askedAt: number[] = [];
    for (let second = 0; second < 300; second++) {
      const before = asked.length;
      expect(await hashAt(hasher, "192.0.2.1", NOON_MS + second * 1_000)).toEqual(NONE);
      if (asked.length > before) askedAt.push(second);
    }
    expect(askedAt).toEqual([0, 1, 3, 7, 15, 31, 63, 123, 183, 243]);
    state.isDown = false;
    expect((await hashAt(hasher, "192.0.2.1", NOON_MS + 303_000)).userHash).not.toBeNull();
  });

  it("is one failure for the requests that asked at once, and then asked for by one of them", async () => {
    const { bucket, asked, state } = failing();
    const hasher = new AddressHasher(bucket);
    await Promise.all(Array.from({ length: 20 }, () => hasher.load(NOON_MS)));
    expect([hasher.isReady(NOON_MS + 999), hasher.isReady(NOON_MS + 1_000)]).toEqual([true, false]);
    state.isDown = false;
    const before = asked.length;
    await Promise.all(Array.from({ length: 20 }, () => hashAt(hasher, "192.0.2.1", NOON_MS + 1_000)));
    expect(asked.slice(before)).toEqual([saltKey("2026-04-20")]);
    expect((await hashAt(hasher, "192.0.2.1", NOON_MS + 1_001)).userHash).not.toBeNull();
  });

  it("is taken when it comes late, and is the salt of its own day", async () => {
    const there = new AddressHasher(env.ARCHIVE);
    const right = await hashAt(there, "192.0.2.1", NOON_MS);
    const { bucket, waiting, state } = failing();
    Object.assign(state, { isDown: false, isSlow: true });
    const hasher = new AddressHasher(bucket);
    vi.useFakeTimers();
    try {
      const loading = hasher.load(NOON_MS);
      await vi.advanceTimersByTimeAsync(1_000);
      await loading;
    } finally {
      vi.useRealTimers();
    }
    expect(hasher.hash({ address: "192.0.2.1", agent: BROWSER }, NOON_MS)).toEqual(NONE);
    state.isSlow = false;
    const tomorrow = await hashAt(hasher, "192.0.2.1", NOON_MS + DAY_MS);
    for (const answer of waiting) answer();
    const late = () => hasher.hash({ address: "192.0.2.1", agent: BROWSER }, NOON_MS);
    await vi.waitFor(() => expect(late()).toEqual(right), PATIENT);
    expect(await hashAt(hasher, "192.0.2.1", NOON_MS + DAY_MS)).toEqual(tomorrow);
    expect(tomorrow.userHash).not.toBe(right.userHash);
  });

  it("costs the clicks of its moment their user, and no click", async () => {
    const { bucket } = failing();
    const { response, events } = await watched(`/c/${await aToken()}`, { bindings: { ARCHIVE: bucket } });
    expect([response.status, events.length]).toEqual([302, 1]);
    expect(events[0]?.event).toMatchObject({ ipHash: null, userHash: null, gpc: false });
  });
});
