/** Places in a log: the chain tells logs apart that numbers do not. */
import { createHash } from "node:crypto";
import { describe, expect, it } from "vitest";
import { digestOfLines, isSamePosition, LOG_START, nextChain, positionAfter } from "../../src/core/position.ts";

const sha256 = (data: Buffer | string) => createHash("sha256").update(data).digest("hex");
const row = (seq: number, lines: string) => ({ seq, loggedAtMs: seq, digest: () => digestOfLines(lines) });

describe("a place in a log", () => {
  it("is chained as documented", async () => {
    const one = await positionAfter(LOG_START, row(1, '{"v":1}\n{"v":2}'));
    expect(one).toEqual({ seq: 1, loggedAtMs: 1, chain: sha256(Buffer.from(sha256('{"v":1}\n{"v":2}'), "hex")) });
    const two = await positionAfter(one, row(2, "ü"));
    expect(two.chain).toBe(sha256(Buffer.from(one.chain + sha256("ü"), "hex")));
  });

  it("is another behind other rows, behind the same in another order, and behind rows cut elsewhere", async () => {
    const behind = async (...texts: string[]) => {
      let at = LOG_START;
      for (const [index, text] of texts.entries()) at = await positionAfter(at, row(index + 1, text));
      return at;
    };
    const places = await Promise.all([
      behind("a", "b"),
      behind("b", "a"),
      behind("a", "c"),
      behind("ab", ""),
      behind("", "ab"),
    ]);
    for (const [index, place] of places.entries()) {
      for (const [other, another] of places.entries()) expect(isSamePosition(place, another)).toBe(index === other);
    }
    expect(nextChain("", await digestOfLines("a"))).not.toBe(nextChain("", await digestOfLines("b")));
  });
});
