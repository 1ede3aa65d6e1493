/** A stranger verifies statements: what is right is told, and what is not is found, by the first thing that differs. */
import { createHash } from "node:crypto";
import { beforeAll, describe, expect, it } from "vitest";
import { Spill } from "../../packages/verify/src/spill.js";
import type { SettledClick } from "../../src/core/evidence.ts";
import { impressionKeyOf } from "../../src/core/impression-key.ts";
import { encodeKeyStatement } from "../../src/core/log-key.ts";
import { formatVerifierKey, noteSigner, signNote } from "../../src/core/signed-note.ts";
import { forge } from "./forgeries.ts";
import { memoryKeep, objectsOf, verified } from "./verified.ts";
import { makeWorld, tokenOf, WORLD_NOW_MS, WORLD_TOKEN_KEY, type World, type WorldOptions } from "./world.ts";

let world: World;
let objects: Map<string, Uint8Array>;
beforeAll(async () => {
  world = await makeWorld();
  objects = objectsOf(world);
});

const seed = (name: string) => createHash("sha256").update(name).digest();

async function both(of: World, more: object = {}) {
  const all = objectsOf(of);
  const keep = memoryKeep();
  return [
    await verified(all, 1, { logKey: of.vkey, keep, ...more }),
    await verified(all, 2, { logKey: of.vkey, keep, ...more }),
  ] as const;
}

describe("a statement that is right is verified", () => {
  it("with its adjustments, what it carries and where each token comes from", async () => {
    const [first, second] = await both(world);
    expect(first.statement.totals.spend_micros).toBe(first.statement.totals.due_micros);
    expect(second.statement.adjustments.length).toBeGreaterThan(1);
    expect(second.statement.totals.carried_in_micros).toBe(first.statement.totals.carried_out_micros);
    expect(second.seen.signatures.signed).toBeGreaterThan(10);
    expect(second.seen.signatures.secret).toBeGreaterThan(10);
    expect(second.seen).toMatchObject({ rows: 72, erased: 0, tokens: 72 });
    expect([first.isFirstLook, second.isFirstLook]).toEqual([true, false]);
    expect([first.newer, second.newer]).toEqual([["2026-03-28/2", "2026-03-29/2"], []]);
  });

  it.each<[string, WorldOptions]>([
    ["in a currency without a minor unit, past 2^53 micros", { currency: "JPY", priceMicros: 900_000_000_000_000 }],
    ["in a currency of three digits", { currency: "KWD" }],
    ["in a zone west of UTC", { zone: "America/St_Johns" }],
    ["in a zone ahead of UTC by three quarters of an hour", { zone: "Pacific/Chatham" }],
    ["in UTC", { zone: "UTC" }],
    ["with a budget that it passes", { budgetMicros: 1_000_000n }],
    ["with a budget that an adjustment brings it below", { budgetMicros: 3_400_000n }],
    ["of one click", { clicksPerDay: 1 }],
    ["and has lost every click of a day", { edit: (lines, day, at) => (day === 0 && at === 2 ? [] : lines) }],
  ])("%s", async (_, options) => {
    const [, second] = await both(await makeWorld({ ...options, seed: 7 }));
    expect(second.statement.number).toBe(2);
  });

  it("by several passes over its ads, where they do not fit into memory", async () => {
    await both(world, { adsAtOnce: 7 });
  });

  it("and tokens that were erased, one or all of an hour, are told", async () => {
    const some = await makeWorld({
      edit: (lines, day, revision) => lines.map((line, at) => erasedIf(line, day === 1 && revision === 2 && at < 4)),
    });
    const [, second] = await both(some);
    expect(second.seen.erased).toBe(4);
    const gone = new Map([...objects].filter(([key]) => !key.includes("dt=2026-03-28/tokens-1")));
    const { seen } = await verified(gone, 1, { logKey: world.vkey });
    expect(seen.erased).toBeGreaterThan(3);
    expect(seen.erased + seen.tokens).toBe(48);
  });
});

