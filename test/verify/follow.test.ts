/** Following the log as a user of the client does: it goes on from what was seen, or it is refused and nothing is kept. */
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, describe, expect, it } from "vitest";
import { type EvidenceRefused, followLog, REFUSALS, type SeenLog, type SeenStore } from "../../client/evidence.ts";
import { fileStore } from "../../client/evidence-file.ts";
import { formatVerifierKey, noteSigner } from "../../src/core/signed-note.ts";
import { LogModel, NOW_MS, ORIGIN } from "../tlog/log-model.ts";

const folder = mkdtempSync(join(tmpdir(), "clickledger-follow-"));
afterAll(() => rmSync(folder, { recursive: true }));

const keyOf = async (seed: number) => formatVerifierKey((await noteSigner(ORIGIN, new Uint8Array(32).fill(seed))).key);

/** A store in memory, and what was written into it. */
function memoryStore() {
  const logs = new Map<string, SeenLog>();
  const store: SeenStore = {
    read: async (origin) => logs.get(origin) ?? null,
    write: async (seen) => void logs.set(seen.origin, structuredClone(seen)),
  };
  return { logs, store };
}

type Meddle = (path: string, bytes: Uint8Array<ArrayBuffer> | null) => Uint8Array<ArrayBuffer> | null;

/** The routes of the log. */
function served(model: LogModel, meddle: Meddle = (_, bytes) => bytes) {
  const asked: string[] = [];
  const fetch = async (request: Request) => {
    const path = new URL(request.url).pathname.slice("/evidence/".length);
    asked.push(path);
    const stored = model.memory.objects.get(`evidence-log/v1/${path === "keys" ? "keys.json" : path}`);
    const bytes = meddle(path, stored?.bytes ?? null);
    return bytes === null ? new Response("{}", { status: 404 }) : new Response(bytes);
  };
  return { asked, fetch };
}

const log = async (leaves: number, seeds = [1], prefix = "") => {
  const model = await LogModel.make(...seeds);
  await model.handIn(...Array.from({ length: leaves }, (_, at) => `${prefix}${at}`));
  await model.sequenceAll(LogModel.memory());
  return model;
};
const follow = async (model: LogModel, store: SeenStore, more: { key?: string; meddle?: Meddle } = {}) =>
  followLog("https://ads.example/", { key: await keyOf(1), store, ...more, ...served(model, more.meddle) });
const refusalOf = (looking: Promise<unknown>) =>
  looking.then(
    () => "accepted",
    (fault: EvidenceRefused) => fault.reason ?? String(fault),
  );

describe("who follows the log", () => {
  it("goes on from any size to any other, with a few tiles", async () => {
    const model = await LogModel.make();
    const memory = LogModel.memory();
    const { store, logs } = memoryStore();
    let size = 0;
    for (const next of [1, 2, 3, 7, 255, 256, 257, 511, 513, 800]) {
      await model.handIn(...Array.from({ length: next - size }, (_, at) => size + at));
      await model.sequenceAll(memory);
      size = next;
      const { asked, fetch } = served(model);
      const seen = await followLog("https://ads.example", { key: await keyOf(1), store, fetch });
      expect(seen).toMatchObject({ size, origin: ORIGIN, isFirstLook: next === 1 });
      expect(asked.length).toBeLessThan(24);
      const fresh = memoryStore();
      expect({ ...(await follow(model, fresh.store)), isFirstLook: false }).toEqual({ ...seen, isFirstLook: false });
      expect(fresh.logs).toEqual(logs);
      expect((await follow(model, store)).frontier).toEqual(seen.frontier);
    }
  });

  it("follows the log to its next key, and does not go back to an older one", async () => {
    const model = await log(3);
    const { store, logs } = memoryStore();
    await follow(model, store);
    const memory = LogModel.memory();
    await model.useKeys(2, 1);
    await model.handIn("next");
    await model.sequenceAll(memory);
    expect((await follow(model, store)).key).toBe(await keyOf(2));
    await model.useKeys(3, 2);
    model.nowMs = NOW_MS + 1_000;
    await model.handIn("last");
    await model.sequenceAll(memory);
    expect((await follow(model, store)).key).toBe(await keyOf(3));
    expect((await follow(model, store, { key: await keyOf(3) })).key).toBe(await keyOf(3));
    const kept = structuredClone(logs);
    // Who has stolen the first key goes on with it alone.
    const stolen = await log(9, [1]);
    for (const key of [await keyOf(1), await keyOf(3)]) {
      expect(await refusalOf(follow(stolen, store, { key }))).toMatch(/signature_missing|key_other/);
    }
    expect(logs).toEqual(kept);
  });
});

