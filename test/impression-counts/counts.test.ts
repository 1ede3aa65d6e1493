/** Uploaded counts over HTTP: a batch is counted whole, once per sender, or not at all. */
import { beforeAll, describe, expect, it } from "vitest";
import { COUNTS_PER_UPLOAD_MAX } from "../../src/core/limits.ts";
import { ask, seedKey, seedTenant } from "../admin/ask.ts";
import { type Answer, anOrder, minutesAgo, OPERATOR, problemOf, send, totalsOf } from "../conversions/send.ts";

const aCount = (fields: Record<string, unknown> = {}) => ({
  ...{ minute: minutesAgo(5), advertiser_id: "adv_one", campaign_id: "cmp_one", ad_id: "ad_one" },
  ...{ publisher_id: "pub_one", country: "DE", device: "mobile", impressions: 100, gross_impressions: 110 },
  ...fields,
});

async function upload(rows: unknown, batchId: unknown = anOrder(), key = OPERATOR): Promise<Answer> {
  return send("/v1/impressions/counts", { method: "POST", key, body: { batch_id: batchId, rows } });
}

const statusOf = ({ status, text }: Answer) =>
  status === 200 ? (JSON.parse(text) as { status: string }).status : status;

const keys: Record<string, { key: string; id: string }> = {};

beforeAll(async () => {
  for (const name of ["one", "two"]) await seedTenant(name);
  keys["one"] = await seedKey({ scopes: ["mint"], advertiserId: "adv_one" });
  keys["publisher"] = await seedKey({ scopes: ["mint"], publisherId: "pub_one" });
  keys["partner"] = await seedKey({ scopes: ["mint"], mint: { advertisers: ["adv_one"] } });
  keys["other"] = await seedKey({ scopes: ["mint"], mint: { advertisers: ["adv_two", "adv_one"] } });
});

