/** A publisher verifies what it earned, as far as its evidence goes; what is forged is found by name. */
import { beforeAll, describe, expect, it } from "vitest";
import { explain } from "../../packages/verify/src/report.js";
import { statementSql } from "../../packages/verify/src/sql.js";
import type { Report } from "../../packages/verify/src/verify.js";
import type { EarnedSum } from "../../src/core/evidence.ts";
import { makePublisherWorld, PUBLISHER, type PublisherOptions } from "./publisher-world.ts";
import { memoryKeep, memoryStore, objectsOf, verified } from "./verified.ts";
import type { World } from "./world.ts";

let world: World;
let objects: Map<string, Uint8Array>;
beforeAll(async () => {
  world = await makePublisherWorld();
  objects = objectsOf(world);
});

async function both(of: ReadonlyMap<string, Uint8Array>): Promise<[Report, Report]> {
  const more = { logKey: world.vkey, keep: memoryKeep(), owner: PUBLISHER };
  return [await verified(of, 1, more), await verified(of, 2, more)];
}

describe("a publisher's statement that is right", () => {
  it("is verified from sums, with its adjustment, and told apart from what another currency's has", async () => {
    const [first, second] = await both(objects);
    expect(first.statement.advertisers).toEqual(["adv_a", "adv_b"]);
    expect(second.statement.adjustments.length).toBeGreaterThan(0);
    expect(BigInt(second.statement.totals.adjustments_micros)).toBeLessThan(0n);
    expect([...first.uncounted.keys()]).toEqual(["adv_c"]);
    const told = explain(second, "kept.json");
    expect(told).toMatch(/^VERIFIED: statement 2 of pub_world, /);
    expect(told).toMatch(/\d+ clicks of adv_c, \d+ valid: counted by statements in another currency, if by any/);
    expect(told).toContain("Receipts show that one click came");
    expect(told).not.toContain("budget was agreed");
  });

  it("has SQL that counts the advertisers it names and no other", async () => {
    const [{ statement }] = await both(objects);
    const sql = await statementSql(statement, PUBLISHER, memoryStore(objects));
    expect(sql).toContain("WHERE advertiser_id IN ('adv_a', 'adv_b')");
    expect(sql.match(/earned-[0-9a-f]{16}\.parquet/g)).toHaveLength(2);
  });
});

const onFirst = (change: (sums: EarnedSum[]) => EarnedSum[]) => (sums: EarnedSum[], day: number) =>
  day === 0 ? change(sums) : sums;
const changed = (more: (sum: EarnedSum) => Partial<EarnedSum>) =>
  onFirst(([first, ...others]) => (first === undefined ? [] : [{ ...first, ...more(first) }, ...others]));