/** What erasure leaves: the row keeps its hash. The world's evidence commits to the empty text here instead. */
function erasedIf(line: SettledClick, isErased: boolean): SettledClick {
  return isErased ? { ...line, token: "" } : line;
}

/** Changes the first valid click of the first day, with everything that follows from it. */
function lie(
  change: (line: SettledClick) => SettledClick[],
  isMeant = (line: SettledClick) => line.verdict === "valid",
) {
  return (lines: SettledClick[], day: number) => {
    if (day !== 0) return lines;
    const at = lines.findIndex(isMeant);
    const changed = lines.flatMap((line, index) => (index === at ? change(line) : [line]));
    return changed.sort((a, b) => a.minute - b.minute || (a.event < b.event ? -1 : 1));
  };
}
const isSigned = ({ token, verdict }: SettledClick) => verdict === "valid" && claimsOf(token).header.alg === "EdDSA";

function claimsOf(token: string) {
  const [header, claims] = token.split(".").map((part) => part && safeJson(part));
  return { header, claims };
}
function safeJson(part: string) {
  try {
    return JSON.parse(Buffer.from(part, "base64url").toString());
  } catch {
    // The signature.
    return null;
  }
}
const withClaims = (line: SettledClick, more: object): SettledClick => {
  const claims = { ...claimsOf(line.token).claims, ...more };
  const token = tokenOf(claims, true);
  return { ...line, token, priceMicros: claims.cpc, impression: impressionKeyOf("click", claims) };
};

describe("the service itself lies, in everything that it makes, and is found", () => {
  it.each<[string, WorldOptions["edit"], RegExp]>([
    [
      "by a price that the token does not say",
      lie((line) => [{ ...line, priceMicros: line.priceMicros + 1 }]),
      /micros/,
    ],
    ["by a campaign that the token does not say", lie((line) => [{ ...line, campaignId: "cmp_x" }]), /says cmp/],
    ["by an ad that the token does not say", lie((line) => [{ ...line, adId: "ad_x" }]), /says ad /],
    [
      "by a click that is billed twice under two ids",
      lie((line) => [line, { ...line, event: `0z${line.event.slice(2)}` as never }]),
      /impression [0-9a-f]{32} is billed twice/,
    ],
    [
      "by an impression that was renamed, so as to bill it again",
      lie((line) => [
        line,
        { ...line, event: `0z${line.event.slice(2)}` as never, impression: "0".repeat(32) as never },
      ]),
      /is of impression/,
    ],
    [
      "by a click that came when its token had expired",
      lie((line) => [{ ...line, receivedAtMs: line.receivedAtMs + 7_200_000 }]),
      /had expired/,
    ],
    ["by test traffic that is billed", lie((line) => [withClaims(line, { tst: 1 })]), /test traffic/],
    ["by a token of another advertiser", lie((line) => [withClaims(line, { adv: "adv_2" })]), /of advertiser adv_2/],
    [
      "by a token that the ad server did not sign",
      lie((line) => {
        const dear = { ...claimsOf(line.token).claims, cpc: 999_999 };
        const [, payload] = tokenOf(dear, true).split(".");
        const [header, , signature] = line.token.split(".");
        return [{ ...line, priceMicros: 999_999, token: `${header}.${payload}.${signature}` }];
      }, isSigned),
      /is not signed by ad_server_1/,
    ],
    [
      "by a secret's signature under the ad server's key",
      lie((line) => {
        const header = Buffer.from(JSON.stringify({ alg: "HS256", kid: WORLD_TOKEN_KEY.kid })).toString("base64url");
        return [{ ...line, token: `${header}.${line.token.split(".").slice(1).join(".")}` }];
      }),
      /signed as HS256/,
    ],
  ])("%s", async (_, edit, message) => {
    await expect(both(await makeWorld(edit === undefined ? {} : { edit }))).rejects.toThrow(message);
  });

  it.each([
    ["an ad", (line: SettledClick) => ({ ...line, token: "", adId: `${line.adId}\u001freplay/9` })],
    ["a publisher", (line: SettledClick) => ({ ...line, token: "", publisherId: "pub_1\u001freplay/9" })],
    ["a cause", (line: SettledClick) => ({ ...line, decisions: [{ verdict: line.verdict, cause: "a\u001fb" }] })],
  ])("by %s that is spelled like more than one name", async (_, lie) => {
    const of = await makeWorld({ edit: (lines) => lines.map(lie) as SettledClick[] });
    await expect(verified(objectsOf(of), 1, { logKey: of.vkey })).rejects.toThrow(
      /(ad_id|publisher_id|cause) of row \d+ is .*must be a text without control characters/,
    );
  });

  it("by billing on the third day what the first statement billed already", async () => {
    let billed: SettledClick | undefined;
    const edit = (lines: SettledClick[], day: number) => {
      if (day === 1) billed = lines.findLast((line, at) => line.verdict === "valid" && at < lines.length && at !== 3);
      if (day !== 2 || billed === undefined) return lines;
      const [first] = lines as [SettledClick];
      const { token, impression, priceMicros, campaignId, adGroupId, adId, publisherId } = billed;
      const again = { token, impression, priceMicros, campaignId, adGroupId, adId, publisherId };
      return [
        { ...first, ...again, verdict: "valid", reason: null, receivedAtMs: billed.receivedAtMs } as SettledClick,
        ...lines.slice(1),
      ];
    };
    await expect(both(await makeWorld({ edit }))).rejects.toThrow(/is billed twice/);
  });
});

