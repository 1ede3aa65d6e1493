/**
 * A document of the service whose form is wrong is told by its name and its place, whatever it makes anew with it; and
 * whatever is crafted, the verifier does not fail itself.
 *
 * A part of all that is crafted, by a seed; `CLICKLEDGER_CRAFTED=all npx vitest run test/verify/crafted.test.ts` is all.
 */
import { createHash } from "node:crypto";
import { beforeAll, describe, expect, it } from "vitest";
import { explain } from "../../packages/verify/src/report.js";
import { type Craft, craftsOf, decode, logged, sampled, told } from "./crafted.ts";
import { craftedFiles, encode, listedTokens, nestedTokens, rowsOf, withFile } from "./crafted-parquet.ts";
import type { Objects } from "./forgeries.ts";
import { makePublisherWorld, PUBLISHER } from "./publisher-world.ts";
import { objectsOf, verified } from "./verified.ts";
import { makeWorld, type World } from "./world.ts";

const LOSS = { object: "raw/v1/dt=2026-03-29/a.ndjson.gz", reason: "the disk\nbroke" };
let worlds: Record<"advertiser" | "publisher", { world: World; objects: Objects; owner: object }>;
beforeAll(async () => {
  const losses = (day: number) => (day === 1 ? [LOSS] : []);
  const world = await makeWorld({ clicksPerDay: 8, budgetMicros: 300_000n, losses });
  const earned = await makePublisherWorld();
  worlds = {
    advertiser: { world, objects: objectsOf(world), owner: {} },
    publisher: { world: earned, objects: objectsOf(earned), owner: { owner: PUBLISHER } },
  };
});

const MAY_BE_NULL = /^(previous|budget_micros|adjustments_by_ad|statement|reason)$|revision_before$|cause$/;

/** Whether it is told as it must be. */
function isTold({ at, isOtherType }: Craft, key: string, said: string | null): boolean {
  if (said === null || said.startsWith("FAULT")) return false;
  return isOtherType && !MAY_BE_NULL.test(at) ? said.startsWith(`Differs: ${key}: ${at} `) : true;
}

describe("a document that the service crafted, hashed and signed", () => {
  it.each([
    ["advertiser", /^statements\/.*\d\.json$/, 2],
    ["advertiser", /manifest-/, 5],
    ["publisher", /^statements\/.*\d\.json$/, 2],
    ["publisher", /manifest-/, 4],
  ] as const)("is told by its place: of an %s, %s", async (whose, form, count) => {
    const { world, objects, owner } = worlds[whose];
    const keys = [...objects.keys()].filter((key) => form.test(key));
    expect(keys).toHaveLength(count);
    const missed: string[] = [];
    for (const [seed, key] of keys.entries()) {
      for (const craft of sampled(craftsOf(decode(objects.get(key))), 25, seed)) {
        const crafted = await logged(objects, key, craft.text());
        const said = await told(async () => {
          for (const number of [1, 2])
            explain(await verified(crafted, number, { logKey: world.vkey, ...owner }), "kept");
        });
        if (!isTold(craft, key, said)) missed.push(`${key}: ${craft.name}: ${said}`);
      }
    }
    expect(missed).toEqual([]);
  });
});

/** A document of the world, and the part of it whose file is crafted. */
const FILES: [string, "advertiser" | "publisher", RegExp, (value: never) => never][] = [
  ["rows", "advertiser", /29\/manifest-0002/, ({ parts }: { parts: never[] }) => parts[2] as never],
  ["tokens", "advertiser", /29\/manifest-0002/, ({ tokens }: { tokens: never[] }) => tokens[2] as never],
  ["sums", "advertiser", /29\/manifest-0002/, ({ sums }: { sums: never }) => sums],
  ["sums of a publisher", "publisher", /28\/manifest-0002/, ({ sums }: { sums: never }) => sums],
  ["lines by ad", "advertiser", /000002\.json/, ({ lines_by_ad: [part] }: { lines_by_ad: never[] }) => part as never],
  [
    "adjustments by ad",
    "advertiser",
    /000002\.json/,
    ({ adjustments_by_ad: part }: { adjustments_by_ad: never }) => part,
  ],
];
/** What nothing else in the evidence says: a minute beside its quarter; and a token may be erased. */
const FREE = /^(minute|received_at_ms|country|device|reason|source|seq|line|token)$/;

describe("a file that the service crafted, hashed and signed", () => {
  it.each(FILES)("is told by its column: %s", async (_, whose, form, path) => {
    const { world, objects, owner } = worlds[whose];
    const document = [...objects.keys()].find((key) => form.test(key)) ?? "";
    const part = path(decode(objects.get(document)) as never);
    const crafted = await craftedFiles(objects, { document, part, path });
    expect(crafted.length).toBeGreaterThan(20);
    const missed: string[] = [];
    for (const { key, column, crafting, isOtherType, make } of sampled(crafted, 4, 1)) {
      const all = await make();
      const said = await told(() => verified(all, 2, { logKey: world.vkey, ...owner }));
      const folder = key.slice(0, key.lastIndexOf("/") + 1);
      const isNamed = said?.startsWith(`Differs: ${folder}`) && said.includes(`.parquet: ${column} of row 1 is `);
      const isFree = said === null && FREE.test(column);
      const isRight = isOtherType ? isNamed : isFree || (said !== null && !said.startsWith("FAULT"));
      if (!isRight) missed.push(`${key}: ${column} is ${crafting}: ${said}`);
    }
    expect(missed).toEqual([]);
  });
});

