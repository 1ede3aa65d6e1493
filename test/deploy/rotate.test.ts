/**
 * `npm run rotate` against the stand-in, with real wrangler where secrets are sent for the first time, and a clock.
 */
import { mkdtemp, readFile, rm } from "node:fs/promises";
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { type Keep, keepFor, makeSecrets, type Secrets } from "../../scripts/platform/keep.ts";
import { type RotateOptions, RotationRefused, rotate } from "../../scripts/platform/rotating.ts";
import { wranglerIn } from "../../scripts/platform/wrangler.ts";
import { WRANGLER_CONFIG } from "../../scripts/project.ts";
import { keyRingFaults } from "../../src/core/key-ring.ts";
import { formatVerifierKey, noteSigner } from "../../src/core/signed-note.ts";
import { type Platform, startPlatform } from "../support/platform/stand-in.ts";

const MINUTE_MS = 60_000;
const HOUR_MS = 60 * MINUTE_MS;
const DAY_MS = 24 * HOUR_MS;
const STARTED_MS = Date.UTC(2026, 10, 28);
const OPTIONS: Omit<RotateOptions, "what"> = {
  ...{ isLeaked: false, isPlanOnly: false, haveAdServersSwitched: false, config: undefined, url: undefined },
};

let folder: string;
let platform: Platform;
let worker: Server;
/** What the Worker says: the kids that sealed its dead letters, and its log's keys. */
let letters: string[] = [];
let vkeys: string[] = [];

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "clickledger-rotate-"));
  platform = await startPlatform();
  worker = createServer((request, response) => {
    const { pathname, searchParams } = new URL(request.url ?? "", "http://worker");
    const answers: Record<string, unknown> = {
      "/v1/admin/dead-letters": { letters: letters.map((kid) => ({ key: kid })), next: null },
      "/v1/admin/dead-letters/show": { letter: { seal: { kid: searchParams.get("key") } } },
      "/v1/admin/evidence-log/sequence": {},
      "/evidence/keys": { keys: vkeys.map((vkey) => ({ vkey })) },
    };
    response.end(JSON.stringify(answers[pathname]));
  });
  await new Promise<void>((resolve) => worker.listen(0, "127.0.0.1", resolve));
});
afterAll(async () => {
  worker.close();
  await platform.stop();
  await rm(folder, { recursive: true, force: true });
});

/** An operator with a deployment, and a clock. */
class Desk {
  readonly keep: Keep;
  readonly env: NodeJS.ProcessEnv;
  readonly printed: string[] = [];
  nowMs = STARTED_MS;
  /** Set: sending fails. */
  isOffline = false;

  constructor(path: string) {
    this.env = { ...platform.env, CLICKLEDGER_KEEP: path };
    this.keep = keepFor(this.env, { accountId: "", worker: "clickledger" });
  }

  async furnish(): Promise<this> {
    await this.keep.writeSecrets(makeSecrets({}, { host: "ads.example", nowMs: this.nowMs - DAY_MS }), this.nowMs);
    await this.keep.changeState({ url: `http://127.0.0.1:${(worker.address() as AddressInfo).port}` });
    return this;
  }