const text = (value: string) => new Uint8Array(Buffer.from(value));
const flipped: Meddle = (path, bytes) =>
  path.startsWith("tile/") && bytes !== null ? bytes.map((byte, at) => (at === 5 ? byte ^ 1 : byte)) : bytes;
const without =
  (part: string): Meddle =>
  (path, bytes) =>
    path.includes(part) ? null : bytes;
const rewritten =
  (part: string, from: string | RegExp, to: string): Meddle =>
  (path, bytes) =>
    path.includes(part)
      ? text(
          Buffer.from(bytes ?? [])
            .toString()
            .replace(from, to),
        )
      : bytes;

describe("what is refused keeps what was seen as it was", () => {
  it.each([
    ["a log that was set back", "set_back", { leaves: 4 }],
    ["a fork of the same size", "forked", { leaves: 5, prefix: "other " }],
    ["a fork that is longer", "forked", { leaves: 400, prefix: "other " }],
    ["a log of another key", "signature_missing", { leaves: 6, seeds: [9] }],
    ["a log of another key that the caller trusts now", "key_other", { leaves: 6, seeds: [9], key: 9 }],
    ["a key that is none", "key_malformed", { leaves: 6, key: 0 }],
    ["a tile that was edited", "forked", { leaves: 6, meddle: flipped }],
    ["a tile that is missing", "unavailable", { leaves: 6, meddle: without("tile/") }],
    ["no checkpoint", "unavailable", { leaves: 6, meddle: without("checkpoint") }],
    ["no list of keys", "unavailable", { leaves: 6, meddle: without("keys") }],
    [
      "a checkpoint with another size",
      "signature_wrong",
      { leaves: 6, meddle: rewritten("checkpoint", "\n6\n", "\n7\n") },
    ],
    [
      "a checkpoint without a signature",
      "note_malformed",
      { leaves: 6, meddle: rewritten("checkpoint", /\n—.*\n/, "\n") },
    ],
    [
      "a page instead of a checkpoint",
      "note_malformed",
      { leaves: 6, meddle: rewritten("checkpoint", /[\s\S]*/, "<html>") },
    ],
    [
      "a tile that is cut",
      "tiles_wrong",
      {
        leaves: 6,
        meddle: (path: string, bytes: Uint8Array<ArrayBuffer> | null) =>
          path.startsWith("tile/") && bytes !== null ? bytes.slice(1) : bytes,
      },
    ],
  ] as const)("%s", async (_, reason, given) => {
    const {
      leaves,
      seeds = [1],
      prefix = "",
      key = 1,
      meddle,
    } = given as {
      leaves: number;
      seeds?: number[];
      prefix?: string;
      key?: number;
      meddle?: Meddle;
    };
    const { store, logs } = memoryStore();
    await follow(await log(5), store);
    const kept = structuredClone(logs);
    const more = { key: key === 0 ? "no key" : await keyOf(key), ...(meddle === undefined ? {} : { meddle }) };
    expect(await refusalOf(follow(await log(leaves, seeds, prefix), store, more))).toBe(reason);
    expect(logs).toEqual(kept);
    expect(REFUSALS[reason]).toMatch(/\.$/);
  });

  it("a first look at tiles that are not those of the checkpoint", async () => {
    const { store, logs } = memoryStore();
    expect(await refusalOf(follow(await log(5), store, { meddle: flipped }))).toBe("tiles_wrong");
    expect(logs.size).toBe(0);
  });

  it("a network that fails", async () => {
    const fetch = () => Promise.reject(new TypeError("no route"));
    const looking = followLog("https://ads.example", { key: await keyOf(1), store: memoryStore().store, fetch });
    await expect(looking).rejects.toThrow("The log does not answer. TypeError: no route");
  });
});

describe("what was seen in a file", () => {
  it("is there again in another process, beside what is kept of other logs", async () => {
    const path = join(folder, "seen.json");
    expect(await fileStore(path).read(ORIGIN)).toBeNull();
    const model = await log(5);
    const first = await follow(model, fileStore(path));
    const other: SeenLog = { ...first, origin: "others.example/evidence" } as SeenLog;
    await fileStore(path).write(other);
    expect(await fileStore(path).read(ORIGIN)).toMatchObject({ size: 5, key: await keyOf(1) });
    expect((await follow(model, fileStore(path))).isFirstLook).toBe(false);
    expect(await refusalOf(follow(await log(4), fileStore(path)))).toBe("set_back");
  });

  it.each(["", "{", "null", "[]", '{"v":2,"logs":{}}', '{"v":1}'])(
    "is not taken for nothing when it is %j",
    async (content) => {
      const path = join(folder, "damaged.json");
      writeFileSync(path, content);
      await expect(follow(await log(1), fileStore(path))).rejects.toThrow(/is damaged\. Bring it back/);
      expect(readFileSync(path, "utf8")).toBe(content);
    },
  );
});