/** Everything that the service makes of it is consistent, and logged. */
const LIES: [string, PublisherOptions, RegExp][] = [
  [
    "clicks that are no part of gross",
    { edit: changed(({ valid }) => ({ valid: valid + 1 })) },
    /gross of .* is \d+, and its parts/,
  ],
  [
    "money without a valid click",
    { edit: changed(({ valid, invalid }) => ({ valid: 0, invalid: invalid + valid })) },
    /0 of \d+ clicks are valid/,
  ],
  [
    "a sum twice",
    { edit: onFirst(([first, ...others]) => (first === undefined ? [] : [first, first, ...others])) },
    /out of order, or twice/,
  ],
  ["sums in another order", { edit: onFirst((sums) => sums.toReversed()) }, /out of order, or twice/],
  ["a sum of another day", { edit: changed(({ quarter }) => ({ quarter: quarter - 1 })) }, /is not of 2026-03-28/],
  [
    "an advertiser that is left out once it was counted",
    { currencies: (number) => ({ adv_a: "EUR", adv_b: number === 1 ? "EUR" : "USD", adv_c: "USD" }) },
    /statement 2 does not count adv_b, which one before it counted/,
  ],
  [
    "clicks taken off that nobody had paid",
    { currencies: (number) => ({ adv_a: "EUR", adv_b: "EUR", adv_c: number === 1 ? "USD" : "EUR" }) },
    /statement 2 takes off clicks of adv_c that no statement before counted/,
  ],
  [
    "an advertiser of whom there is no click",
    { editStatement: (content) => ({ ...content, advertisers: ["adv_a", "adv_b", "adv_z"] }) },
    /counts adv_z, of which/,
  ],
  [
    "advertisers out of order",
    { editStatement: (content) => ({ ...content, advertisers: ["adv_b", "adv_a"] }) },
    /does not name the advertisers/,
  ],
  ["no advertisers", { editStatement: ({ advertisers: _, ...content }) => content }, /advertisers is missing/],
  [
    "fewer advertisers than its lines have",
    { editStatement: (content) => ({ ...content, advertisers: ["adv_a"] }) },
    /adv_b has no click in the evidence/,
  ],
  [
    "a lower sum to be paid",
    {
      editStatement: (content, number) =>
        number === 2 ? content : { ...content, totals: { ...content.totals, due: "0.01" } },
    },
    /totals/,
  ],
  [
    "a cheaper line",
    {
      editStatement: (content) => ({
        ...content,
        lines: content.lines.map((line, at) => (at === 0 ? { ...line, spend_micros: "1" } : line)),
      }),
    },
    /lines/,
  ],
  ["a line that is left out", { editStatement: (content) => ({ ...content, lines: content.lines.slice(1) }) }, /lines/],
  ["an adjustment that is left out", { editStatement: (content) => ({ ...content, adjustments: [] }) }, /adjustments/],
  [
    "a budget's credit, which publishers have none of",
    {
      editStatement: (content) => ({
        ...content,
        credits: [{ statement: 1, budget_micros: "1", spend_micros: "2", credit_micros: "1" }],
      }),
    },
    /credits/,
  ],
  [
    "a budget, though one so high that it takes off nothing",
    { editStatement: (content) => ({ ...content, budget_micros: "999999999999" }) },
    /000001\.json: budget_micros is "999999999999", and must be null/,
  ],
  [
    "more clicks than a number counts exactly",
    {
      edit: onFirst((sums) =>
        sums.map((sum) => ({ ...sum, gross: 2 ** 52, valid: 2 ** 52, duplicate: 0, invalid: 0, late: 0 })),
      ),
      editStatement: (content) => {
        const few = { gross: 1, valid: 1 };
        const lines = content.lines.map((line) => ({ ...line, ...few }));
        return { ...content, lines, totals: { ...content.totals, ...few } };
      },
    },
    /gross of the evidence adds up to 2\^53 or more/,
  ],
  [
    "another currency",
    { editStatement: (content) => ({ ...content, currency: "JPY" }) },
    /in the currency JPY, and stands among those in another/,
  ],
];

describe("a publisher's statement that is forged", () => {
  it.each(LIES)("with %s is found, though all that names it is forged with it", async (_, options, message) => {
    await expect(both(objectsOf(await makePublisherWorld(options)))).rejects.toThrow(message);
  });

  it("by one bit or one byte less of any object that is read is found", async () => {
    const read = [...objects.keys()].filter(
      (key) => /\.json$|\.parquet$|checkpoint$/.test(key) && !/\/head|keys/.test(key),
    );
    expect(read.length).toBeGreaterThan(9);
    const missed = [];
    for (const key of read) {
      const bytes = objects.get(key) as Uint8Array;
      const flipped = Uint8Array.from(bytes, (byte, at) => (at === bytes.length >> 1 ? byte ^ 1 : byte));
      for (const forged of [flipped, bytes.slice(0, -1), null]) {
        const all = new Map(objects);
        if (forged === null) all.delete(key);
        else all.set(key, forged);
        const outcome = await both(all).then(
          () => "missed",
          ({ name }: Error) => name,
        );
        if (outcome !== "Differs" && outcome !== "Unchecked") missed.push(`${key}: ${outcome}`);
      }
    }
    expect(missed).toEqual([]);
  });

  it("by what the log does not have under its name, or under the name of another currency, is found", async () => {
    const usd = { ...PUBLISHER, currency: "USD" };
    const moved = new Map(Array.from(objects, ([key, bytes]) => [key.replace("cur=EUR", "cur=USD"), bytes]));
    const more = { logKey: world.vkey, keep: memoryKeep(), owner: usd };
    await expect(verified(moved, 1, more)).rejects.toThrow("in the currency EUR, and stands among those in another");
    const other = await makePublisherWorld({ edit: (sums) => sums.slice(1) });
    const log = Array.from(objects).filter(([key]) => key.startsWith("evidence-log/"));
    await expect(both(new Map([...objectsOf(other), ...log]))).rejects.toThrow(/and the log has/);
  });

  it("by its advertiser, as whose statement it is shown, is found", async () => {
    const moved = new Map(
      Array.from(objects, ([key, bytes]) => [key.replace(/pub=pub_world(\/cur=EUR)?/, "adv=pub_world"), bytes]),
    );
    const more = { logKey: world.vkey, keep: memoryKeep(), owner: { advertiserId: "pub_world" } };
    await expect(verified(moved, 1, more)).rejects.toThrow(/000001\.json: advertiser_id is missing/);
  });
});
