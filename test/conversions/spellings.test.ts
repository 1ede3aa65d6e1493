// biome-ignore-all lint/suspicious/noTemplateCurlyInString: templates of others are what this is about
/** What senders' systems make of names, instants and URLs, over HTTP: one order stays one, and strangers stay apart. */

import { env } from "cloudflare:workers";
import { hmac } from "@noble/hashes/hmac.js";
import { sha256 } from "@noble/hashes/sha2.js";
import { describe, expect, it } from "vitest";
import { decodeBase64url, encodeBase64url, encodeUtf8 } from "../../src/core/base64url.ts";
import { aClickId, anOrder, answersOf, aPostback, aRow, convert, minutesAgo, post, send, totalsOf } from "./send.ts";

const AROUND = [" ", "\n", "\u00a0", "\u00ad", "\u200b", "\u200f", "\u2060", "\ufeff"];
const TEMPLATES = [
  ...["{lead_id}", "{{x}}", "${x}", "%%X%%", "[X]", "<x>", "#x#", "__X__", "undefined", "null", "None", "NaN", "nil"],
  ...["(not set)", "[object Object]", "%7Blead_id%7D"],
];

describe("[fault A2] invisible characters at either end", () => {
  it.each(AROUND)("%j make no second order, correction or retraction of a row", async (text) => {
    const spelt = (name: string) => `${text}${name}${text}`;
    const row = aRow({ click_id: aClickId({ adId: "ad_spelt" }) });
    const again = { ...row, order_id: spelt(row.order_id), click_id: spelt(row.click_id) };
    expect(await convert([row, again])).toEqual(["recorded", "repeated"]);
    const part = { ...again, value_micros: -1, correction_id: "part-1" };
    expect(await convert([part, { ...part, correction_id: spelt("part-1") }])).toEqual(["corrected", "repeated"]);
    const postback = await send(aPostback({ click_id: again.click_id, order_id: again.order_id, retract: "1" }), {
      key: null,
    });
    expect(postback.text).toBe('{"status":"retracted"}');
    expect(await convert([{ ...row, retract: true }])).toEqual(["repeated"]);
  });

  it("make no second batch of counts", async () => {
    const row = {
      ...{ minute: minutesAgo(3), advertiser_id: "adv_1", campaign_id: "cmp_7", ad_id: "ad_spelt_batch" },
      ...{ publisher_id: "pub_1", impressions: 100 },
    };
    for (const [at, text] of ["", ...AROUND].entries()) {
      const body = { batch_id: `${text}spelt batch${text}`, rows: [row] };
      const { text: answer } = await send("/v1/impressions/counts", { method: "POST", body });
      expect(JSON.parse(answer)).toMatchObject({ batch_id: "spelt batch", status: at === 0 ? "counted" : "repeated" });
    }
    expect(await totalsOf("ad_spelt_batch")).toMatchObject({ impressions: 100 });
  });

  it("are not looked for inside, and letters stay as they are", async () => {
    const [one] = [anOrder()];
    const rows = [`${one}a`, `${one}A`, `${one}\u200ba`, `${one} a`].map((orderId) => aRow({ order_id: orderId }));
    expect(await convert(rows)).toEqual(Array(4).fill("recorded"));
  });
});

describe("[fault A3] a template that nobody filled", () => {
  it.each(TEMPLATES)("%s merges no strangers: it is refused by name, wherever it stands", async (template) => {
    const rows = ["order_id", "correction_id", "click_id"].map((field) => aRow({ [field]: template }));
    const answers = answersOf(await post(rows));
    expect(answers.map(({ problem }) => [problem?.type, problem?.field])).toEqual([
      ["/problems/template-unfilled", "order_id"],
      ["/problems/template-unfilled", "correction_id"],
      ["/problems/template-unfilled", "click_id"],
    ]);
    const postback = aPostback({ click_id: aClickId(), order_id: template });
    expect((await send(postback, { key: null })).text).toContain("/problems/template-unfilled");
    const unfilled = aPostback({ click_id: template, order_id: anOrder() });
    expect((await send(unfilled, { key: null })).text).toContain("/problems/template-unfilled");
    const upload = await send("/v1/impressions/counts", { method: "POST", body: { batch_id: template, rows: [] } });
    expect([upload.status, upload.text]).toEqual([400, expect.stringContaining("/problems/template-unfilled")]);
  });

  it("is none where a name only holds such characters", async () => {
    expect(await convert([aRow({ order_id: `A[1]-{2} ${anOrder()}` })])).toEqual(["recorded"]);
  });
});

describe("[fault A13] an advertiser's clock that is slow", () => {
  it("by a minute loses no conversion, which counts in its click's minute", async () => {
    const row = aRow({ click_id: aClickId({ adId: "ad_slow" }), occurred_at: minutesAgo(11) });
    expect(await convert([row])).toEqual(["recorded"]);
    expect(await totalsOf("ad_slow")).toMatchObject({ conversions: 1, byTime: 1 });
    const { results } = await env.REPORT_DB.prepare(
      "SELECT minute FROM facts_minute WHERE ad_id = 'ad_slow' GROUP BY minute",
    ).all<{ minute: number }>();
    expect(results).toHaveLength(1);
    expect(await convert([aRow({ occurred_at: minutesAgo(11) - 1 })])).toEqual(["occurred_before_click"]);
  });
});

describe("[fault A17] a postback as Java's URLEncoder writes it", () => {
  it("is taken, and is the same order as a row", async () => {
    const secret = JSON.parse((await send("/v1/conversions/secret?advertiser_id=adv_1")).text) as Record<
      string,
      string
    >;
    const fields = { click_id: aClickId(), kid: secret["kid"] ?? "", order_id: `${anOrder()} *~+`, value_micros: "5" };
    const signed = new URLSearchParams(Object.entries(fields)).toString();
    expect(signed).toMatch(/1%7E.*\+\*%7E%2B/);
    const key = decodeBase64url(secret["secret"] ?? "");
    const sig = encodeBase64url(hmac(sha256, key ?? new Uint8Array(), encodeUtf8(signed)));
    const sent = await send(`/v1/conversions?${signed}&sig=${sig}`, { key: null });
    expect(sent.text).toBe('{"status":"recorded"}');
    const { click_id, order_id } = fields;
    expect(await convert([{ click_id, order_id, value_micros: 5 }])).toEqual(["repeated"]);
  });
});
