/** Conversions over HTTP, through real objects: counted once, answered row by row, as many as are allowed. */
import { env } from "cloudflare:workers";
import { describe, expect, it } from "vitest";
import { makeEventId } from "../../src/core/event-id.ts";
import { CONVERSIONS_PER_CALL_MAX, ORDER_ID_LENGTH_MAX } from "../../src/core/limits.ts";
import { orderKeyOf } from "../../src/core/order.ts";
import { orderShardName } from "../../src/core/routing.ts";
import { submissionHashOf } from "../../src/shard/submission-routing.ts";
import { serialBytes } from "../support/builders.ts";
import { aClickIdentity } from "../support/submissions.ts";
import {
  aClickId,
  anOrder,
  answersOf,
  aRow,
  convert,
  daysAgo,
  minutesAgo,
  OPERATOR,
  post,
  problemOf,
  send,
  totalsOf,
} from "./send.ts";

const none = { impressions: 0, grossImpressions: 0 };

describe("a conversion", () => {
  it("is counted once, however often it is sent, in one call or in several", async () => {
    const row = aRow({ click_id: aClickId({ adId: "ad_once" }) });
    expect(await convert([row, row])).toEqual(["recorded", "repeated"]);
    expect(await convert([row])).toEqual(["repeated"]);
    expect(await totalsOf("ad_once")).toEqual({
      ...{ conversions: 1, byTime: 1, value: 5_000_000, valueByTime: 5_000_000 },
      ...none,
    });
    expect(await convert([row])).toEqual(["repeated"]);
    expect(await totalsOf("ad_once")).toMatchObject({ conversions: 1, value: 5_000_000 });
  });

  it("is counted once when two calls are in flight at once", async () => {
    const rows = Array.from({ length: 20 }, () => aRow({ click_id: aClickId({ adId: "ad_race" }) }));
    const [one, two] = await Promise.all([convert(rows), convert([...rows].reverse())]);
    const pairs = one.map((status, index) => [status, two[rows.length - 1 - index]].sort());
    expect(pairs).toEqual(rows.map(() => ["recorded", "repeated"]));
    expect(await totalsOf("ad_race")).toMatchObject({ conversions: 20, value: 100_000_000 });
  });

  it("without an order id is counted once per click and type; a blank order id is none", async () => {
    const [click, other] = [aClickId({ adId: "ad_anon" }), aClickId({ adId: "ad_anon" })];
    const row = (fields: Record<string, unknown>) => ({ click_id: click, ...fields });
    expect(
      await convert([
        row({}),
        row({ order_id: "" }),
        row({ order_id: "   " }),
        row({ order_id: null }),
        row({ type: "lead" }),
        row({ click_id: other }),
      ]),
    ).toEqual(["recorded", "repeated", "repeated", "repeated", "recorded", "recorded"]);
    expect(await totalsOf("ad_anon")).toMatchObject({ conversions: 3 });
  });

  it("of an order id in digits is the same as a number and as a text", async () => {
    const row = aRow({ order_id: 990_017 });
    expect(await convert([row, { ...row, order_id: "990017" }])).toEqual(["recorded", "repeated"]);
  });

  it("of one order id is another for another advertiser, and for another type", async () => {
    const orderId = anOrder();
    const rows = [
      aRow({ order_id: orderId }),
      aRow({ order_id: orderId, type: "signup" }),
      aRow({ order_id: orderId, click_id: aClickId({ advertiserId: "adv_2" }) }),
    ];
    expect(await convert(rows)).toEqual(["recorded", "recorded", "recorded"]);
  });

  it("is credited to the last click, whichever is sent first", async () => {
    const early = aClickId({ adId: "ad_early", clickedAtMs: minutesAgo(30) });
    const late = aClickId({ adId: "ad_late", clickedAtMs: minutesAgo(20) });
    const [up, down] = [anOrder(), anOrder()];
    const row = (order_id: string, click_id: string) => aRow({ order_id, click_id });
    expect(await convert([row(up, early), row(up, late)])).toEqual(["recorded", "reattributed"]);
    expect(await convert([row(down, late), row(down, early)])).toEqual(["recorded", "duplicate"]);
    expect(await totalsOf("ad_early")).toMatchObject({ conversions: 0, value: 0 });
    expect(await totalsOf("ad_late")).toMatchObject({ conversions: 2, value: 10_000_000 });
  });

  it("is corrected and retracted where it is credited", async () => {
    const row = aRow({ click_id: aClickId({ adId: "ad_correct" }) });
    expect(await convert([row])).toEqual(["recorded"]);
    const refund = { ...row, value_micros: -2_000_000 };
    expect(await convert([refund, refund])).toEqual(["corrected", "repeated"]);
    expect(await totalsOf("ad_correct")).toMatchObject({ conversions: 1, value: 3_000_000, valueByTime: 3_000_000 });
    const second = { ...row, value_micros: -1_000_000, correction_id: "refund-2" };
    const upsell = { ...row, value_micros: 500_000, correction_id: "upsell" };
    expect(await convert([second, upsell, upsell])).toEqual(["corrected", "corrected", "repeated"]);
    expect(await totalsOf("ad_correct")).toMatchObject({ conversions: 1, value: 2_500_000 });
    expect(await convert([{ ...row, retract: true }])).toEqual(["retracted"]);
    expect(await convert([{ ...row, retract: true }, row])).toEqual(["repeated", "order_retracted"]);
    expect(await totalsOf("ad_correct")).toMatchObject({ conversions: 0, byTime: 0, value: 0, valueByTime: 0 });
  });

  it("that contradicts its order is refused in its row, and changes nothing", async () => {
    const row = aRow({ click_id: aClickId({ adId: "ad_conflict" }) });
    await convert([row]);
    const sent = await post([{ ...row, value_micros: 1 }, { ...row, value_micros: -5_000_001 }, aRow()]);
    expect(sent.status).toBe(200);
    expect(answersOf(sent)).toEqual([
      { row: 0, problem: expect.objectContaining({ type: "/problems/order-conflict", status: 409 }) },
      { row: 1, problem: expect.objectContaining({ type: "/problems/correction-exceeds-value", status: 422 }) },
      { row: 2, status: "recorded" },
    ]);
    expect(await totalsOf("ad_conflict")).toMatchObject({ conversions: 1, value: 5_000_000 });
  });

  it("of test traffic is not attributed", async () => {
    const row = aRow({ click_id: aClickId({ adId: "ad_test", isTest: true }) });
    expect(await convert([row, row])).toEqual(["not_attributed", "repeated"]);
    expect((await totalsOf("ad_test"))?.["conversions"] ?? 0).toBe(0);
  });

  it("of a click of 399 days ago is remembered, of 401 refused by name", async () => {
    const row = aRow({ click_id: aClickId({ clickedAtMs: daysAgo(399) }) });
    expect(await convert([row, aRow({ click_id: aClickId({ clickedAtMs: daysAgo(401) }) })])).toEqual([
      "not_attributed",
      "click_id_expired",
    ]);
  });
});

