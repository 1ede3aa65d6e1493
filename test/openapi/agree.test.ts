/**
 * What the document says of bodies, against what validates them: what the schema takes is refused for no reason of form,
 * and what it does not take is refused. Claims and clicks by script are validated by hand; of rows that are submitted the
 * schema is one, and its refinements, which JSON Schema cannot say, are what is compared.
 */
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { readRow } from "../../src/conversions/row.ts";
import { parseClaims } from "../../src/core/claims.ts";
import { makeClickId } from "../../src/core/click-id.ts";
import { CONVERSION_KINDS } from "../../src/core/conversion.ts";
import { DEVICE_CLASSES } from "../../src/core/device.ts";
import {
  CONVERSION_VALUE_MICROS_MAX,
  COUNTS_PER_ROW_MAX,
  CPC_MICROS_MAX,
  ORDER_ID_LENGTH_MAX,
} from "../../src/core/limits.ts";
import { readCounts } from "../../src/impression-counts/counts-row.ts";
import { handleScriptClick } from "../../src/track/script-click.ts";
import { NOON_MS } from "../support/builders.ts";
import { aKeyRing } from "../support/signing.ts";
import { aClickIdentity } from "../support/submissions.ts";
import { fits } from "./validate.ts";

const SEED = 20_261_122;

const ring = await aKeyRing();
const CLICK_ID = makeClickId(aClickIdentity(), ring);
const RUNS = { seed: SEED, numRuns: 500 };

/** An object of which each member is right, wrong, or left out; `others` are members that nobody knows. */
function anObject(members: Record<string, { right: readonly unknown[]; wrong?: readonly unknown[] }>) {
  const one = ({ right, wrong = [] }: { right: readonly unknown[]; wrong?: readonly unknown[] }) =>
    fc.oneof(
      { weight: 8, arbitrary: fc.constantFrom(...right) },
      { weight: 1, arbitrary: fc.constantFrom(...wrong, ...ANYTHING) },
    );
  const shape = Object.fromEntries(Object.entries(members).map(([name, values]) => [name, one(values)]));
  return fc
    .record(shape, { requiredKeys: [] })
    .chain((object) =>
      fc.oneof(
        { weight: 9, arbitrary: fc.constant(object) },
        { weight: 1, arbitrary: fc.constant({ ...object, colour: "red" }) },
      ),
    );
}

const ANYTHING = [null, "", " ", "x", 0, -1, 1.5, true, [], {}, "\u0000", "x".repeat(ORDER_ID_LENGTH_MAX + 1)];
const ID = { right: ["adv_1", "x".repeat(64), "a.b-c"], wrong: ["..", "x".repeat(65), "a b", "ä"] };
const REFERENCE = {
  right: ["A-1", 1_001, "Bestellung № 7", "x".repeat(ORDER_ID_LENGTH_MAX), "", " \t ", null, 0],
  wrong: ["a\nb", 2 ** 53],
};

