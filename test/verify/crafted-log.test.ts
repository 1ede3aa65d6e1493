/** The log, its keys, what was kept of it, and receipts, as a service or a disk may craft them. */
import { createHash } from "node:crypto";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { canonical } from "../../packages/verify/src/json.js";
import { keepIn } from "../../packages/verify/src/keep.js";
import { explainReceipt, verifyReceipt } from "../../packages/verify/src/receipt.js";
import { encodeKeyStatement } from "../../src/core/log-key.ts";
import { hashLeaf } from "../../src/core/merkle.ts";
import { formatVerifierKey, noteSigner, signNote } from "../../src/core/signed-note.ts";
import { encodeEntries } from "../../src/core/tiles.ts";
import type { Receipt } from "../../src/evidence/receipt.ts";
import { craftsOf, decode, sampled, told } from "./crafted.ts";
import type { Objects } from "./forgeries.ts";
import { ReceiptWorld } from "./receipt-world.ts";
import { memoryKeep, objectsOf, verified } from "./verified.ts";
import { makeWorld, type World } from "./world.ts";

const ORIGIN = "ads.example/evidence";
const CHECKPOINT = "evidence-log/v1/checkpoint";
const KEYS = "evidence-log/v1/keys.json";
const folder = mkdtempSync(join(tmpdir(), "clickledger-crafted-"));
afterAll(() => rmSync(folder, { recursive: true }));

let world: World;
let objects: Objects;
let receipts: ReceiptWorld;
beforeAll(async () => {
  world = await makeWorld({ clicksPerDay: 4 });
  objects = objectsOf(world);
  receipts = await ReceiptWorld.make([[4, 9, 1], [2]]);
});

const bytesOf = (text: string) => Uint8Array.from(Buffer.from(text));
const signerOf = (name: string) => noteSigner(ORIGIN, createHash("sha256").update(name).digest());
const noteOf = (of: Objects) => Buffer.from(of.get(CHECKPOINT) ?? []).toString();
const look = (crafted: Objects, more: object = {}) => told(() => verified(crafted, 2, { logKey: world.vkey, ...more }));

describe("the log's list of keys", () => {
  it("is told by its place, and what is no key introduces nothing", async () => {
    const [old, next] = [await signerOf("log"), await signerOf("next")];
    const since = "2026-11-01T00:00:00.000Z";
    const statement = await signNote(encodeKeyStatement(ORIGIN, next.key, since), [old, next]);
    const first = decode(objects.get(KEYS)).keys[0];
    const list = { v: 1, origin: ORIGIN, keys: [first, { vkey: formatVerifierKey(next.key), since, statement }] };
    const signed = await signNote(`${noteOf(objects).split("\n\n")[0]}\n`, [next]);
    const own = new Map(objects).set(CHECKPOINT, bytesOf(signed));
    const withList = (text: string) => new Map(own).set(KEYS, bytesOf(text));
    expect(await look(withList(JSON.stringify(list)))).toBeNull();
    const missed: string[] = [];
    for (const craft of craftsOf(list, JSON.stringify)) {
      const said = await look(withList(craft.text()));
      const isNamed = said?.startsWith(`Differs: ${KEYS}: ${craft.at} `);
      // The origin says nothing that the keys' own names do not, and the first key is trusted already.
      const isFree = /^(origin|keys\[0\]\..*)$/.test(craft.at) || craft.name.endsWith("is new");
      const isNullable = /statement$/.test(craft.at);
      const isRight = craft.isOtherType && !isFree && !isNullable ? isNamed : isFree || said !== null;
      if (!isRight || said?.startsWith("FAULT")) missed.push(`${craft.name}: ${said}`);
    }
    expect(missed).toEqual([]);
  });

  it.each([
    ["empty", ""],
    ["cut short", "{"],
    ["a zero", "\u0000"],
    ["nested and never closed", "[".repeat(100_000)],
  ])("that is %s is told", async (_, text) => {
    expect(await look(new Map(objects).set(KEYS, bytesOf(text)))).toBe(`Differs: ${KEYS} is not JSON in UTF-8`);
  });
});

