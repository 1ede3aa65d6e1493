/** Signed postbacks over HTTP: taken from anybody who can sign, as JSON or as a pixel. */
import { describe, expect, it } from "vitest";
import {
  aClickId,
  anOrder,
  aPostback,
  convert,
  DOWN,
  daysAgo,
  problemOf,
  SHARDS_DOWN,
  send,
  totalsOf,
} from "./send.ts";

const fields = (more: Record<string, string> = {}) => ({
  ...{ click_id: aClickId(), order_id: anOrder(), value_micros: "5000000" },
  ...more,
});
const get = (path: string, bindings?: Record<string, unknown>) =>
  send(path, { key: null, ...(bindings === undefined ? {} : { bindings }) });

describe("a signed postback", () => {
  it("is taken without a key, once", async () => {
    const path = aPostback(fields({ click_id: aClickId({ adId: "ad_postback" }) }));
    const answers = [await get(path), await get(path), await get(`/api${path}`)];
    expect(answers.map(({ status, text }) => [status, text])).toEqual([
      [200, '{"status":"recorded"}'],
      [200, '{"status":"repeated"}'],
      [200, '{"status":"repeated"}'],
    ]);
    expect(await totalsOf("ad_postback")).toMatchObject({ conversions: 1, value: 5_000_000 });
  });

  it("is the same order as a row of the API", async () => {
    const given = fields();
    expect((await get(aPostback(given))).text).toBe('{"status":"recorded"}');
    expect(await convert([{ ...given, value_micros: 5_000_000 }])).toEqual(["repeated"]);
    expect(await convert([{ ...given, value_micros: 5 }])).toEqual(["order_conflict"]);
  });

  it("corrects and retracts", async () => {
    const given = fields();
    await get(aPostback(given));
    expect((await get(aPostback({ ...given, value_micros: "-1000000" }))).text).toBe('{"status":"corrected"}');
    expect((await get(aPostback({ ...given, retract: "1" }))).text).toBe('{"status":"retracted"}');
  });

  it("may have its parameters in any order", async () => {
    const url = new URL(aPostback(fields()), "https://track.example");
    const reversed = new URLSearchParams(Array.from(url.searchParams).reverse());
    expect((await get(`/v1/conversions?${reversed}`)).status).toBe(200);
  });

  it("counts nothing when anything is changed, added, left out or given twice", async () => {
    const given = fields({
      click_id: aClickId({ adId: "ad_tampered" }),
      occurred_at: String(Date.now()),
      type: "lead",
    });
    const signed = Array.from(new URL(aPostback(given), "https://track.example").searchParams);
    const queries: [string, string][][] = [];
    for (const [at, [name, value]] of signed.entries()) {
      queries.push(signed.with(at, [name, `${value}1`]));
      queries.push(signed.with(at, [name, ""]));
      queries.push(signed.with(at, [`${name}x`, value]));
      queries.push(signed.toSpliced(at, 1));
      queries.push([...signed, [name, value]]);
    }
    for (const [name, value] of [
      ["retract", "1"],
      ["correction_id", "c"],
      ["format", "gif2"],
      ["utm", ""],
    ] as const) {
      queries.push([...signed, [name, value]]);
    }
    for (const query of queries) {
      const sent = await get(`/v1/conversions?${new URLSearchParams(query)}`);
      expect([query, [400, 403].includes(sent.status)]).toEqual([query, true]);
      expect(["signature_invalid", "field_repeated"]).toContain(problemOf(sent));
    }
    expect((await totalsOf("ad_tampered"))?.["conversions"] ?? null).toBeNull();
    expect((await get(`/v1/conversions?${new URLSearchParams(signed)}`)).text).toBe('{"status":"recorded"}');
  });

  it("is refused under another advertiser's secret", async () => {
    const sent = await get(aPostback(fields(), "adv_2"));
    expect([sent.status, problemOf(sent)]).toEqual([403, "signature_invalid"]);
  });

  it("with a click id that its signer made up is refused", async () => {
    const clickId = aClickId();
    const sent = await get(
      aPostback(fields({ click_id: `${clickId.slice(0, clickId.lastIndexOf("~"))}~${"A".repeat(22)}` })),
    );
    expect([sent.status, problemOf(sent)]).toEqual([403, "signature_invalid"]);
  });

  it("with a click id that is none is refused as unsigned, whatever it is", async () => {
    const texts = await Promise.all(
      ["", "nonsense", aClickId().slice(1)].map(
        async (clickId) => (await get(aPostback(fields({ click_id: clickId })))).text,
      ),
    );
    expect(new Set(texts).size).toBe(1);
  });

  it.each<[string, Record<string, string>, number, string]>([
    ["a type that there is not", { type: "gift" }, 400, "unknown_type"],
    ["a fraction of a micro", { value_micros: "0.5" }, 400, "field_invalid"],
    ["a misspelt field", { orderid: "7" }, 400, "field_unknown"],
    ["a click of 401 days ago", { click_id: aClickId({ clickedAtMs: daysAgo(401) }) }, 422, "click_id_expired"],
    ["an order that is not there", { value_micros: "-1" }, 404, "order_unknown"],
  ])("with %s is refused by name", async (_, more, status, reason) => {
    const sent = await get(aPostback(fields(more)));
    expect([sent.status, problemOf(sent)]).toEqual([status, reason]);
    expect(sent.headers.get("Content-Type")).toBe("application/problem+json");
  });
});

