/** Receipts as a stranger checks them: each line's own is verified, and whatever was forged in one is named. */
import { createHash } from "node:crypto";
import { gzipSync } from "node:zlib";
import { beforeAll, describe, expect, it } from "vitest";
import { canonical } from "../../packages/verify/src/json.js";
import type { Kept } from "../../packages/verify/src/keep.js";
import { explainReceipt, verifyReceipt } from "../../packages/verify/src/receipt.js";
import { openSegment } from "../../src/archive/segments.ts";
import { eraseInRow } from "../../src/core/erased-line.ts";
import { hoursOf } from "../../src/evidence/hours.ts";
import type { LineAt, Receipt } from "../../src/evidence/receipt.ts";
import { EXAMPLE } from "../../src/openapi/example-values.ts";
import examples from "../../src/openapi/examples.json" with { type: "json" };
import { testRing } from "../support/tokens.ts";
import { DAY, ReceiptWorld } from "./receipt-world.ts";
import { memoryKeep, memoryStore, objectsOf } from "./verified.ts";

let world: ReceiptWorld;
beforeAll(async () => {
  world = await ReceiptWorld.make([[4, 9, 1], [2]]);
});

type Kepts = Record<string, Kept>;
const check = (receipt: unknown, more: { kept?: Kepts; logKey?: string | null; isOnline?: boolean } = {}) => {
  const { kept = {}, logKey = world.vkey, isOnline = false } = more;
  const store = isOnline ? memoryStore(objectsOf(world)) : null;
  return verifyReceipt({ text: JSON.stringify(receipt), logKey, keep: memoryKeep(kept), store });
};

describe("a receipt", () => {
  it("of every line of the log is verified without a network", async () => {
    for (const [at, line] of world.lines.entries()) {
      const report = await check(await world.receipt(at));
      expect(report.line.event.id).toBe(JSON.parse(line.text).event.id);
      expect(report.isFirstLook).toBe(true);
    }
  });

  it("that the document shows is one that is verified, by the key that the document shows", async () => {
    const { answer: receipt } = examples["getReceipt/first"];
    const logKey = examples["getEvidenceKeys/keys"].answer.keys[0]?.vkey ?? "";
    const report = await check(receipt, { logKey });
    expect(report.line.event.id).toBe(EXAMPLE.receiptEventId);
    const forged = { ...receipt, line: receipt.line.replace('"valid"', '"invalid"') };
    await expect(check(forged, { logKey })).rejects.toThrow();
  });

  it("shows the line without the hashes of address and user", async () => {
    const receipt = await world.receipt(0);
    expect(JSON.stringify(receipt)).not.toMatch(/ip1_0|user1_0|ip_hash|user_hash/);
    expect(JSON.parse(receipt.line)).toMatchObject({ verdict: "valid", event: { type: "click" } });
  });

  it("says what it shows and what it does not", async () => {
    const report = await check(await world.receipt(0));
    const said = explainReceipt(report, "log.json");
    expect(said).toMatch(/^VERIFIED: click \S+ was logged at 2026-11-27T00:00:00.700Z as valid\.\n/);
    expect(said).toContain("First".toLowerCase());
    expect(said).toContain("That a person clicked");
  });

  it("is compared with the log as it is now, which has one manifest under its name", async () => {
    const kept: Kepts = {};
    const old = await world.receipt(3);
    await check(old, { kept });
    await world.publish();
    const report = await check(old, { kept, isOnline: true });
    expect(report.isCompared).toBe(true);
    // What was seen by now is newer than the receipt: only the log itself can tell that one goes on from the other.
    await expect(check(old, { kept })).rejects.toThrow(/older than what you keep/);
    expect((await check(old, { kept, isOnline: true })).isCompared).toBe(true);
    await check(await world.receipt(3), { kept });
  });
});

