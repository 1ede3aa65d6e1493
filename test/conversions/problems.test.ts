/** Every problem that a submission may meet, over HTTP: none is without its test, and each has its own status. */
import { beforeAll, describe, expect, it } from "vitest";
import {
  CONVERSION_VALUE_MICROS_MAX,
  CORRECTIONS_PER_ORDER_MAX,
  COUNTS_AGE_DAYS_MAX,
  DAY_MS,
} from "../../src/core/limits.ts";
import { PROBLEMS, type SubmissionReason } from "../../src/problems/catalog.ts";
import { seedKey, seedTenant } from "../admin/ask.ts";
import {
  type Answer,
  aClickId,
  anOrder,
  answersOf,
  aPostback,
  aRow,
  convert,
  DOWN,
  daysAgo,
  minutesAgo,
  OPERATOR,
  post,
  SHARDS_DOWN,
  send,
} from "./send.ts";

const aCount = (fields: Record<string, unknown> = {}) => ({
  ...{ minute: minutesAgo(3), advertiser_id: "adv_1", campaign_id: "cmp_7", ad_id: "ad_9", publisher_id: "pub_1" },
  ...{ impressions: 100 },
  ...fields,
});

async function upload(row: Record<string, unknown>, key = OPERATOR, batchId = anOrder()): Promise<Answer> {
  return send("/v1/impressions/counts", { method: "POST", key, body: { batch_id: batchId, rows: [row] } });
}

/** The problem of the last of some rows, which are sent one after the other. */
async function last(...rows: Record<string, unknown>[]): Promise<unknown> {
  for (const row of rows.slice(0, -1)) await convert([row]);
  const sent = await post([rows.at(-1)]);
  expect(sent.status).toBe(200);
  return answersOf(sent)[0]?.problem;
}

async function whole(sent: Promise<Answer>): Promise<unknown> {
  const { status, headers, text } = await sent;
  const problem = JSON.parse(text) as { status: number };
  expect(headers.get("Content-Type")).toBe("application/problem+json");
  expect(headers.get("Cache-Control")).toBe("no-store");
  expect(problem.status).toBe(status);
  return problem;
}

const PARTNER = "problems";
let partner = "";
beforeAll(async () => {
  await seedTenant(PARTNER);
  const mint = { advertisers: [`adv_${PARTNER}`], publishers: [`pub_${PARTNER}`] };
  partner = (await seedKey({ scopes: ["mint"], mint })).key;
});

const PROVOKED: Record<SubmissionReason, () => Promise<unknown>> = {
  click_id_missing: () => last({ order_id: anOrder() }),
  click_id_refused: () => last(aRow({ click_id: aClickId().slice(0, -1) })),
  click_id_expired: () => last(aRow({ click_id: aClickId({ clickedAtMs: daysAgo(401) }) })),
  field_invalid: () => last(aRow({ value_micros: 0.5 })),
  template_unfilled: () => last(aRow({ order_id: "{order_id}" })),
  field_unknown: () => last(aRow({ orderId: "A" })),
  field_repeated: () => whole(send("/v1/conversions?order_id=1&order_id=2")),
  unknown_type: () => last(aRow({ type: "gift" })),
  occurred_before_click: () => last(aRow({ occurred_at: minutesAgo(12) })),
  occurred_in_future: () => last(aRow({ occurred_at: minutesAgo(-3) })),
  order_conflict: () => {
    const row = aRow();
    return last(row, { ...row, value_micros: 5_000_001 });
  },
  order_retracted: () => {
    const row = aRow();
    return last(row, { ...row, retract: true }, { ...row, value_micros: -1 });
  },
  order_unknown: () => last(aRow({ value_micros: -1 })),
  correction_conflict: () => {
    const row = aRow();
    return last(row, { ...row, value_micros: -1 }, { ...row, value_micros: -2 });
  },
  corrections_exhausted: () => {
    const row = aRow();
    const corrections = Array.from({ length: CORRECTIONS_PER_ORDER_MAX + 1 }, (_, index) => ({
      ...row,
      value_micros: -1,
      correction_id: `refund ${index}`,
    }));
    return last(row, ...corrections);
  },
  correction_exceeds_value: () => {
    const row = aRow();
    return last(row, { ...row, value_micros: -5_000_001 });
  },
  correction_exceeds_limit: () => {
    const row = aRow();
    return last(row, { ...row, value_micros: CONVERSION_VALUE_MICROS_MAX, correction_id: "more" });
  },
  rows_invalid: () => whole(post([])),
  signature_invalid: () => whole(send(`${aPostback({ click_id: aClickId() })}&type=lead`, { key: null })),
  postbacks_too_many: () => {
    const bindings = { POSTBACK_RATE: { limit: async () => ({ success: false }) } };
    return whole(send(aPostback({ click_id: aClickId() }), { key: null, bindings }));
  },
  minute_too_old: () => whole(upload(aCount({ minute: minutesAgo(1) - COUNTS_AGE_DAYS_MAX * DAY_MS }))),
  minute_in_future: () => whole(upload(aCount({ minute: minutesAgo(-3) }))),
  key_limit_advertiser: () => whole(upload(aCount({ publisher_id: `pub_${PARTNER}` }), partner)),
  key_limit_publisher: () => whole(upload(aCount({ advertiser_id: `adv_${PARTNER}` }), partner)),
  batch_conflict: async () => {
    const batchId = anOrder();
    await upload(aCount(), OPERATOR, batchId);
    return whole(upload(aCount({ impressions: 101 }), OPERATOR, batchId));
  },
  unavailable: () => whole(post([aRow()], { bindings: { ...SHARDS_DOWN, ARCHIVE: DOWN } })),
};

describe("a submission that is refused", () => {
  it.each(Object.keys(PROVOKED) as SubmissionReason[])("names %s", async (reason) => {
    const { status, title } = PROBLEMS[reason];
    const type = `/problems/${reason.replaceAll("_", "-")}`;
    expect(await PROVOKED[reason]()).toMatchObject({ type, status, title, detail: expect.stringMatching(/\S{3}/) });
  });
});
