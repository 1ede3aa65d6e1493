/** G9: a key reads its advertiser's rows, and cannot learn that others exist. */
import { env } from "cloudflare:workers";
import { beforeAll, describe, expect, it } from "vitest";
import { hashApiKey } from "../../src/access/api-keys.ts";
import { ask, askJson } from "./ask.ts";
import { aCell, clicks, seedCells, seedKey } from "./seed.ts";

const RANGE = "from=2026-04-20&to=2026-04-20";
const keys: Record<string, string> = {};

beforeAll(async () => {
  await seedCells(env.REPORT_DB, [
    aCell({ counts: clicks(3) }),
    aCell({ ad_id: "ad_10", counts: clicks(2) }),
    aCell({ advertiser_id: "adv_2", campaign_id: "cmp_2", publisher_id: "pub_2", counts: clicks(50) }),
  ]);
  const make = (name: string, advertiserId: string | null, scopes: string[]) =>
    seedKey(env.REPORT_DB, { name, advertiserId, scopes });
  keys["publisher"] = await seedKey(env.REPORT_DB, { name: "pubOne", publisherId: "pub_1", scopes: ["report"] });
  keys["otherPublisher"] = await seedKey(env.REPORT_DB, { name: "pubTwo", publisherId: "pub_2", scopes: ["report"] });
  keys["one"] = await make("one", "adv_1", ["report"]);
  keys["mint"] = await make("mint", "adv_1", ["mint"]);
  keys["boundAdmin"] = await make("boundAdmin", "adv_1", ["admin"]);
  keys["freeAdmin"] = await make("freeAdmin", null, ["admin"]);
  keys["empty"] = await make("empty", "adv_9", ["report"]);
  keys["revoked"] = await make("revoked", "adv_1", ["report"]);
  const hash = hashApiKey(keys["revoked"].slice("Bearer ".length));
  await env.REPORT_DB.prepare("UPDATE api_keys SET revoked_at_ms = 1 WHERE key_hash = ?1").bind(hash).run();
});

describe("G9: authentication", () => {
  it("answers 401 with a challenge for a missing, malformed, unknown or revoked key, all alike", async () => {
    const bad = [null, "Bearer nonsense", "Basic YTpi", "Bearer clk_".concat("x".repeat(43)), keys["revoked"] ?? ""];
    for (const path of ["/v1/reports/clicks", "/api/v1/metrics/clicks"]) {
      const bodies = new Set<string>();
      for (const authorization of bad) {
        const response = await ask(`${path}?${RANGE}`, { authorization });
        expect([response.status, response.headers.get("WWW-Authenticate")]).toEqual([401, "Bearer"]);
        // A header that is missing is told how it looks; which of the others it is, is not.
        if (authorization !== null) bodies.add(await response.text());
      }
      expect(bodies.size).toBe(1);
    }
  });

  it("answers 401 before it looks at parameters", async () => {
    expect((await ask("/v1/reports/clicks?nonsense=1", { authorization: null })).status).toBe(401);
  });

  it("answers 403 for a key that may only mint", async () => {
    const response = await ask(`/v1/reports/clicks?${RANGE}`, { authorization: keys["mint"] ?? "" });
    expect(response.status).toBe(403);
    expect(await response.json()).toMatchObject({ type: "/problems/insufficient-scope" });
  });
});

describe("G9: rows", () => {
  const totalOf = async (authorization: string | undefined, filters = "") =>
    (await askJson(`/v1/reports/clicks?${RANGE}${filters}`, { authorization: authorization ?? "" })).rows;

  it("restricts a bound key on every route, whatever its scopes, and an unbound admin not at all", async () => {
    expect(await totalOf(keys["one"])).toEqual([{ clicks: 5 }]);
    expect(await totalOf(keys["boundAdmin"])).toEqual([{ clicks: 5 }]);
    expect(await totalOf(keys["freeAdmin"])).toEqual([{ clicks: 55 }]);
    expect(await totalOf(keys["empty"])).toEqual([]);
    const { series } = await askJson(`/v1/metrics/clicks?${RANGE}&breakdown=advertiser_id,publisher_id`, {
      authorization: keys["one"] ?? "",
    });
    expect(series).toEqual([
      { advertiserId: "adv_1", publisherId: "pub_1", points: [{ day: "2026-04-20T00:00:00Z", clicks: 5 }] },
    ]);
  });

  it("answers a foreign id as it answers an unknown one: body, status and work", async () => {
    const pairs = [
      ["advertiser_id=adv_2", "advertiser_id=adv_x"],
      ["campaign_id=cmp_2", "campaign_id=cmp_x"],
      ["publisher_id=pub_2", "publisher_id=pub_x"],
      ["advertiser_id=adv_2&groupBy=minute,country", "advertiser_id=adv_x&groupBy=minute,country"],
    ];
    for (const pair of pairs) {
      const [foreign, unknown] = await Promise.all(
        pair.map((filters) => askJson(`/v1/reports/clicks?${RANGE}&${filters}`, { authorization: keys["one"] ?? "" })),
      );
      expect(foreign?.rows).toEqual([]);
      const neutral = (answer: typeof foreign) => JSON.stringify(answer).replaceAll(/"(adv|cmp|pub)_[2x]"/g, '"asked"');
      expect(neutral(foreign)).toBe(neutral(unknown));
    }
  });

  it("does not let an exclusion or a list reach other advertisers", async () => {
    expect(await totalOf(keys["one"], "&advertiser_id!=adv_1")).toEqual([]);
    expect(await totalOf(keys["one"], "&advertiser_id=adv_1,adv_2")).toEqual([{ clicks: 5 }]);
  });
});

describe("G9: a key of a publisher", () => {
  it("reads its own traffic of every advertiser, on every route, and nothing else", async () => {
    const rowsOf = async (name: string, search: string) =>
      (await askJson(`/v1/reports/clicks?${RANGE}&${search}`, { authorization: keys[name] ?? "" })).rows;
    expect(await rowsOf("publisher", "group_by=advertiser_id")).toEqual([{ advertiserId: "adv_1", clicks: 5 }]);
    expect(await rowsOf("otherPublisher", "group_by=advertiser_id")).toEqual([{ advertiserId: "adv_2", clicks: 50 }]);
    for (const filter of ["publisher_id=pub_2", "publisher_id!=pub_1", "publisher_id=pub_x", "advertiser_id=adv_2"]) {
      expect(await rowsOf("publisher", filter)).toEqual([]);
    }
    const { meta } = await askJson(`/v1/reports/clicks?${RANGE}&totals=true&compare=previous_period`, {
      authorization: keys["publisher"] ?? "",
    });
    expect(meta.totals).toEqual({ clicks: 5, previous: { clicks: 0 } });
    const { series } = await askJson(`/v1/metrics/clicks?${RANGE}&timezone=Asia/Kolkata&breakdown=publisher_id`, {
      authorization: keys["publisher"] ?? "",
    });
    expect(series.map((one) => one["publisherId"])).toEqual(["pub_1"]);
  });

  it("cannot ask what no publisher's part of can be told", async () => {
    for (const [metric, problem] of [
      ["unique_users", "uniques-not-mergeable"],
      ["reasons", "reasons-not-splittable"],
    ]) {
      const response = await ask(`/v1/reports/clicks?${RANGE}&metrics=${metric}`, {
        authorization: keys["publisher"] ?? "",
      });
      expect(await response.json()).toMatchObject({ type: `/problems/${problem}`, status: 400 });
    }
  });
});