type Forge = (receipt: Receipt, other: Receipt) => unknown;
const flip = (hex: string) => `${hex.startsWith("0") ? "1" : "0"}${hex.slice(1)}`;
const other = (text: string) => text.replace('"verdict":"valid"', '"verdict":"invalid"');
const LINE = /line, nonce, line_index and line_path do not lead to the root of the segment/;
const SEGMENT = /segment, segment_index and segment_path do not lead to the root of the manifest/;
const MANIFEST = /proof does not lead from the manifest to the checkpoint/;

const FORGERIES: readonly [string, RegExp, Forge][] = [
  ["a line with another verdict", LINE, (one) => ({ ...one, line: other(one.line) })],
  ["the line of another click", LINE, (one, two) => ({ ...one, line: two.line })],
  ["a line with a space more", LINE, (one) => ({ ...one, line: one.line.replace("{", "{ ") })],
  ["another nonce", LINE, (one) => ({ ...one, nonce: flip(one.nonce) })],
  ["the nonce of another line", LINE, (one, two) => ({ ...one, nonce: two.nonce })],
  [
    "a nonce that is shorter",
    /the receipt: nonce is ".*", and must be 32 hexadecimal digits/,
    (one) => ({ ...one, nonce: one.nonce.slice(2) }),
  ],
  ["another path", LINE, (one) => ({ ...one, line_path: one.line_path.with(0, flip(one.line_path[0] as string)) })],
  [
    "the path of another line",
    /line_path has 1 hashes, and 3 of 9 takes 4/,
    (one, two) => ({ ...one, line_path: two.line_path }),
  ],
  [
    "a path that is shorter",
    /line_path has 3 hashes, and 3 of 9 takes 4/,
    (one) => ({ ...one, line_path: one.line_path.slice(1) }),
  ],
  [
    "a path that is longer",
    /line_path has 5 hashes, and 3 of 9 takes 4/,
    (one) => ({ ...one, line_path: [...one.line_path, one.segment.root] }),
  ],
  [
    "a path of no hashes",
    /line_path\[0\] is "", and must be 64 hexadecimal digits/,
    (one) => ({ ...one, line_path: ["", ...one.line_path.slice(1)] }),
  ],
  ["another index", LINE, (one) => ({ ...one, line_index: one.line_index - 1 })],
  ["an index outside", /line_index is 9, and its segment has 9/, (one) => ({ ...one, line_index: 9 })],
  ["an index that is none", /line_index is -1, and must be an integer from 0/, (one) => ({ ...one, line_index: -1 })],
  [
    "a segment of other lines",
    /line_path has 4 hashes, and 3 of 5 takes 3|do not lead/,
    (one) => ({ ...one, segment: { ...one.segment, lines: 5 } }),
  ],
  ["a segment of one line more", SEGMENT, (one) => ({ ...one, segment: { ...one.segment, lines: 10 } })],
  ["a segment of other rows", SEGMENT, (one) => ({ ...one, segment: { ...one.segment, first_row: 1 } })],
  [
    "a segment with a member more",
    /segment\.more is 1, and must not be there/,
    (one) => ({ ...one, segment: { ...one.segment, more: 1 } }),
  ],
  ["another segment index", SEGMENT, (one) => ({ ...one, segment_index: 0 })],
  ["another segment path", SEGMENT, (one) => ({ ...one, segment_path: one.segment_path.map(flip) })],
  [
    "a manifest of more segments",
    /segment_path has 2 hashes, and 1 of 8 takes 3/,
    (one) => ({ ...one, manifest: { ...one.manifest, segments: 8 } }),
  ],
  ["a manifest of more lines", MANIFEST, (one) => ({ ...one, manifest: { ...one.manifest, lines: 99 } })],
  [
    "a manifest of another source",
    MANIFEST,
    (one) => ({ ...one, manifest: { ...one.manifest, source: "clicks-1/a" } }),
  ],
  [
    "a manifest of another chain",
    MANIFEST,
    (one) => ({ ...one, manifest: { ...one.manifest, chain: flip(one.manifest.chain) } }),
  ],
  [
    "a manifest of another hour",
    /the line was logged in the hour 2026-11-27T00, and the manifest is of 2026-11-27T09/,
    (one) => ({ ...one, manifest: { ...one.manifest, hour: `${DAY}T09` } }),
  ],
  ["the proof for another leaf", MANIFEST, (one, two) => ({ ...one, proof: two.proof })],
  [
    "the proof with another index",
    /proof (does not lead|has \d hashes)/,
    (one) => ({ ...one, proof: one.proof.replace(/index (\d+)/, (_, index) => `index ${Number(index) ^ 1}`) }),
  ],
  [
    "the proof with an index outside",
    /the index of proof is 99, and the log has 12/,
    (one) => ({ ...one, proof: one.proof.replace(/index \d+/, "index 99") }),
  ],
  [
    "a proof of another form",
    /proof is no C2SP tlog-proof/,
    (one) => ({ ...one, proof: one.proof.replace("@v1", "@v2") }),
  ],
  [
    "a checkpoint of another size",
    /wrong signature/,
    (one) => ({ ...one, proof: one.proof.replace(/(evidence\n)\d+\n/, "$19\n") }),
  ],
  ["no receipt", /the receipt: the whole is a list, and must be an object/, () => []],
  ["a receipt of another version", /the receipt: v is 2, and must be 1/, (one) => ({ ...one, v: 2 })],
  ["no manifest", /manifest is null, and must be an object/, (one) => ({ ...one, manifest: null })],
];

