/** The tree of a log hour: what is shown of a line, nonces, hashes and paths, beside their definitions letter for letter. */
import { createCipheriv, createHash, createHmac } from "node:crypto";
import { describe, expect, it } from "vitest";
import { encodeUtf8 } from "../../src/core/base64url.ts";
import { eraseInRow } from "../../src/core/erased-line.ts";
import { hashLines, lineNonces, NONCE_BYTES, pathOf, segmentLeaf, shownLine } from "../../src/core/hour-tree.ts";
import { encodeLogLine } from "../../src/core/log-line.ts";
import { type Hash, hashLeaf, isIncluded, rootOf } from "../../src/core/merkle.ts";
import { splitHashes } from "../../src/core/tiles.ts";
import { encodeTokenEvent, type TokenEvent } from "../../src/core/token-event.ts";
import { aClick } from "../support/builders.ts";
import { testRing } from "../support/tokens.ts";

const SECRET = createHash("sha256").update("the secret of nonces").digest();
const PLACE = { seq: 7, loggedAtMs: 1_795_780_800_000, rules: "4-1f3a9c02" };
const HASHES = { ipHash: "a1b2c3d4e5f60718", userHash: "1807f6e5d4c3b2a1" };
const lineOf = (event: Partial<TokenEvent> = {}) =>
  encodeLogLine(PLACE, { verdict: "valid", reason: null }, encodeTokenEvent(aClick({ ...HASHES, ...event })));
const bufferOf = (text: string) => Buffer.from(encodeUtf8(text));
const segment = { source: "clicks-0/a", firstRow: 1 };

/** The lines as one row, one of them erased. */
async function eraseAt(lines: readonly string[], at: number, hashes: readonly Hash[]): Promise<string[]> {
  let asked = -1;
  const erased = await eraseInRow(
    { source: segment.source, lines: lines.join("\n") },
    {
      ...{ ring: await testRing(), isWanted: () => ++asked === at },
      leafOf: async (_, index) => Buffer.from(hashes[index] as Hash).toString("hex"),
    },
  );
  return erased?.lines.split("\n") ?? [];
}

describe("what is shown of a line", () => {
  it("is the line without the hashes of address and user, and nothing else", () => {
    const line = lineOf();
    const { ip_hash: _ip, user_hash: _user, ...event } = JSON.parse(line).event;
    expect(JSON.parse(shownLine(line))).toEqual({ ...JSON.parse(line), event });
    expect(shownLine(line)).not.toMatch(/ip_hash|user_hash|a1b2c3d4e5f60718|1807f6e5d4c3b2a1/);
  });

  it.each([
    ["an agent", { userAgent: '"ip_hash":"x","user_agent":"y"' }],
    ["a referrer", { referrerHost: '"user_agent":' }],
    ["an agent of quotes and backslashes", { userAgent: '\\"ip_hash\\":\\","user_agent":' }],
    ["a hint", { hints: { brands: '"ip_hash":,"user_agent":' } }],
    ["a missing address", { ipHash: null, userHash: null }],
    ["a lone surrogate and two pages of text", { userAgent: `\ud800${"ä€".repeat(3_000)}` }],
  ] as const)("cannot be moved by what others wrote: %s", (_, event) => {
    const line = lineOf(event);
    const { ip_hash: _ip, user_hash: _user, ...shown } = JSON.parse(line).event;
    expect(JSON.parse(shownLine(line)).event).toEqual(shown);
  });

  it("ends before them where a line has no agent, and is all of a line that has none", () => {
    expect(shownLine('{"v":1,"event":{"ip_hash":"x","user_hash":"y"}}')).toBe('{"v":1,"event":{');
    expect(shownLine('{"v":1,"event":{"type":"conversion"}}')).toBe('{"v":1,"event":{"type":"conversion"}}');
  });
});