describe("a checkpoint that the log's key signed", () => {
  const root = () => noteOf(objects).split("\n")[2] ?? "";
  it.each<[string, () => string]>([
    ["is a word", () => "none\n"],
    ["is of another log", () => `other\n12\n${root()}\n`],
    ["has no size", () => `${ORIGIN}\n\n${root()}\n`],
    ["has a negative size", () => `${ORIGIN}\n-1\n${root()}\n`],
    ["has a fraction of a size", () => `${ORIGIN}\n1.5\n${root()}\n`],
    ["has a size that no number holds", () => `${ORIGIN}\n9999999999999999\n${root()}\n`],
    ["has a size of no leaves", () => `${ORIGIN}\n0\n${root()}\n`],
    ["has another size", () => `${ORIGIN}\n11\n${root()}\n`],
    ["has a root that is short", () => `${ORIGIN}\n12\nAAAA\n`],
    ["has a root that is no base64", () => `${ORIGIN}\n12\n!\n`],
    ["has no root", () => `${ORIGIN}\n12\n`],
  ])("is told where it %s", async (_, text) => {
    const crafted = new Map(objects).set(CHECKPOINT, bytesOf(await signNote(text(), [await signerOf("log")])));
    expect(await look(crafted)).toMatch(/^(Differs: the log|Unchecked: evidence-log\/v1\/tile\/\S+ is missing)/);
  });

  it("and tiles whose lengths lead out of them, or nowhere, are told", async () => {
    const key = [...objects.keys()].find((name) => name.endsWith("/entries/000.p/12")) ?? "";
    expect(objects.has(key)).toBe(true);
    for (const bytes of [
      new Uint8Array(),
      Uint8Array.of(0),
      Uint8Array.of(255, 255),
      new Uint8Array(24),
      encodeEntries(Array.from({ length: 12 }, () => new Uint8Array(65_535))),
    ]) {
      expect(await look(new Map(objects).set(key, bytes))).toMatch(
        /^Differs: (the log's leaves|evidence-log\/v1\/tile)/,
      );
    }
  });
});

describe("what was kept of the log", () => {
  it("is the user's own, so that it is damaged, and nothing is said of the service", async () => {
    const path = join(folder, "kept.json");
    const kept = { v: 1, logs: { [ORIGIN]: { key: world.vkey, checkpoint: noteOf(objects) } } };
    const keep = keepIn(path);
    writeFileSync(path, JSON.stringify(kept));
    expect(await look(objects, { keep })).toBeNull();
    const missed: string[] = [];
    for (const craft of craftsOf(kept, JSON.stringify)) {
      writeFileSync(path, craft.text());
      const said = await look(objects, { keep });
      const isDamaged = said?.startsWith(`Unchecked: ${path} is damaged (${path}: `);
      const isNoKey = said?.startsWith("Unchecked: ") && said.includes("is no verifier key");
      // Of a log that is not there nothing was seen.
      const isUnseen = /^logs( is \{\}|\.\S+ is missing)$/.test(craft.name) && said === null;
      if (!isDamaged && !isNoKey && !isUnseen) missed.push(`${craft.name}: ${said}`);
    }
    expect(missed).toEqual([]);
  });

  it("under a name that every object has is of no log", async () => {
    const signer = await noteSigner("__proto__", createHash("sha256").update("log").digest());
    const text = noteOf(objects).split("\n\n")[0]?.replace(ORIGIN, "__proto__");
    const crafted = new Map(objects).set(CHECKPOINT, bytesOf(await signNote(`${text}\n`, [signer])));
    const keep = memoryKeep();
    expect(await look(crafted, { logKey: formatVerifierKey(signer.key), keep })).toBeNull();
    expect(Object.keys(await keep.read())).toEqual([]);
  });
});

describe("a receipt", () => {
  const check = (text: string) =>
    told(async () => {
      const report = await verifyReceipt({ text, logKey: receipts.vkey, keep: memoryKeep(), store: null });
      explainReceipt(report, "kept");
    });

  it("is told by its place", async () => {
    const receipt = await receipts.receipt(7);
    const missed: string[] = [];
    for (const craft of craftsOf(receipt, JSON.stringify)) {
      const said = await check(craft.text());
      const isNamed = said?.startsWith(`Differs: the receipt: ${craft.at} `);
      // What stands beside the members of a receipt is in no hash, and nothing is read of it.
      const isFree = /^(more|__proto__)$/.test(craft.at);
      const isNullable = craft.at === "manifest.previous";
      const isRight = isFree || (craft.isOtherType && !isNullable ? isNamed : said?.startsWith("Differs"));
      if (!isRight) missed.push(`${craft.name}: ${said}`);
    }
    expect(missed).toEqual([]);
  });

  /** The receipt of a line with everything above it made anew and signed, as only the service can. */
  async function receiptOf(line: string): Promise<string> {
    const { manifest: old, nonce, ...receipt }: Receipt = await receipts.receipt(13);
    const sha = (...parts: (string | Uint8Array)[]) => {
      const hash = createHash("sha256");
      for (const part of parts) hash.update(part);
      return hash.digest();
    };
    const root = sha(Uint8Array.of(0), Buffer.from(nonce, "hex"), line).toString("hex");
    const segment = { ...receipt.segment, lines: 1, root };
    const manifest = { ...old, segments: 1, root: sha(Uint8Array.of(0), canonical(segment)).toString("hex") };
    const name = `hour/${manifest.source}/${manifest.hour}/${manifest.revision}`;
    const leaf = hashLeaf(Buffer.concat([sha(name), sha(canonical(manifest))]));
    const note = await signNote(`${ORIGIN}\n1\n${Buffer.from(leaf).toString("base64")}\n`, [await signerOf("log")]);
    const paths = { line_index: 0, line_path: [], segment_index: 0, segment_path: [] };
    const proof = `c2sp.org/tlog-proof@v1\nindex 0\n\n${note}`;
    return JSON.stringify({ ...receipt, nonce, line, segment, manifest, ...paths, proof });
  }

  it("of a line that was crafted before it was logged is told by its place", async () => {
    const line = { ...JSON.parse((await receipts.receipt(13)).line), review: { by: "ops", at_ms: 1 } };
    expect(await check(await receiptOf(JSON.stringify(line)))).toBeNull();
    const missed: string[] = [];
    for (const craft of sampled(craftsOf(line, JSON.stringify), 3, 1)) {
      const said = await check(await receiptOf(craft.text()));
      const isNamed = said?.startsWith(`Differs: the receipt's line: ${craft.at} `);
      // Of a line no more is read; what kinds of events have beside it is theirs.
      const isRead = /^(the whole|v|seq|logged_at_ms|verdict|reason|event|event\.id|event\.token|review)$/.test(
        craft.at,
      );
      const isMayBe = /^(reason is|(review|event.token) is missing)/.test(craft.name);
      const isRight = craft.isOtherType && isRead && !isMayBe ? isNamed : !said?.startsWith("FAULT");
      if (!isRight) missed.push(`${craft.name}: ${said}`);
    }
    expect(missed).toEqual([]);
  });

  it("tells no price of a token that does not say one", async () => {
    const line = JSON.parse((await receipts.receipt(13)).line);
    const claims = decode(Buffer.from(line.event.token.split(".")[1], "base64url"));
    for (const craft of sampled(craftsOf(claims, JSON.stringify), 5, 2)) {
      const token = `e.${Buffer.from(craft.text()).toString("base64url")}.s`;
      expect(await check(await receiptOf(JSON.stringify({ ...line, event: { ...line.event, token } })))).toBeNull();
    }
  });

  it.each([
    "",
    "index",
    "c2sp.org/tlog-proof@v1\n",
    "c2sp.org/tlog-proof@v1\nindex 9999999999999999\n\n",
    "c2sp.org/tlog-proof@v1\nindex -1\n\n",
    "c2sp.org/tlog-proof@v1\nindex 0\n\u0000\n\n",
    "c2sp.org/tlog-proof@v1\nindex 0\n\n",
    "c2sp.org/tlog-proof@v1\nindex 0\n\n\n\n",
  ])("whose proof is %j is told", async (proof) => {
    const receipt = await receipts.receipt(7);
    expect(await check(JSON.stringify({ ...receipt, proof }))).toMatch(/^Differs: (proof|the receipt's checkpoint) /);
  });

  it.each([
    ["empty", ""],
    ["null", "null"],
    ["a list", "[]"],
    ["cut short", "{"],
    ["nested and never closed", "[".repeat(100_000)],
    ["nested", `${"[".repeat(100_000)}${"]".repeat(100_000)}`],
    ["of an infinite version", '{"v":1e400}'],
  ])("that is %s is told", async (_, text) => {
    expect(await check(text)).toMatch(/^Differs: the receipt(:| is not JSON)/);
  });
});