describe("forgeries", () => {
  // A thousand: `npm run bench:verify -- --forgeries 1000`.
  it("are found, ten of each of 37 kinds, however much of what names them is forged with them", async () => {
    const small = objectsOf(await makeWorld({ clicksPerDay: 8 }));
    const missed: string[] = [];
    const kinds = new Set<string>();
    for (let index = 0; index < 370; index++) {
      const { kind, objects: forged } = await forge(small, index, 1);
      kinds.add(kind);
      try {
        for (const number of [1, 2]) await verified(forged, number, { logKey: world.vkey });
        missed.push(`${index} ${kind}`);
      } catch (found) {
        const { name } = found as Error;
        if (name !== "Differs" && name !== "Unchecked") throw found;
      }
    }
    expect(missed).toEqual([]);
    expect(kinds.size).toBe(37);
  });
});

describe("the log", () => {
  const keptOf = (note: string, key = world.vkey) => memoryKeep({ "ads.example/evidence": { key, checkpoint: note } });
  const note = (size: number, root: string, names = ["log"]) => signedNote(size, root, names);
  async function signedNote(size: number, root: string, names: string[]): Promise<string> {
    const signers = await Promise.all(names.map((name) => noteSigner("ads.example/evidence", seed(name))));
    return signNote(`ads.example/evidence\n${size}\n${root}\n`, signers);
  }
  const root = () =>
    Buffer.from(objects.get("evidence-log/v1/checkpoint") as Uint8Array)
      .toString()
      .split("\n")[2] ?? "";
  const other = Buffer.alloc(32, 7).toString("base64");

  it("that was set back, rewritten or forked since the last look is refused", async () => {
    const look = (keep: ReturnType<typeof memoryKeep>) => verified(objects, 2, { logKey: null, keep });
    await expect(look(keptOf(await note(13, other)))).rejects.toThrow("it was set back");
    await expect(look(keptOf(await note(5, other)))).rejects.toThrow("it was rewritten");
    await expect(look(keptOf(await note(12, other)))).rejects.toThrow("it was rewritten");
    expect((await look(keptOf(await note(12, root())))).isFirstLook).toBe(false);
  });

  it("under another key than the one trusted is refused, and under one that it introduced is not", async () => {
    const [old, next] = await Promise.all(
      ["log", "next"].map((name) => noteSigner("ads.example/evidence", seed(name))),
    );
    if (old === undefined || next === undefined) throw new Error("two signers");
    const vkey = formatVerifierKey(next.key);
    const checkpoint = Uint8Array.from(Buffer.from(await note(12, root(), ["next"])));
    const signed = new Map(objects).set("evidence-log/v1/checkpoint", checkpoint);
    await expect(verified(signed, 2, { logKey: world.vkey })).rejects.toThrow("signed by another key");
    const since = "2026-11-01T00:00:00.000Z";
    const statement = await signNote(encodeKeyStatement("ads.example/evidence", next.key, since), [old, next]);
    const introduced = (text: string | null) => {
      const list = { v: 1, origin: "ads.example/evidence", keys: [{ vkey, since, statement: text }] };
      return new Map(signed).set("evidence-log/v1/keys.json", Uint8Array.from(Buffer.from(JSON.stringify(list))));
    };
    await verified(introduced(statement), 2, { logKey: world.vkey });
    await expect(verified(introduced(null), 2, { logKey: world.vkey })).rejects.toThrow("signed by another key");
    const keep = keptOf(await note(12, root()));
    await expect(verified(introduced(null), 2, { logKey: vkey, keep })).rejects.toThrow("it did not introduce");
    await verified(introduced(statement), 2, { logKey: vkey, keep });
  });

  it("is no proof while nobody says whose key signs it", async () => {
    await expect(verified(objects, 2, { logKey: null })).rejects.toThrow("give --log-key");
    await expect(verified(objects, 2, { logKey: "ads.example/evidence+1+AQ==" })).rejects.toThrow("no verifier key");
  });

  it("that has not taken a statement yet is waited for, some hours and no longer", async () => {
    const early = objectsOf(await makeWorld());
    const [key = ""] = [...early.keys()].filter((one) => one.endsWith("entries/000.p/11"));
    const bytes = early.get(key);
    if (bytes === undefined) throw new Error("the log before its last leaf");
    const leaves = Buffer.from(bytes);
    const before = new Map(early).set("evidence-log/v1/checkpoint", await checkpointOver(leaves));
    const issuedMs = Date.parse("2026-03-31T22:00:00Z");
    const look = (nowMs: number) => verified(before, 2, { logKey: world.vkey, nowMs });
    await expect(look(issuedMs + 1)).rejects.toMatchObject({ name: "Unchecked", message: /not in the log yet/ });
    const slow = issuedMs - 3_600_000;
    await expect(look(slow)).rejects.toMatchObject({ name: "Unchecked", message: /not in the log yet/ });
    await expect(look(slow - 1)).rejects.toMatchObject({ name: "Differs", message: /issued in the future/ });
    await expect(look(WORLD_NOW_MS)).rejects.toMatchObject({ name: "Differs", message: /is not in the log$/ });
  });

  async function checkpointOver(bundle: Buffer): Promise<Uint8Array> {
    const { Tree } = await import("../../packages/verify/src/log.js");
    const tree = new Tree();
    for (let at = 0; at < bundle.length; at += 2 + bundle.readUInt16BE(at)) {
      tree.push(bundle.subarray(at + 2, at + 2 + bundle.readUInt16BE(at)));
    }
    return Uint8Array.from(Buffer.from(await note(tree.size, Buffer.from(tree.root(), "hex").toString("base64"))));
  }
});

describe("what is missing", () => {
  it.each([
    "statements/v1/adv=adv_world/000001.json",
    "rows-",
    "sums-",
    "manifest-0001",
    "checkpoint",
    "entries",
    "lines-",
  ])("is said, and is no difference: %s", async (name) => {
    const without = new Map([...objects].filter(([key]) => !key.includes(name)));
    const looked = verified(without, 2, { logKey: world.vkey });
    await expect(looked).rejects.toMatchObject({ name: "Unchecked", message: /is missing/ });
  });
});

describe("records that come twice", () => {
  it.each([1_000_000, 2_400])("are found with %i bytes of memory, and by their text", (maxBytes) => {
    const once = new Spill(maxBytes);
    const twice = new Spill(maxBytes);
    for (let at = 0; at < 500; at++) {
      const text = seed(String(at)).toString("hex").slice(0, 32);
      once.add(text, "hex");
      twice.add(text, "hex");
    }
    const again = seed("250").toString("hex").slice(0, 32);
    twice.add(again, "hex");
    expect(once.finish("hex")).toBeNull();
    expect(twice.finish("hex")?.slice(0, 32)).toBe(again);
  });
});