describe("a pixel", () => {
  const isPixel = async (path: string, bindings?: Record<string, unknown>) => {
    const { status, headers, text } = await get(path, bindings);
    const [type, length] = [headers.get("Content-Type"), headers.get("Content-Length")];
    expect([status, type, headers.get("Cache-Control")]).toEqual([200, "image/gif", "no-store"]);
    expect(text.startsWith("GIF89a")).toBe(true);
    expect(length).toBe("43");
  };

  it("counts its conversion and is a pixel", async () => {
    const path = aPostback(fields({ format: "gif", click_id: aClickId({ adId: "ad_pixel" }) }));
    await isPixel(path);
    await isPixel(path);
    expect(await totalsOf("ad_pixel")).toMatchObject({ conversions: 1 });
  });

  it("is a pixel whatever became of its conversion", async () => {
    await isPixel("/v1/conversions?format=gif");
    await isPixel("/v1/conversions?format=gif&order_id=1&order_id=2");
    await isPixel(`${aPostback(fields({ format: "gif" }))}&type=lead`);
    await isPixel(aPostback(fields({ format: "gif", type: "gift" })));
    await isPixel(aPostback(fields({ format: "gif" })), { ...SHARDS_DOWN, ARCHIVE: DOWN });
  });

  it("without `format` is JSON, and another format is JSON too", async () => {
    const sent = await get(aPostback(fields({ format: "png" })));
    expect([sent.status, sent.headers.get("Content-Type")]).toEqual([200, "application/json"]);
  });
});

describe("HEAD", () => {
  const head = (path: string) => send(path, { method: "HEAD", key: null });

  it("does what GET does, and answers without a body", async () => {
    const path = aPostback(fields({ click_id: aClickId({ adId: "ad_head" }) }));
    const sent = await head(path);
    expect([sent.status, sent.headers.get("Content-Type"), sent.text]).toEqual([200, "application/json", ""]);
    expect((await get(path)).text).toBe('{"status":"repeated"}');
    expect(await totalsOf("ad_head")).toMatchObject({ conversions: 1 });
  });

  it("of a pixel tells the length of the pixel", async () => {
    const sent = await head(aPostback(fields({ format: "gif" })));
    expect([sent.status, sent.headers.get("Content-Length"), sent.text]).toEqual([200, "43", ""]);
  });

  it("of a bad postback has its status", async () => {
    const sent = await head("/v1/conversions?click_id=1");
    expect([sent.status, sent.text]).toEqual([403, ""]);
  });
});