describe("what is forged in a receipt is named", () => {
  it.each(FORGERIES)("%s", async (_, says, forge) => {
    const [one, two] = [await world.receipt(4 + 3), await world.receipt(14)];
    await expect(check(one)).resolves.toMatchObject({ isFirstLook: true });
    await expect(check(forge(one, two))).rejects.toThrow(says);
  });

  it("a line of rows that are not its segment's, with everything above it made anew", async () => {
    const receipt = await world.receipt(13);
    const line = receipt.line.replace(/"seq":\d+/, '"seq":1');
    const sha = (...parts: (string | Uint8Array)[]) => {
      const hash = createHash("sha256");
      for (const part of parts) hash.update(part);
      return hash.digest();
    };
    const root = sha(Uint8Array.of(0), Buffer.from(receipt.nonce, "hex"), line).toString("hex");
    const segment = { ...receipt.segment, root };
    const leaf = sha(Uint8Array.of(0), canonical(segment));
    const manifest = { ...receipt.manifest, segments: 1, root: leaf.toString("hex") };
    const forged = { ...receipt, line, segment, segment_index: 0, segment_path: [], manifest };
    await expect(check(forged)).rejects.toThrow(/the line is of row 1, and its segment has rows/);
  });

  it("a checkpoint that another key signed", async () => {
    const fake = await ReceiptWorld.make([[4, 9, 1], [2]], "another key");
    await expect(check(await fake.receipt(7))).rejects.toThrow(/signed by another key than the one that you trust/);
    const kept: Kepts = {};
    await check(await world.receipt(7), { kept });
    await expect(check(await fake.receipt(7), { kept, logKey: null })).rejects.toThrow(/signed by another key/);
    await expect(check(await fake.receipt(7), { kept, logKey: fake.vkey })).rejects.toThrow(/did not introduce/);
    await expect(check(await world.receipt(7), { logKey: null })).rejects.toThrow(/give --log-key/);
  });

  it("a fork: as many leaves under the same key, and others", async () => {
    const forked = await ReceiptWorld.make([[4, 9, 2], [2]]);
    const straight = await ReceiptWorld.make([[4, 9, 1], [2]]);
    const kept: Kepts = {};
    await check(await straight.receipt(7), { kept, logKey: straight.vkey });
    await expect(check(await forked.receipt(7), { kept })).rejects.toThrow(/it was forked/);
    await expect(
      verifyReceipt({
        ...{ text: JSON.stringify(await forked.receipt(7)), logKey: straight.vkey, keep: memoryKeep() },
        store: memoryStore(objectsOf(straight)),
      }),
    ).rejects.toThrow(/it was rewritten/);
  });
});

