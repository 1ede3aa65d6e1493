/** A line without its person: counted as before, sealed, and hiding whom it was of. */
import { beforeAll, describe, expect, it } from "vitest";
import { digestOfRow, erasedMark, erasedRowDigest, eraseInRow, isErasedRowSealed } from "../../src/core/erased-line.ts";
import { evidenceLineOf, tokenHashOf } from "../../src/core/evidence.ts";
import { type Facts, foldEntry } from "../../src/core/facts.ts";
import { impressionKeyOf } from "../../src/core/impression-key.ts";
import type { KeyRing } from "../../src/core/key-ring.ts";
import { decodeEventLine, encodeLogLine } from "../../src/core/log-line.ts";
import { digestOfLines } from "../../src/core/position.ts";
import { shardOf } from "../../src/core/routing.ts";
import { verifyLoggedToken } from "../../src/core/token.ts";
import { encodeTokenEvent } from "../../src/core/token-event.ts";
import { aClick, anEpoch, NOON_MS } from "../support/builders.ts";
import { aToken, testRing } from "../support/tokens.ts";

const SOURCE = "clicks-0/life";
const PLACE = { seq: 7, loggedAtMs: NOON_MS, rules: "4-1f3a9c02" };
let ring: KeyRing;
let lines: string[];

beforeAll(async () => {
  ring = await testRing();
  lines = await Promise.all(
    ["u_1", "u_2", "u_1", null].map(async (uid, at) => {
      const token = await aToken({
        ...{ jti: `imp_${at}`, url: "https://shop.example/?who=jane", email: "jane@shop.example" },
        ...(uid === null ? {} : { uid }),
      });
      const facts = { region: "BE", colo: "TXL", asn: 3320, ipHash: "a".repeat(16), userHash: "b".repeat(16) };
      const event = encodeTokenEvent({ ...aClick({ ...facts, userAgent: "Jane's phone" }), token });
      return encodeLogLine(PLACE, { verdict: "valid", reason: null }, event);
    }),
  );
});

const leafOf = async (_: string, at: number) => String(at).repeat(64);
const eraseUser = async (uid: string, text = lines.join("\n")) =>
  (await eraseInRow(
    { source: SOURCE, lines: text },
    { ring, isWanted: ({ claims }) => claims.uid === uid, leafOf },
  )) ?? { lines: text, erased: 0 };
const foldOf = (text: string) => {
  const facts: Facts = new Map();
  for (const line of text.split("\n")) foldEntry(facts, decodeEventLine(line));
  return Array.from(facts.values(), ({ users: _, ...row }) => row);
};

describe("an erased line", () => {
  it("holds nothing of the person, nor of what their browser and network say", async () => {
    const { lines: text, erased } = await eraseUser("u_1");
    expect(erased).toBe(2);
    const line = text.split("\n")[0] as string;
    const token = JSON.stringify(decodeEventLine(line)) + atob(line.split('token":"')[1]?.split(".")[1] ?? "");
    for (const secret of ["u_1", "jane", "Jane", "aaaaaaaa", "bbbbbbbb", "TXL", "3320"]) {
      expect(line + token).not.toContain(secret);
    }
    expect(text.split("\n")[1]).toBe(lines[1]);
  });

  it("is counted as before, in each measure, with the same claim, shard and evidence row", async () => {
    const { lines: text } = await eraseUser("u_1");
    expect(foldOf(text)).toEqual(foldOf(lines.join("\n")));
    const [before, after] = [decodeEventLine(lines[0] as string), decodeEventLine(text.split("\n")[0] as string)];
    expect(impressionKeyOf("click", after.claims)).toBe(impressionKeyOf("click", before.claims));
    expect(shardOf("click", after.claims, [anEpoch(0, 64)])).toBe(shardOf("click", before.claims, [anEpoch(0, 64)]));
    const place = {
      ...{ impression: impressionKeyOf("click", before.claims), source: SOURCE, life: 0, line: 0 },
      ...{ seq: 7, loggedAtMs: NOON_MS },
    };
    const { token: _, ...row } = evidenceLineOf(before, place);
    expect(evidenceLineOf(after, place)).toEqual({ ...row, token: "", tokenHash: tokenHashOf(before.event.token) });
    expect((await verifyLoggedToken(after.event.token, ring, after.claims)).ok).toBe(true);
  });

  it("leaves the digest of its row, however often lines of it are erased", async () => {
    const whole = await digestOfLines(lines.join("\n"));
    const once = await eraseUser("u_1");
    const twice = await eraseUser("u_2", once.lines);
    expect(twice.erased).toBe(1);
    for (const { lines: text } of [once, twice]) {
      expect(await digestOfRow(text)).toBe(whole);
      expect(await digestOfLines(text)).not.toBe(whole);
      expect(await isErasedRowSealed({ source: SOURCE, lines: text }, ring)).toBe(true);
    }
    expect(erasedMark(twice.lines.split("\n")[2] as string)?.leaf).toBe("2".repeat(64));
    expect((await eraseUser("u_1", twice.lines)).erased).toBe(0);
    expect(erasedRowDigest(lines.join("\n"))).toBeNull();
  });

  it("is believed only as a key of ours sealed its whole row, in its own log", async () => {
    const { lines: text } = await eraseUser("u_1");
    const forged = [
      text.replace('"verdict":"valid"', '"verdict":"invalid"'),
      // A neighbour that is not erased stands behind the same seal.
      text.replace(lines[1] as string, (lines[1] as string).replace('"verdict":"valid"', '"verdict":"invalid"')),
      text.split("\n").slice(0, 3).join("\n"),
      text.replace(/"row":"[0-9a-f]{4}/, '"row":"0000'),
      text.replaceAll(/"seal":\{[^}]*\}/g, '"seal":null'),
      text.replace(/"mac":"./, '"mac":"-'),
      text.replaceAll('"kid":"test-1"', '"kid":"test-9"'),
    ];
    for (const lines of forged) expect(await isErasedRowSealed({ source: SOURCE, lines }, ring)).toBe(false);
    expect(await isErasedRowSealed({ source: "clicks-1/life", lines: text }, ring)).toBe(false);
    expect(await isErasedRowSealed({ source: SOURCE, lines: lines.join("\n") }, ring)).toBe(false);
  });

  it("is none where somebody else's text says so", async () => {
    const token = await aToken();
    const agent = `,"erased":{"leaf":null,"row":"${"0".repeat(64)}`;
    const line = encodeLogLine(
      PLACE,
      { verdict: "valid", reason: null },
      encodeTokenEvent({ ...aClick({ userAgent: agent, referrerHost: agent }), token }),
    );
    expect(erasedMark(line)).toBeNull();
    expect(erasedRowDigest(line)).toBeNull();
    expect(erasedMark(line.replace('"rules"', `"erased":{"leaf":null},"rules"`))).toBeNull();
  });
});