describe("hashes of lines", () => {
  it("are SHA-256(0x00 ‖ nonce ‖ shown), under the keystream of the segment's own key", async () => {
    const lines = [lineOf(), lineOf({ userAgent: "ä€😀".repeat(2_000) }), lineOf({ country: null })];
    const nonces = await lineNonces(SECRET, { ...segment, lines: 3 });
    const key = createHmac("sha256", SECRET).update("clicks-0/a/1").digest();
    const stream = createCipheriv("aes-256-ctr", key, Buffer.alloc(16)).update(Buffer.alloc(3 * NONCE_BYTES));
    expect(Buffer.from(nonces)).toEqual(stream);
    const expected = lines.map((line, at) => {
      const nonce = stream.subarray(at * NONCE_BYTES, (at + 1) * NONCE_BYTES);
      return createHash("sha256")
        .update(Buffer.concat([Buffer.of(0), nonce, bufferOf(shownLine(line))]))
        .digest();
    });
    const hashes = splitHashes(await hashLines(lines, nonces));
    expect(hashes.map((hash) => Buffer.from(hash))).toEqual(expected);
    const nonce = nonces.slice(0, NONCE_BYTES);
    expect(hashes[0]).toEqual(hashLeaf(Buffer.concat([nonce, bufferOf(shownLine(lines[0] as string))])));
  });

  it("have nonces that no other segment, source or secret has", async () => {
    const others = [
      lineNonces(SECRET, { ...segment, lines: 2 }),
      lineNonces(SECRET, { ...segment, firstRow: 11, lines: 2 }),
      lineNonces(SECRET, { source: "clicks-0/b", firstRow: 1, lines: 2 }),
      lineNonces(createHash("sha256").update("another").digest(), { ...segment, lines: 2 }),
    ];
    const nonces = (await Promise.all(others)).flatMap((bytes) => [bytes.slice(0, 16), bytes.slice(16)]);
    expect(new Set(nonces.map((nonce) => Buffer.from(nonce).toString("hex"))).size).toBe(8);
    expect(await lineNonces(SECRET, { ...segment, lines: 0 })).toEqual(new Uint8Array());
  });
});

describe("the tree of an hour", () => {
  const build = async (lines: readonly string[]) => {
    const nonces = await lineNonces(SECRET, { ...segment, lines: lines.length });
    const hashes = splitHashes(await hashLines(lines, nonces));
    return { nonces, hashes, root: rootOf(hashes) };
  };

  it("proves each line by its path, and no line by another one's", async () => {
    for (const count of [1, 2, 3, 7, 8, 9]) {
      const { hashes, root } = await build(Array.from({ length: count }, (_, at) => lineOf({ colo: `C${at}` })));
      for (const [index, hash] of hashes.entries()) {
        const tree = { size: count, root };
        expect(isIncluded({ hash, index }, tree, pathOf(hashes, index))).toBe(true);
        expect(isIncluded({ hash, index: index + 1 }, tree, pathOf(hashes, index))).toBe(false);
      }
    }
  });

  it("has the same root, and every other line its proof, when a line was erased", async () => {
    const lines = Array.from({ length: 9 }, (_, at) => lineOf({ colo: `C${at}` }));
    const before = await build(lines);
    for (const [at] of lines.entries()) {
      const erased = await eraseAt(lines, at, before.hashes);
      expect(erased[at]).not.toBe(lines[at]);
      const after = await build(erased);
      expect(after).toEqual(before);
    }
  });

  it("takes nothing for an erased line that is not one letter for letter", async () => {
    const lines = [lineOf(), lineOf({ colo: "C1" })];
    const { hashes } = await build(lines);
    const [erased = ""] = await eraseAt(lines, 0, hashes);
    for (const other of [` ${erased}`, erased.replace('"v":1', '"v":2'), erased.replace('"leaf":"', '"leaf":"x')]) {
      expect((await build([other, lines[1] as string])).hashes[0]).not.toEqual(hashes[0]);
    }
  });

  it("has a segment as the leaf of its canonical JSON", () => {
    const text = '{"first_row":1,"last_row":87,"lines":8700,"root":"00ff"}';
    const one = { root: "00ff", lines: 8_700, last_row: 87, first_row: 1, hashes: "elsewhere" };
    expect(segmentLeaf(one)).toEqual(hashLeaf(encodeUtf8(text)));
  });
});