  rotate(what: RotateOptions["what"], options: Partial<RotateOptions> = {}): Promise<boolean> {
    this.printed.length = 0;
    const ports = { env: this.env, print: (line: string) => void this.printed.push(line), now: () => this.nowMs };
    return rotate({ ...OPTIONS, what, ...options }, { ...ports, wrangler: this.#send });
  }

  get said(): string {
    return this.printed.at(-1) ?? "";
  }

  /** What the Worker has got. */
  get sent(): Secrets {
    return Object.fromEntries(platform.account.scripts.get("clickledger")?.secrets ?? []);
  }

  get ring(): Record<string, string | { key: string; retired?: boolean }> {
    return JSON.parse(this.sent.TOKEN_KEYS ?? "{}");
  }

  /** As wrangler does, without its two seconds: the first test has wrangler itself. */
  readonly #send = async (_: readonly string[], stdin = ""): Promise<string> => {
    if (this.isOffline) throw new Error("no network");
    const { secrets } = platform.account.scripts.get("clickledger") ?? {};
    for (const [name, text] of Object.entries(JSON.parse(stdin) as Secrets)) secrets?.set(name, text);
    return "";
  };
}

let desk: Desk;
beforeEach(async () => {
  letters = [];
  vkeys = [];
  platform.account.addScript("clickledger", []);
  desk = await new Desk(await mkdtemp(join(folder, "keep-"))).furnish();
});

it("wrangler sends secrets by stdin, and none stands in its arguments", async () => {
  await wranglerIn(platform.env, WRANGLER_CONFIG)(["secret", "bulk", "--name", "clickledger"], '{"SESSION_KEYS":"s1"}');
  expect(desk.sent.SESSION_KEYS).toBe("s1");
  expect(platform.unknown).toEqual([]);
});

describe("token keys", () => {
  const valid = () => keyRingFaults(desk.ring, desk.sent.TOKEN_SIGNING_KID ?? "");

  it("go the whole runbook: added, switched, waited for, retired, removed", async () => {
    const { TOKEN_SIGNING_KID: oldKid = "" } = await desk.keep.readSecrets();
    expect(await desk.rotate("token-keys")).toBe(false);
    const newKid = Object.keys(desk.ring).find((kid) => kid !== oldKid) ?? "";
    expect(newKid).toMatch(/^k-2026-11-28-/);
    expect(desk.sent.TOKEN_SIGNING_KID).toBe(oldKid);
    expect(desk.said).toContain("waits until 2026-11-28T00:05:00.000Z");

    desk.nowMs += 5 * MINUTE_MS;
    expect(await desk.rotate("token-keys")).toBe(false);
    expect([desk.sent.TOKEN_SIGNING_KID, valid()]).toEqual([newKid, []]);
    expect(desk.said).toContain("--ad-servers-switched");

    desk.nowMs += DAY_MS;
    await desk.rotate("token-keys", { haveAdServersSwitched: true });
    expect(desk.said).toContain(`waits until 2026-11-30T00:05:00.000Z: the last tokens of ${oldKid} expire`);

    desk.nowMs += DAY_MS;
    letters = [oldKid, newKid, oldKid];
    await desk.rotate("token-keys");
    expect(desk.said).toContain(`2 dead letters are sealed with ${oldKid}`);
    expect(desk.ring[oldKid]).toEqual(expect.any(String));

    letters = [newKid];
    await desk.rotate("token-keys");
    expect(desk.ring[oldKid]).toMatchObject({ retired: true });
    expect(desk.said).toContain("conversions of clicks");

    desk.nowMs += 400 * DAY_MS;
    expect(await desk.rotate("token-keys")).toBe(true);
    expect([Object.keys(desk.ring), valid()]).toEqual([[newKid], []]);
  });

  it("that leaked are removed as soon as the new one has spread", async () => {
    const { TOKEN_SIGNING_KID: oldKid = "" } = await desk.keep.readSecrets();
    await desk.rotate("token-keys", { isLeaked: true });
    desk.nowMs += 5 * MINUTE_MS;
    expect(await desk.rotate("token-keys")).toBe(true);
    expect(desk.ring).not.toHaveProperty(oldKid);
    expect(valid()).toEqual([]);
  });

  it("that are found to have leaked half-way are waited for no longer", async () => {
    await desk.rotate("token-keys");
    desk.nowMs += 5 * MINUTE_MS;
    await desk.rotate("token-keys", { haveAdServersSwitched: true });
    expect(await desk.rotate("token-keys", { isLeaked: true })).toBe(true);
    expect(Object.keys(desk.ring)).toHaveLength(1);
  });

  it("keep their limits and the keys of others", async () => {
    const { TOKEN_KEYS = "{}" } = await desk.keep.readSecrets();
    const partner = { key: "A".repeat(43), publishers: ["pub_1"] };
    await desk.keep.writeSecrets({ TOKEN_KEYS: JSON.stringify({ ...JSON.parse(TOKEN_KEYS), partner }) }, 0);
    await desk.rotate("token-keys", { isLeaked: true });
    desk.nowMs += 5 * MINUTE_MS;
    await desk.rotate("token-keys");
    expect(desk.ring["partner"]).toEqual(partner);
  });

  it("make one new key, however often the command breaks", async () => {
    desk.isOffline = true;
    await expect(desk.rotate("token-keys")).rejects.toThrow("no network");
    await expect(desk.rotate("token-keys")).rejects.toThrow("no network");
    const made = Object.keys(JSON.parse((await desk.keep.readSecrets()).TOKEN_KEYS ?? "{}"));
    desk.isOffline = false;
    await desk.rotate("token-keys");
    expect(Object.keys(desk.ring)).toEqual(made);
    expect(made).toHaveLength(2);
  });

  it("are shown by --plan, which changes nothing", async () => {
    const before = await desk.keep.readSecrets();
    expect(await desk.rotate("token-keys", { isPlanOnly: true })).toBe(false);
    expect(desk.said).toMatch(/next: add k-2026-11-28-\w+ to TOKEN_KEYS/);
    expect(await desk.keep.readSecrets()).toEqual(before);
    expect(await desk.keep.readDocument("rotations.json")).toBeNull();
    expect(desk.sent).toEqual({});
  });
});

it("session keys: the new one signs at once, and the old one goes after a session's life", async () => {
  const { SESSION_KEYS: old } = await desk.keep.readSecrets();
  expect(await desk.rotate("session-keys")).toBe(false);
  expect(desk.sent.SESSION_KEYS?.split(",")).toEqual([expect.any(String), old]);
  desk.nowMs += 12 * HOUR_MS - 1;
  expect(await desk.rotate("session-keys")).toBe(false);
  desk.nowMs += 1;
  const [newest] = desk.sent.SESSION_KEYS?.split(",") ?? [];
  expect(await desk.rotate("session-keys")).toBe(true);
  expect(desk.sent.SESSION_KEYS).toBe(newest);
  desk.nowMs += HOUR_MS;
  expect(await desk.rotate("session-keys")).toBe(true);
  expect(desk.sent.SESSION_KEYS).toBe(newest);
});

describe("the evidence log's key", () => {
  const seeds = () => JSON.parse(desk.sent.EVIDENCE_LOG_KEYS ?? "[]") as { name: string; seed: string }[];
  const vkeyOf = async ({ name, seed }: { name: string; seed: string }) =>
    formatVerifierKey((await noteSigner(name, new Uint8Array(Buffer.from(seed, "base64url")))).key);

  it("is introduced by the old one before anything else happens, and signs alone after 400 days", async () => {
    await desk.rotate("evidence-log");
    desk.nowMs += 5 * MINUTE_MS;
    await desk.rotate("evidence-log");
    expect(desk.said).toContain("has not introduced the new key");
    const [newest, old] = seeds();
    expect(newest?.name).toBe(old?.name);
    vkeys = [await vkeyOf(old as never), await vkeyOf(newest as never)];
    await desk.rotate("evidence-log");
    desk.nowMs += 399 * DAY_MS;
    expect([await desk.rotate("evidence-log"), seeds()]).toEqual([false, [newest, old]]);
    desk.nowMs += DAY_MS;
    expect([await desk.rotate("evidence-log"), seeds()]).toEqual([true, [newest]]);
  });

  it("that leaked goes once the new one is introduced, and not before", async () => {
    await desk.rotate("evidence-log", { isLeaked: true });
    desk.nowMs += 5 * MINUTE_MS;
    expect(await desk.rotate("evidence-log")).toBe(false);
    expect(seeds()).toHaveLength(2);
    vkeys = [await vkeyOf(seeds()[0] as never)];
    expect(await desk.rotate("evidence-log")).toBe(true);
    expect(seeds()).toHaveLength(1);
  });
});

it("the operator's key is another at once, is not printed, and is not replaced again by the same command", async () => {
  const { ADMIN_API_KEY: old } = await desk.keep.readSecrets();
  expect(await desk.rotate("admin-key")).toBe(true);
  const { ADMIN_API_KEY: key = "" } = desk.sent;
  expect(key).toMatch(/^clk_[\w-]{43}$/);
  expect(key).not.toBe(old);
  expect(desk.printed.join("\n")).not.toContain(key);
  await desk.rotate("admin-key");
  expect(desk.sent.ADMIN_API_KEY).toBe(key);
  desk.nowMs += 2 * DAY_MS;
  await desk.rotate("admin-key");
  expect(desk.sent.ADMIN_API_KEY).not.toBe(key);
});

describe("a key that leaks right after its rotation", () => {
  it.each(["session-keys", "admin-key"] as const)("is replaced, once a command: %s", async (what) => {
    const name = what === "admin-key" ? "ADMIN_API_KEY" : "SESSION_KEYS";
    await desk.rotate(what);
    desk.nowMs += 12 * HOUR_MS;
    expect(await desk.rotate(what)).toBe(true);
    const { [name]: leaked } = desk.sent;
    const leak = async (afterMs: number) => {
      desk.nowMs += afterMs;
      await desk.rotate(what, { isLeaked: true });
      return desk.sent[name];
    };
    await leak(MINUTE_MS);
    expect(desk.sent[name]).not.toBe(leaked);
    const next = await leak(5 * MINUTE_MS);
    expect(next).not.toContain(leaked);
    expect(await leak(MINUTE_MS)).toBe(next);
    expect(desk.said).toMatch(/has leaked too: the same command from 2026-11-28T12:\d\d:\d\d.000Z on/);
    expect(await leak(10 * MINUTE_MS)).not.toBe(next);
  });

  it("is replaced though the one before waits for its end, which comes at once", async () => {
    const { TOKEN_SIGNING_KID: first = "" } = await desk.keep.readSecrets();
    const steps = [0, 5 * MINUTE_MS, 0, DAY_MS];
    for (const ms of steps) {
      desk.nowMs += ms;
      await desk.rotate("token-keys", { haveAdServersSwitched: true });
    }
    const { TOKEN_SIGNING_KID: leaked = "" } = await desk.keep.readSecrets();
    expect(leaked).not.toBe(first);
    for (const ms of [DAY_MS, 10 * MINUTE_MS, 5 * MINUTE_MS]) {
      desk.nowMs += ms;
      await desk.rotate("token-keys", { isLeaked: true });
    }
    expect(Object.keys(desk.ring)).toEqual([(await desk.keep.readSecrets()).TOKEN_SIGNING_KID]);
    expect(desk.ring).not.toHaveProperty(leaked);
  });
});

describe("nothing is rotated", () => {
  it("where no Worker is deployed, since sending would make one", async () => {
    platform.account.scripts.clear();
    await expect(desk.rotate("session-keys")).rejects.toThrow(RotationRefused);
  });

  it("where the secrets are not kept, since they cannot be read back", async () => {
    const other = new Desk(await mkdtemp(join(folder, "empty-")));
    await expect(other.rotate("token-keys")).rejects.toThrow(/bring it back from a copy/);
  });
});

it("what is kept of a rotation has no key in it", async () => {
  await desk.rotate("token-keys");
  const kept = await readFile(join(desk.env["CLICKLEDGER_KEEP"] ?? "", "rotations.json"), "utf8");
  for (const key of Object.values(desk.ring)) expect(kept).not.toContain(key);
});