describe("the document and the validator agree", () => {
  const FORM = ["field_invalid", "field_unknown", "unknown_type", "click_id_missing"];

  it("on rows of conversions", () => {
    const row = anObject({
      click_id: { right: [CLICK_ID], wrong: ["no click id"] },
      order_id: REFERENCE,
      type: { right: [...CONVERSION_KINDS, null], wrong: ["sale"] },
      value_micros: {
        right: [5_000_000, -1, 0, CONVERSION_VALUE_MICROS_MAX, null],
        wrong: [CONVERSION_VALUE_MICROS_MAX + 1, "5"],
      },
      occurred_at: {
        right: ["2026-04-20T14:05:00+02:00", "2026-04-20T12:05Z", NOON_MS + 1, null],
        wrong: ["2026-04-20", "yesterday", "2026-04-20T12:05"],
      },
      retract: { right: [true, false, null], wrong: ["true"] },
      correction_id: REFERENCE,
    });
    const context = { ring, advertiserId: null, nowMs: NOON_MS + 600_000 };
    fc.assert(
      fc.property(row, (fields) => {
        const read = readRow(fields, context);
        if (fits("ConversionRow", fields)) return read.ok || !FORM.includes(read.error.reason);
        return !read.ok;
      }),
      RUNS,
    );
  });

  it("on rows of impression counts", () => {
    const row = anObject({
      minute: { right: ["2026-04-20T12:00:00Z", NOON_MS], wrong: ["2026-04-20", "noon"] },
      ...{ advertiser_id: ID, campaign_id: ID, ad_id: ID, publisher_id: ID },
      ad_group_id: { right: [...ID.right, "", null], wrong: ID.wrong },
      creative_id: { right: [...ID.right, "", null], wrong: ID.wrong },
      country: { right: ["DE", "T1", "", null], wrong: ["de", "DEU"] },
      device: { right: [...DEVICE_CLASSES, null], wrong: ["phone"] },
      impressions: { right: [0, 1_200], wrong: [COUNTS_PER_ROW_MAX + 1, "12"] },
      gross_impressions: { right: [1_200, COUNTS_PER_ROW_MAX], wrong: [COUNTS_PER_ROW_MAX + 1] },
    });
    const anyone = { advertisers: null, publishers: null, cpcMicrosMax: null };
    fc.assert(
      fc.property(row, (fields) => {
        const read = readCounts(fields, anyone, NOON_MS + 600_000);
        const { impressions = 0, gross_impressions: gross = impressions } = fields as Record<string, number>;
        if (fits("CountsRow", fields) && gross >= impressions) return read.ok || /^minute_/.test(read.error.reason);
        return !read.ok;
      }),
      RUNS,
    );
  });

  it("on claims of tokens", () => {
    const optional = { right: [...ID.right, undefined], wrong: ID.wrong };
    const bit = { right: [0, 1, undefined], wrong: [2, true] };
    const claims = anObject({
      ...{ adv: ID, cmp: ID, ad: ID, pub: ID, jti: ID },
      ...{ iat: { right: [NOON_MS / 1_000, 0.5] }, exp: { right: [NOON_MS / 1_000 + 60] } },
      url: { right: ["https://shop.example/landing"] },
      cpc: { right: [0, 250_000, CPC_MICROS_MAX], wrong: [CPC_MICROS_MAX + 1, 0.5] },
      ...{ grp: optional, crt: optional, plc: optional, fmt: optional, uid: optional },
      ...{ dur: bit, tst: bit },
    });
    fc.assert(
      fc.property(claims, (payload: Record<string, unknown>) => {
        // What is absent is filled in before the claims are read.
        const filled = {
          ...payload,
          jti: payload["jti"] ?? "imp_1",
          iat: payload["iat"] ?? 1,
          exp: payload["exp"] ?? 2,
        };
        const read = parseClaims(filled);
        const known = JSON.parse(JSON.stringify(filled)) as unknown;
        if (fits("TokenClaims", known)) return read.ok || /^(url_|life_)/.test(read.error.reason);
        return !read.ok;
      }),
      RUNS,
    );
  });

  it("on clicks by script", async () => {
    const body = anObject({
      token: { right: ["a.b.c"] },
      timestamp_ms: { right: [NOON_MS, null], wrong: [2 ** 53] },
      device_type: { right: [...DEVICE_CLASSES, null], wrong: ["phone"] },
    });
    const { env, createExecutionContext } = await platform();
    await fc.assert(
      fc.asyncProperty(body, async (sent) => {
        const request = new Request("https://clicks.example/v1/click", { method: "POST", body: JSON.stringify(sent) });
        const response = await handleScriptClick(request, env, createExecutionContext());
        const { type } = (await response.json()) as { type: string };
        const isOfForm = type === "/problems/field-invalid" || type === "/problems/token-missing";
        return isOfForm === !fits("ScriptClick", sent);
      }),
      { seed: SEED, numRuns: 200 },
    );
  });
});

async function platform() {
  const [{ env }, { createExecutionContext }] = await Promise.all([
    import("cloudflare:workers"),
    import("cloudflare:test"),
  ]);
  return { env, createExecutionContext };
}

it("tells what does not fit", () => {
  expect(fits("ConversionRow", { click_id: "x", type: "sale" })).toBe(false);
});