describe("tokens whose columns are nested", () => {
  it.each([
    ["one in the other", nestedTokens, /tokens-\S+ has columns in columns$/],
    ["as lists", listedTokens, /tokens-\S+ has the columns event_id,token,list,element, and must have event_id,token$/],
  ] as const)("are told: %s", async (_, nest, says) => {
    const { world, objects } = worlds.advertiser;
    const [, , document, path] = FILES[1] as (typeof FILES)[number];
    const key = [...objects.keys()].find((name) => document.test(name)) ?? "";
    const { name } = path(decode(objects.get(key)) as never) as { name: string };
    const rows = await rowsOf(objects, key.replace(/[^/]+$/, name));
    const crafted = await withFile(objects, { document: key, path }, nest(rows));
    expect(await told(() => verified(crafted, 2, { logKey: world.vkey }))).toMatch(says);
  });
});

describe("a file whose groups of rows", () => {
  const renamed = (from: string, to: string) => (bytes: Uint8Array) => {
    const at = Buffer.from(bytes).lastIndexOf(from);
    return Uint8Array.from(bytes, (byte, index) =>
      index >= at && index < at + to.length ? to.charCodeAt(index - at) : byte,
    );
  };
  it.each([
    // Who waits for one of the two does not see the other fail, and the process ends of it.
    [
      "have a column twice",
      renamed("conversions", "impressions"),
      "has the columns .*impressions,impressions,spend_micros from row 1 on",
    ],
    [
      "have a column of another name",
      renamed("conversions", "convers.ons"),
      "has the columns .*,convers.ons,.* from row 1 on",
    ],
    [
      "have a column whose name is no text",
      renamed("conversions", "\u001bonversions"),
      ": row_groups\\[0\\]\\.columns.*control characters",
    ],
  ])("%s is told", async (_, change, says) => {
    const { world, objects } = worlds.advertiser;
    const [, , document, path] = FILES[4] as (typeof FILES)[number];
    const key = [...objects.keys()].find((name) => document.test(name)) ?? "";
    const { name } = path(decode(objects.get(key)) as never) as { name: string };
    const bytes = objects.get(key.replace(/[^/]+$/, name)) as Uint8Array;
    const crafted = await withFile(objects, { document: key, path }, change(bytes));
    const said = await told(() => verified(crafted, 2, { logKey: world.vkey }));
    expect(said).toMatch(new RegExp(`^Differs: statements/\\S+\\.parquet ?${says}`));
  });
});

describe("a token that was crafted, with the row that names it", () => {
  const document = "evidence/v1/adv=adv_world/dt=2026-03-30/manifest-0001.json";
  const partOf = (list: "parts" | "tokens") => (manifest: never) =>
    (manifest as Record<string, never[]>)[list]?.[0] as never;

  /** The world with another token of the first valid click of an hour. */
  async function withToken(objects: Objects, token: (old: string[]) => string) {
    const manifest = decode(objects.get(document)) as never;
    const keyOf = (list: "parts" | "tokens") =>
      document.replace(/[^/]+$/, (partOf(list)(manifest) as { name: string }).name);
    const [rows, tokens] = [await rowsOf(objects, keyOf("parts")), await rowsOf(objects, keyOf("tokens"))];
    const row = rows.find(({ verdict }) => verdict === "valid") ?? {};
    const own = tokens.find(({ event_id: id }) => id === row["event_id"]) ?? {};
    own["token"] = token(String(own["token"]).split("."));
    row["token_sha256"] = createHash("sha256").update(String(own["token"])).digest("hex");
    const first = await withFile(objects, { document, path: partOf("tokens") }, encode(tokens));
    return {
      crafted: await withFile(first, { document, path: partOf("parts") }, encode(rows)),
      event: row["event_id"],
    };
  }

  it.each([
    ["claims", 1],
    ["header", 0],
  ] as const)("is told by the claim, or by the member of its header: %s", async (name, at) => {
    const { world, objects } = worlds.advertiser;
    let segments: string[] = [];
    await withToken(objects, (old) => {
      segments = old;
      return old.join(".");
    });
    const value = decode(Buffer.from(segments[at] ?? "", "base64url"));
    const missed: string[] = [];
    for (const craft of sampled(craftsOf(value, JSON.stringify), 3, at)) {
      const segment = Buffer.from(craft.text()).toString("base64url");
      const { crafted, event } = await withToken(objects, (old) => old.with(at, segment).join("."));
      const said = await told(() => verified(crafted, 2, { logKey: world.vkey }));
      const what = `Differs: the token of click ${event}`;
      const isNamed = said?.startsWith(`${what}: ${name}.${craft.at} `) || said === `${what} is no token`;
      // Unknown claims are the ad server's own; a landing address is no figure, and grp may be missing where a row has none.
      const isOpen = /^(more|__proto__|url)$/.test(craft.at);
      const isRight =
        isOpen || craft.name === "grp is missing" || !craft.isOtherType ? !said?.startsWith("FAULT") : isNamed;
      if (!isRight) missed.push(`${craft.name}: ${said}`);
    }
    expect(missed).toEqual([]);
  });
});
