/** Anything at all, sent to the three routes: an answer of ours, never a fault, and nothing counted that is not valid. */
import { env } from "cloudflare:workers";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { readRow } from "../../src/conversions/row.ts";
import { CONVERSION_KINDS } from "../../src/core/conversion.ts";
import { orderKeyOf } from "../../src/core/order.ts";
import { orderShardName } from "../../src/core/routing.ts";
import { submissionHashOf } from "../../src/shard/submission-routing.ts";
import { testRing } from "../support/tokens.ts";
import { aClickId, answersOf, minutesAgo, post, send, submissionShards } from "./send.ts";

const SEED = 20_261_122;

const CLICK_ID = aClickId({ adId: "ad_fuzz" });
const anyText = fc.oneof(
  fc.string({ unit: "binary", maxLength: 40 }),
  fc.constantFrom("A", "", " ", "__proto__", "null"),
);
const anyField = fc.oneof(fc.jsonValue({ maxDepth: 2 }), anyText, fc.integer(), fc.double(), fc.boolean());

const mostly = (right: fc.Arbitrary<unknown>) =>
  fc.oneof({ weight: 9, arbitrary: right }, { weight: 1, arbitrary: anyField });

/** Rows of which about half are wrong. */
const anyRow = fc.oneof(
  { weight: 1, arbitrary: fc.jsonValue({ maxDepth: 3 }) },
  {
    weight: 9,
    arbitrary: fc
      .record({
        click_id: mostly(fc.constant(CLICK_ID)),
        order_id: mostly(fc.integer({ min: 1, max: 40 })),
        type: mostly(fc.constantFrom(...CONVERSION_KINDS)),
        value_micros: mostly(fc.constantFrom(5, 5, 5, 6, -1, -2)),
        occurred_at: mostly(fc.constant(minutesAgo(2))),
        retract: mostly(fc.constantFrom(false, false, false, true)),
        correction_id: mostly(fc.constant(null)),
      })
      .chain((row) => fc.constantFrom(row, row, row, { ...row, other: 1 })),
  },
);

const COUNTING = new Set(["recorded", "reattributed", "duplicate", "not_attributed", "corrected", "retracted"]);

/** Rows of log that all objects of submissions have written: one for each call that changed something there. */
async function logged(): Promise<number> {
  const rows = await Promise.all((await submissionShards()).map(async (shard) => (await shard.status()).lastSeq));
  return rows.reduce((sum, seq) => sum + seq, 0);
}

const ring = await testRing();
const hash = await submissionHashOf(env.ARCHIVE);

/** The rows as the server reads them: JSON has no infinity and no "not a number", and writes null for them. */
const asReceived = (rows: unknown[]): unknown[] => JSON.parse(JSON.stringify(rows));

/** The object that decides on a row which was taken. */
function shardOfRow(row: unknown): string {
  const read = readRow(row, { ring, advertiserId: null, nowMs: Date.now() });
  if (!read.ok) throw new Error(`a row was taken that is refused as ${read.error.reason}`);
  return orderShardName(hash(orderKeyOf(read.value)));
}

describe("arbitrary input", () => {
  it("as rows: each has an answer, and exactly those that changed something are logged", async () => {
    let expected = 0;
    await fc.assert(
      fc.asyncProperty(fc.array(anyRow, { minLength: 1, maxLength: 20 }), async (rows) => {
        const sent = await post({ conversions: rows });
        expect(sent.status).toBe(200);
        const answers = answersOf(sent);
        expect(answers.map(({ row }) => row)).toEqual(rows.map((_, index) => index));
        for (const { status, problem } of answers) {
          if (status === undefined) expect([400, 403, 404, 409, 422]).toContain(problem?.status);
        }
        const changing = asReceived(rows).filter((_, index) => COUNTING.has(answers[index]?.status ?? ""));
        expected += new Set(changing.map(shardOfRow)).size;
      }),
      { seed: SEED, numRuns: 60 },
    );
    expect(expected).toBeGreaterThan(0);
    expect(await logged()).toBe(expected);
  });

  it("as a body: an answer below 500, and nothing is logged", async () => {
    const before = await logged();
    const body = fc.oneof(
      anyText,
      fc.json(),
      fc.jsonValue().map((value) => JSON.stringify({ conversions: value })),
    );
    await fc.assert(
      fc.asyncProperty(body, fc.constantFrom("/v1/conversions", "/v1/impressions/counts"), async (text, path) => {
        expect((await send(path, { method: "POST", body: text })).status).toBeLessThan(500);
      }),
      { seed: SEED, numRuns: 100 },
    );
    expect(await logged()).toBe(before);
  });

  it("as a query without key or signature: refused, and nothing is logged", async () => {
    const before = await logged();
    const name = fc.oneof(fc.constantFrom("click_id", "order_id", "kid", "sig", "format", "__proto__"), anyText);
    const value = fc.oneof(fc.constantFrom(CLICK_ID, "test-1", "gif", "A".repeat(43)), anyText);
    await fc.assert(
      fc.asyncProperty(fc.array(fc.tuple(name, value), { maxLength: 8 }), async (pairs) => {
        const query = new URLSearchParams(pairs.map(([key, text]): [string, string] => [key, text]));
        const isPixel = query.get("format") === "gif";
        const { status } = await send(`/v1/conversions?${query}`, { key: null });
        expect(isPixel ? [200] : [400, 403]).toContain(status);
      }),
      { seed: SEED, numRuns: 200 },
    );
    expect(await logged()).toBe(before);
  });
});