describe("a call", () => {
  it("may be an object with a list, a list, or one row", async () => {
    const [one, two, three] = [aRow(), aRow(), aRow()];
    expect(await convert({ conversions: [one] } as never)).toEqual(["recorded"]);
    expect(await convert([two])).toEqual(["recorded"]);
    expect(await convert(three as never)).toEqual(["recorded"]);
  });

  it("of 1 000 rows is spread over many objects and answered in the order of its rows", async () => {
    const rows = Array.from({ length: CONVERSIONS_PER_CALL_MAX }, (_, index) =>
      index % 10 === 7 ? aRow({ value_micros: "?" }) : aRow({ click_id: aClickId({ adId: "ad_many" }) }),
    );
    const click = aClickIdentity();
    const hash = await submissionHashOf(env.ARCHIVE);
    const names = rows.map(({ order_id: orderId }) =>
      orderShardName(hash(orderKeyOf({ click, kind: "purchase", orderId }))),
    );
    expect(new Set(names).size).toBeGreaterThan(200);
    const sent = await post({ conversions: rows });
    expect(sent.status).toBe(200);
    expect(answersOf(sent).map(({ row, status, problem }) => [row, status ?? problem?.field])).toEqual(
      rows.map((_, index) => [index, index % 10 === 7 ? "value_micros" : "recorded"]),
    );
    expect(await totalsOf("ad_many")).toMatchObject({ conversions: 900, value: 4_500_000_000 });
  });

  it("of 1 000 of the longest rows fits into its body", async () => {
    const long = "n".repeat(64);
    const ids = { adId: long, campaignId: long, adGroupId: long, publisherId: long, creativeId: long };
    const clickId = aClickId({ ...ids, advertiserId: long });
    const rows = Array.from({ length: CONVERSIONS_PER_CALL_MAX }, (_, index) => ({
      click_id: clickId,
      order_id: `${index}`.padStart(ORDER_ID_LENGTH_MAX, "Ж"),
      correction_id: "c".repeat(ORDER_ID_LENGTH_MAX),
      occurred_at: new Date().toISOString(),
      ...{ type: "subscription", value_micros: 1_000_000_000_000, retract: false },
    }));
    expect(new Set(await convert(rows))).toEqual(new Set(["order_unknown"]));
  });

  it.each<[string, unknown, number, string]>([
    ["no rows", { conversions: [] }, 400, "rows_invalid"],
    ["an empty list", [], 400, "rows_invalid"],
    ["1 001 rows", Array.from({ length: CONVERSIONS_PER_CALL_MAX + 1 }, () => ({})), 400, "rows_invalid"],
    ["a list that is none", { conversions: { 0: {} } }, 400, "rows_invalid"],
    ["null for a list", { conversions: null }, 400, "rows_invalid"],
    ["something beside its list", { conversions: [{}], dry_run: true }, 400, "field_unknown"],
    ["null", "null", 400, "body_not_json"],
    ["no JSON", "click_id=1", 400, "body_not_json"],
    ["nothing", "", 400, "body_not_json"],
    ["more than 2 MB", JSON.stringify("x".repeat(2_000_000)), 413, "body_too_large"],
  ])("with %s is refused as a whole", async (_, body, status, reason) => {
    const sent = await post(body);
    expect([sent.status, problemOf(sent)]).toEqual([status, reason]);
  });

  it("of something else than rows says so for each", async () => {
    expect(await convert([null, 7, "text", []])).toEqual(Array.from({ length: 4 }, () => "field_invalid"));
    expect(await convert("7" as never)).toEqual(["field_invalid"]);
  });

  it("that changes nothing of what it refuses: a refused row leaves no order behind", async () => {
    const row = aRow();
    expect(await convert([{ ...row, type: "gift" }, { ...row, occurred_at: minutesAgo(-5) }, row])).toEqual([
      "unknown_type",
      "occurred_in_future",
      "recorded",
    ]);
  });
});

describe("GET with an API key", () => {
  it("decides one conversion, and answers with its status", async () => {
    const query = new URLSearchParams({ click_id: aClickId(), order_id: anOrder(), value_micros: "70" });
    const sent = [await send(`/v1/conversions?${query}`), await send(`/api/v1/conversions?${query}`)];
    expect(sent.map(({ status, text }) => [status, text])).toEqual([
      [200, '{"status":"recorded"}'],
      [200, '{"status":"repeated"}'],
    ]);
    query.set("value_micros", "71");
    const conflict = await send(`/v1/conversions?${query}`);
    expect([conflict.status, problemOf(conflict)]).toEqual([409, "order_conflict"]);
  });

  it("knows no parameter that is no field", async () => {
    for (const name of ["utm_source", "__proto__"]) {
      const sent = await send(`/v1/conversions?click_id=${aClickId()}&${name}=x`, { key: OPERATOR });
      expect([sent.status, problemOf(sent)]).toEqual([400, "field_unknown"]);
    }
  });

  it("of an event id, which is no click id, is refused", async () => {
    const id = makeEventId({ receivedAtMs: Date.now(), routingHash: 1 }, serialBytes());
    expect((await send(`/v1/conversions?click_id=${id}`)).status).toBe(403);
  });
});
