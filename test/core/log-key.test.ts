/** Keys of a log: how they are configured, and which follow from which. */
import { describe, expect, it } from "vitest";
import { encodeKeyStatement, followKeys, type LogKey, parseLogKeys } from "../../src/core/log-key.ts";
import { formatVerifierKey, type NoteSigner, noteSigner, signNote } from "../../src/core/signed-note.ts";

const NAME = "ads.example/evidence";
const SINCE = "2026-11-28T00:00:00.000Z";
const seedOf = (byte: number) => Buffer.alloc(32, byte).toString("base64url");
const signerOf = (byte: number, name = NAME) => noteSigner(name, new Uint8Array(32).fill(byte));

describe("the setting EVIDENCE_LOG_KEYS", () => {
  it("is a list of keys of one name, the newest first, or empty for no log", () => {
    expect(parseLogKeys([])).toEqual({ ok: true, value: null });
    const keys = [2, 1].map((byte) => ({ name: NAME, seed: seedOf(byte) }));
    expect(parseLogKeys(keys)).toEqual({
      ok: true,
      value: { origin: NAME, seeds: [new Uint8Array(32).fill(2), new Uint8Array(32).fill(1)] },
    });
  });

  it.each([
    ["no list", {}, "must be a JSON list"],
    ["nothing that parses", null, "must be a JSON list"],
    ["a list of texts", ["a"], "whose name is empty"],
    ["a list of lists", [[]], "whose name is empty"],
    ["null for a key", [null], "whose name is empty"],
    ["a name with a space", [{ name: "a b", seed: seedOf(1) }], "has a space or +"],
    ["a name with a plus sign", [{ name: "a+b", seed: seedOf(1) }], "has a space or +"],
    ["no seed", [{ name: NAME }], "not base64url of 32 bytes"],
    ["a seed of 31 bytes", [{ name: NAME, seed: seedOf(1).slice(0, -1) }], "not base64url of 32 bytes"],
    ["a seed in base64", [{ name: NAME, seed: Buffer.alloc(32, 1).toString("base64") }], "not base64url of 32 bytes"],
    ["a seed that is a number", [{ name: NAME, seed: 1 }], "not base64url of 32 bytes"],
    ["another member", [{ name: NAME, seed: seedOf(1), until: "2027" }], "another member"],
    ["one seed twice", [1, 1].map((byte) => ({ name: NAME, seed: seedOf(byte) })), "the same seed twice"],
    ["two names", [1, 2].map((byte) => ({ name: `log-${byte}`, seed: seedOf(byte) })), "several names"],
  ])("with %s is refused in words, and without the seed", (_, value, why) => {
    const parsed = parseLogKeys(value);
    expect(parsed.ok ? "" : parsed.error).toContain(why);
    expect(JSON.stringify(parsed)).not.toContain(seedOf(1).slice(0, 20));
  });
});

describe("keys that follow from one that is trusted", () => {
  const entry = async (key: NoteSigner, by: readonly NoteSigner[], origin = NAME): Promise<LogKey> => ({
    vkey: formatVerifierKey(key.key),
    since: SINCE,
    statement: by.length === 0 ? null : await signNote(encodeKeyStatement(origin, key.key, SINCE), by),
  });

  it("are those that it introduced, and those that they did, in their order", async () => {
    const [one, two, three] = [await signerOf(1), await signerOf(2), await signerOf(3)];
    const list = [await entry(one, []), await entry(two, [one, two]), await entry(three, [two, three])];
    const follow = (trusted: NoteSigner) => followKeys(list, { origin: NAME, trusted: [trusted.key] });
    expect(await follow(one)).toEqual([one.key, two.key, three.key]);
    expect(await follow(two)).toEqual([two.key, three.key]);
    expect(await follow(three)).toEqual([three.key]);
  });

  it("are none that came by themselves, for another log, for another key, or before who introduced them", async () => {
    const [one, two, foreign] = [await signerOf(1), await signerOf(2), await signerOf(9)];
    const two_ = await entry(two, [one, two]);
    const lists: readonly (readonly LogKey[])[] = [
      [await entry(foreign, [])],
      [await entry(foreign, [foreign])],
      [await entry(two, [one, two], "other.example")],
      [await entry(await signerOf(2, "other.example"), [one])],
      [{ ...two_, vkey: formatVerifierKey(foreign.key) }],
      [{ ...two_, since: "2020-01-01T00:00:00.000Z" }],
      [{ ...two_, statement: (two_.statement ?? "").replace("since 2026", "since 2025") }],
      [{ ...two_, vkey: "no key" }],
      [await entry(await signerOf(3), [two]), two_].slice(0, 1),
    ];
    for (const list of lists) expect(await followKeys(list, { origin: NAME, trusted: [one.key] })).toEqual([one.key]);
  });
});