describe("a line that is erased", () => {
  it("breaks no proof: every other line of the hour has its receipt, and the hour its root", async () => {
    const own = await ReceiptWorld.make([[4, 9, 1], [2]]);
    const before = await Promise.all(own.lines.map((_, at) => own.receipt(at)));
    const [hour] = await hoursOf(own.r2.bucket, `${DAY}T00`, "clicks-0");
    const [segment] = own.segments.slice(1);
    const key = segment?.key ?? "";
    const line = own.lines[7] as LineAt;
    const eventId = JSON.parse(line.text).event.id;
    const hashes = own.r2.keys("hour-lines/").find((name) => name.includes("hour=00") && name.endsWith(".bin")) ?? "";
    const leaf = Buffer.from(own.r2.objects.get(hashes)?.bytes.slice(7 * 32, 8 * 32) ?? []).toString("hex");
    const isWanted = ({ event }: { event: { id: string } }) => event.id === eventId;
    const by = { ring: await testRing(), isWanted, leafOf: async () => leaf };
    const rows = await Promise.all(
      ((await openSegment(own.r2.bucket, key)) ?? []).map(async (row) => {
        return (await eraseInRow({ source: "clicks-0/a", lines: row.lines() }, by))?.lines ?? row.lines();
      }),
    );
    own.r2.set(key, gzipSync(rows.map((lines) => `${lines}\n`).join("")));
    const text = rows.flatMap((lines) => lines.split("\n")).find((one) => one.includes(eventId)) ?? "";
    expect(await own.receiptOf({ ...line, text })).toMatchObject({ error: "gone" });
    expect(await own.receiptOf(line)).toMatchObject({ error: "not_in_hour" });
    for (const [at, receipt] of before.entries()) {
      if (at !== 7) expect(await own.receipt(at)).toEqual(receipt);
      await check(receipt, { logKey: own.vkey });
    }
    await own.audit(2);
    expect(await hoursOf(own.r2.bucket, `${DAY}T00`, "clicks-0")).toEqual([hour]);
  });
});

describe("there is no receipt", () => {
  it("before the hour is made, before the log has it, and when its lines or their hashes are gone", async () => {
    const own = await ReceiptWorld.make([[3], [2]]);
    const line = own.lines[0] as LineAt;
    const error = async (at = line) => ((await own.receiptOf(at)) as { error?: string }).error;
    expect(await error()).toBeUndefined();
    expect(await error({ ...line, loggedAtMs: line.loggedAtMs + 86_400_000 })).toBe("not_made");
    expect(await error({ ...line, seq: 99 })).toBe("not_in_hour");
    expect(await error({ ...line, text: `${line.text} ` })).toBe("not_in_hour");
    const lost = (prefix: string, part = "") => {
      const [key = ""] = own.r2.keys(prefix).filter((name) => name.includes(part));
      const stored = own.r2.objects.get(key)?.bytes ?? new Uint8Array();
      own.r2.objects.delete(key);
      return () => own.r2.set(key, stored);
    };
    for (const [prefix, part] of [
      ["raw/"],
      ["hour-lines/", "hour=00/shard=clicks-0/a-0000"],
      ["hour-lines/", "segments"],
    ]) {
      const restore = lost(prefix as string, part);
      expect(await error()).toBe("gone");
      restore();
    }
    for (const key of own.r2.keys("evidence-log/v1/leaves/")) own.r2.objects.delete(key);
    expect(await error()).toBe("not_sequenced");
  });

  it("is a fault where the stored hashes are not those of the lines", async () => {
    const own = await ReceiptWorld.make([[3], [2]]);
    const [key = ""] = own.r2.keys("hour-lines/").filter((name) => name.endsWith(".bin"));
    const bytes = own.r2.objects.get(key)?.bytes.map((byte, at) => (at === 40 ? byte ^ 1 : byte)) ?? new Uint8Array();
    own.r2.set(key, bytes);
    await expect(own.receipt(0)).rejects.toThrow(/the hashes of raw\/v1\/.* are those of its lines/);
  });
});