describe("a batch", () => {
  it("is counted with what its sender filtered out", async () => {
    const rows = [
      aCount({ ad_id: "ad_batch" }),
      aCount({ ad_id: "ad_batch", device: "tv", impressions: 7, gross_impressions: undefined }),
    ];
    const sent = await upload(rows, "first");
    expect([sent.status, sent.headers.get("Cache-Control")]).toEqual([200, "no-store"]);
    expect(JSON.parse(sent.text)).toEqual({ batch_id: "first", status: "counted", rows: 2, impressions: 107 });
    expect(await totalsOf("ad_batch")).toMatchObject({ impressions: 107, grossImpressions: 117 });
  });

  it("is counted once, however often it is sent, also at once", async () => {
    const [rows, batchId] = [[aCount({ ad_id: "ad_repeat" })], anOrder()];
    const both = await Promise.all([upload(rows, batchId), upload(rows, batchId)]);
    expect(both.map(statusOf).sort()).toEqual(["counted", "repeated"]);
    expect(statusOf(await upload(rows, batchId))).toBe("repeated");
    expect(await totalsOf("ad_repeat")).toMatchObject({ impressions: 100 });
    expect(statusOf(await upload(rows, batchId))).toBe("repeated");
    expect(await totalsOf("ad_repeat")).toMatchObject({ impressions: 100 });
  });

  it.each<[string, (row: Record<string, unknown>) => unknown[]]>([
    ["another number", (row) => [{ ...row, impressions: 99 }]],
    ["another minute", (row) => [{ ...row, minute: minutesAgo(6) }]],
    ["another dimension", (row) => [{ ...row, country: "AT" }]],
    ["a row more", (row) => [row, row]],
  ])("of a used id with %s is a conflict, and changes nothing", async (name, change) => {
    const [adId, batchId] = [`ad_${name.replaceAll(" ", "_")}`, anOrder()];
    const row = aCount({ ad_id: adId });
    await upload([row], batchId);
    const conflict = await upload(change(row), batchId);
    expect([conflict.status, problemOf(conflict)]).toEqual([409, "batch_conflict"]);
    expect(await totalsOf(adId)).toMatchObject({ impressions: 100, grossImpressions: 110 });
    expect(statusOf(await upload([row], batchId))).toBe("repeated");
  });

  it("is the same batch in another spelling of the same rows", async () => {
    const [minute, batchId] = [minutesAgo(4), anOrder()];
    const spelt = [aCount({ minute }), aCount({ minute: new Date(minute + 20_000).toISOString(), creative_id: "" })];
    expect(statusOf(await upload([spelt[0]], batchId))).toBe("counted");
    expect(statusOf(await upload([spelt[1]], batchId))).toBe("repeated");
  });

  it("is refused whole for one bad row, which it names", async () => {
    const good = aCount({ ad_id: "ad_whole" });
    const batchId = anOrder();
    const sent = await upload([good, good, { ...good, impressions: 111 }], batchId);
    expect([sent.status, JSON.parse(sent.text)]).toEqual([
      400,
      expect.objectContaining({ type: "/problems/field-invalid", field: "rows[2].gross_impressions" }),
    ]);
    expect(JSON.parse((await upload([good, null])).text)).toMatchObject({ status: 400, field: "rows[1]" });
    // What a sender may write instead is said, not only that it was wrong.
    const device = { field: "rows[0].device", detail: "One of desktop, mobile, tablet, tv, other." };
    expect(JSON.parse((await upload([{ ...good, device: "phone" }])).text)).toMatchObject(device);
    expect((await totalsOf("ad_whole"))?.["impressions"] ?? 0).toBe(0);
    expect(statusOf(await upload([good], batchId))).toBe("counted");
  });

  it("has 1 000 rows at most, and those work", async () => {
    const row = aCount({ ad_id: "ad_thousand" });
    const rows = Array.from({ length: COUNTS_PER_UPLOAD_MAX }, (_, index) => ({ ...row, creative_id: `crt_${index}` }));
    const over = await upload([...rows, row]);
    expect([over.status, problemOf(over)]).toEqual([400, "rows_invalid"]);
    expect(statusOf(await upload(rows))).toBe("counted");
    expect(await totalsOf("ad_thousand")).toMatchObject({ impressions: 100_000, grossImpressions: 110_000 });
  });

  it.each<[string, unknown, number, string]>([
    ["no rows", { batch_id: "b", rows: [] }, 400, "rows_invalid"],
    ["rows that are no list", { batch_id: "b", rows: { 0: {} } }, 400, "rows_invalid"],
    ["no batch id", { rows: [{}] }, 400, "field_invalid"],
    ["a blank batch id", { batch_id: " ", rows: [{}] }, 400, "field_invalid"],
    ["a batch id of 129 characters", { batch_id: "b".repeat(129), rows: [{}] }, 400, "field_invalid"],
    ["a number for its id", { batch_id: 7, rows: [{}] }, 400, "field_invalid"],
    ["a field that there is not", { batch_id: "b", rows: [{}], dry_run: true }, 400, "field_unknown"],
    ["a list for a body", [{}], 400, "body_not_json"],
    ["no JSON", "batch_id=b", 400, "body_not_json"],
    ["more than 2 MB", JSON.stringify({ batch_id: "x".repeat(2_000_000) }), 413, "body_too_large"],
  ])("with %s is refused", async (_, body, status, reason) => {
    const sent = await send("/v1/impressions/counts", { method: "POST", body });
    expect([sent.status, problemOf(sent)]).toEqual([status, reason]);
  });
});

describe("a batch id is its sender's", () => {
  const rows = (name: string) => [aCount({ ad_id: `ad_of_${name}` })];

  it("so the same id of another sender is another batch, whatever it holds", async () => {
    const batchId = anOrder();
    for (const name of ["one", "publisher", "partner", "other"]) {
      expect([name, statusOf(await upload(rows(name), batchId, keys[name]?.key))]).toEqual([name, "counted"]);
    }
    expect(statusOf(await upload(rows("operator"), batchId))).toBe("counted");
    for (const name of ["one", "publisher", "partner", "other"]) {
      expect([name, statusOf(await upload(rows(name), batchId, keys[name]?.key))]).toEqual([name, "repeated"]);
    }
  });

  it("and stays so under the key that replaces its key", async () => {
    for (const name of ["one", "partner"]) {
      const batchId = anOrder();
      await upload(rows(name), batchId, keys[name]?.key);
      const rotated = await ask(`POST /v1/admin/keys/${keys[name]?.id}/rotate`, { body: { overlapSeconds: 60 } });
      expect(rotated.status).toBe(201);
      expect(statusOf(await upload(rows(name), batchId, String(rotated.body["key"])))).toBe("repeated");
    }
  });
});
