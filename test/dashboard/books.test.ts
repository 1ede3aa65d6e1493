/** The screens of the books: statements of advertisers and publishers, second looks, and what an auditor is shown of them. */
import { env } from "cloudflare:workers";
import { beforeAll, describe, expect, it } from "vitest";
import { statementKey } from "../../src/billing/statement.ts";
import { canonicalBytes } from "../../src/evidence/manifest.ts";
import { makeReplayId, type Replay, reportKey, writeReplay } from "../../src/replay/replay.ts";
import { KEYS_KEY } from "../../src/tlog/objects.ts";
import { ask, seedKey, seedTenant } from "../admin/ask.ts";
import { seedStatement } from "../openapi/seed-statements.ts";
import { saidBy, Visitor } from "./visit.ts";

const operator = new Visitor("admin");
let auditor: Visitor;
let auditorId = "";
let advertiser: Visitor;
let publisher: Visitor;
const looks: string[] = [];
const hash = (digit: string) => digit.repeat(64);
const counts = {
  ...{ gross: 28, valid: 27, duplicate: 1, invalid: 0, late: 0 },
  ...{ impressions: 1_204, conversions: 2, spend_micros: "6750000" },
};
const CAUSES = [null, "review", "audit/2026-04-20/0002", "replay/lk_1", "replay/lk_1/undo"];
const adjustments = CAUSES.map((cause) => ({
  statement: 1,
  day: "2026-04-20",
  campaign_id: "cmp_7",
  cause,
  ...counts,
}));

beforeAll(async () => {
  await ask("POST /v1/admin/advertisers", { body: { id: "adv_1", name: "Mine <b>", currency: "EUR" } });
  await seedTenant("books");
  const [checks, buys, sells] = [
    await seedKey({ scopes: ["audit"] }),
    await seedKey({ advertiserId: "adv_1", scopes: ["report", "bill"] }),
    await seedKey({ publisherId: "pub_books", scopes: ["report", "bill"] }),
  ];
  auditorId = checks.id;
  [auditor, advertiser, publisher] = [new Visitor(checks.id), new Visitor(buys.id), new Visitor(sells.id)];
  await seedStatement(env);
  const corrected = { statement: 1, day: "2026-04-20", revision_before: 1, revision: 2, sha256: hash("5") };
  const earned = {
    ...{ v: 1, kind: "statement", publisher_id: "pub_books", number: 1, previous: null, advertisers: ["adv_1"] },
    ...{ from: "2026-04-20T00:00:00Z", to: "2026-04-21T00:00:00Z", time_zone: "UTC", currency: "EUR" },
    ...{ budget_micros: null, adjustments, credits: [], lines_by_ad: [], adjustments_by_ad: null, losses: [] },
    lines: [{ day: "2026-04-20", campaign_id: "cmp_7", ...counts }],
    totals: {
      ...{ ...counts, adjustments_micros: "0", credits_micros: "0", carried_in_micros: "0" },
      ...{ due_micros: "6750000", due: "6.75", carried_out_micros: "0" },
    },
    evidence: [{ day: "2026-04-20", revision: 1, sha256: hash("4") }],
    ...{ corrected: [corrected], draft: "draft_4f1c2d3e5a6b7c8d9e0f1a2b", issued_at: "2026-04-23T08:00:00Z" },
  };
  await env.ARCHIVE.put(statementKey({ publisherId: "pub_books", currency: "EUR" }, 1), canonicalBytes(earned));
  const keys = [{ vkey: "ads.example/evidence+00000000+AQ==", since: "2026-04-01T00:00:00.000Z", statement: null }];
  await env.ARCHIVE.put(KEYS_KEY, JSON.stringify({ v: 1, origin: "ads.example/evidence", keys }));
  await seedLooks();
});

async function seedLooks(): Promise<void> {
  const all: Partial<Replay>[] = [
    { phase: "looked", rules: ["high_frequency"] },
    { phase: "applied", rules: ["regular_intervals"] },
    { phase: "looked", rules: ["outlying_ctr"] },
  ];
  for (const [at, one] of all.entries()) {
    const startedAtMs = Date.parse("2026-04-22T08:00:00Z") + at * 60_000;
    const id = makeReplayId(startedAtMs, new Uint8Array(10).fill(at));
    const asked = { from: "2026-04-20", to: "2026-04-21", by: "key_op", startedAtMs, changedAtMs: startedAtMs };
    await writeReplay(env.ARCHIVE, { id, ...asked, ...one } as Replay, null);
    const sum = {
      reason: "high_frequency",
      advertiserId: "adv_1",
      publisherId: "pub_books",
      clicks: 3,
      micros: "750000",
      ...{ promotedClicks: 0, promotedMicros: "0" },
    };
    const report = { clicks: 3, promotedClicks: 0, sums: [sum], examples: [] };
    await env.ARCHIVE.put(reportKey(id), JSON.stringify(report));
    looks.push(id);
  }
}

const shownTo = async (visitor: Visitor, path: string) => {
  const page = await visitor.get(path);
  return { ...page, said: saidBy(page) };
};

describe("statements", () => {
  it("of a publisher are listed, shown with whose clicks they count, and checked by one command", async () => {
    const listed = await shownTo(publisher, "/statements");
    expect(listed.said).toContain("Statement 000001");
    expect(listed.text).toContain("/statements?currency=EUR&amp;n=1");
    expect(listed.text).not.toContain("Draft it");
    const { said, text } = await shownTo(publisher, "/statements?currency=EUR&n=1");
    expect(said).toContain("pub_books, from 2026-04-20T00:00:00Z");
    expect(said).toContain("6.75 EUR is due to the publisher");
    expect(said).toContain("Earned with adv_1: those of its clicks who pay in EUR");
    expect(said).toContain(
      "npx --yes --package ./clickledger-verify-0.1.0.tgz clickledger-verify 1 --currency EUR --url https://clicks.example --log-key 'ads.example/evidence+00000000+AQ=='",
    );
    expect(text).toContain('href="/export/v1/evidence/2026-04-20?revision=1"');
    expect(said).toContain("statement 1, revision 1");
    for (const by of [
      "the log",
      "review of late clicks",
      "audit of 2026-04-20, number 2",
      "second look lk_1, taken back",
    ])
      expect(said).toContain(by);
    expect(said).toContain("1,204");
    expect(text).not.toContain("/audits");
    expect((await publisher.get("/statements?n=1")).text).toContain("currency");
  });

  it("of others are shown to nobody who has statements of their own", async () => {
    for (const path of ["/statements?publisher=pub_books&currency=EUR&n=1", "/statements?advertiser=adv_books"]) {
      expect((await shownTo(advertiser, path)).said).not.toContain("pub_books");
    }
    const own = await shownTo(advertiser, "/statements?n=1");
    expect(own.said).toContain(
      "npx --yes --package ./clickledger-verify-0.1.0.tgz clickledger-verify 1 --url https://clicks.example --log-key",
    );
    expect((await shownTo(publisher, "/statements?advertiser=adv_1&n=1")).said).not.toContain("cmp_7");
  });

  it("are downloaded with the manifests of their days, byte for byte", async () => {
    const file = await advertiser.get("/export/v1/evidence/2026-04-20?revision=1");
    expect([file.status, file.headers.get("Content-Disposition")]).toEqual([
      200,
      'attachment; filename="manifest-2026-04-20-1.json"',
    ]);
    expect(JSON.parse(file.text)).toMatchObject({ advertiser_id: "adv_1", revision: 1 });
    expect((await publisher.get("/export/v1/evidence/2026-04-20?advertiser_id=adv_1")).status).toBe(400);
    expect((await advertiser.get("/export/v1/evidence/secret")).status).toBe(404);
  });
});

describe("a key of scope bill alone", () => {
  it("arrives at the statements of its tenant, prints and checks them, and finds nothing else", async () => {
    for (const [owner, path, shown] of [
      [{ advertiserId: "adv_1" }, "/statements?n=1", "cmp_7"],
      [{ publisherId: "pub_books" }, "/statements?currency=EUR&n=1", "6.75 EUR is due to the publisher"],
    ] as const) {
      const finance = new Visitor((await seedKey({ ...owner, scopes: ["bill"] })).id);
      expect(saidBy(await finance.get("/"))).toContain("Statement 000001");
      const { said, text } = await shownTo(finance, path);
      expect(said).toContain(shown);
      expect(said).toContain("clickledger-verify 1");
      for (const hidden of ["/explore", "/live", "/clicks", "/audits"]) {
        expect(text).not.toContain(`href="${hidden}"`);
        expect((await finance.get(hidden)).status).toBe(404);
      }
      expect((await shownTo(finance, "/statements?advertiser=adv_books&n=1")).said).not.toContain("adv_books");
    }
  });
});

describe("an auditor", () => {
  it("arrives at the tenants, sees the statements of each with the command for it, and drafts none", async () => {
    const arrived = await auditor.get("/");
    expect(saidBy(arrived)).toContain("adv_1");
    const { said, text } = await shownTo(auditor, "/statements");
    for (const one of ["Advertisers", "adv_1", "Mine <b>", "adv_books", "Publishers", "pub_books"])
      expect(said).toContain(one);
    expect(text).not.toContain("Mine <b>");
    const list = await shownTo(auditor, "/statements?publisher=pub_books");
    expect(list.text).toContain("/statements?publisher=pub_books&amp;currency=EUR&amp;n=1");
    expect(list.said).not.toContain("Draft it");
    const sheet = await shownTo(auditor, "/statements?publisher=pub_books&currency=EUR&n=1");
    expect(sheet.said).toContain("clickledger-verify 1 --publisher pub_books --currency EUR --url");
    expect(sheet.text).toContain('href="/audits?day=2026-04-20"');
    expect(sheet.text).toContain('href="/second-looks?id=lk_1"');
    expect(sheet.text).toContain('href="/export/v1/evidence/2026-04-20?publisher_id=pub_books&amp;revision=2"');
  });

  it("leaves each page on record, acts on none, and finds no screens of others", async () => {
    await auditor.get("/statements?advertiser=adv_1&n=1");
    const { body } = await ask("GET /v1/admin/audit-log?limit=1&subject_kind=advertiser&subject_id=adv_1");
    expect(body["entries"]).toMatchObject([
      { action: "look", keyId: auditorId, after: { request: "GET /v1/statements/1?advertiser_id=adv_1", status: 200 } },
    ]);
    for (const path of ["/tenants", "/dead-letters", "/health", "/explore", "/live", "/late-clicks"]) {
      expect([path, (await auditor.get(path)).status]).toEqual([path, 404]);
    }
    const drafted = await auditor.post("/statements", [
      ["act", "draft"],
      ["advertiser", "adv_1"],
      ["to", "2026-04-21"],
    ]);
    expect(saidBy(drafted)).toContain("A key of scope audit");
    const applied = await auditor.post("/second-looks", [
      ["act", "apply"],
      ["id", looks[0] ?? ""],
      ["confirmed", "yes"],
    ]);
    expect(saidBy(applied)).toContain("A key of scope audit");
    for (const path of ["/audits", "/audit-log", "/second-looks", `/second-looks?id=${looks[0]}`]) {
      const page = await auditor.get(path);
      expect([path, page.status]).toEqual([path, 200]);
      expect(page.text).not.toContain('name="act"');
    }
  });
});

describe("second looks", () => {
  it("are listed by the API and on the page, the newest first, by pages", async () => {
    const first = await ask("GET /v1/admin/replays?limit=2");
    const { replays, next } = first.body as { replays: { id: string; dryOnly: string[] }[]; next: string };
    expect(replays.map(({ id }) => id)).toEqual([looks[2], looks[1]]);
    expect(replays[0]?.dryOnly).toEqual(["outlying_ctr"]);
    const rest = await ask(`GET /v1/admin/replays?limit=2&after=${next}`);
    expect(rest.body).toMatchObject({ replays: [{ id: looks[0], phase: "looked" }], next: null });
    for (const query of ["limit=0", "limit=201", "after=x", "before=1"]) {
      expect([query, (await ask(`GET /v1/admin/replays?${query}`)).status]).toEqual([query, 400]);
    }
    const { said } = await shownTo(operator, "/second-looks");
    expect(said).toMatch(
      /outlying ctrdry: nothing is changed, and never will be.*regular intervalsapplied.*high frequencydry: nothing is changed/,
    );
  });

  it("show what would change for whom, and ask before they are applied or taken back", async () => {
    const dry = await shownTo(operator, `/second-looks?id=${looks[0]}`);
    expect(dry.said).toContain("It names 3 clicks.");
    expect(dry.said).toMatch(/high frequencyadv_1pub_books30\.75/);
    expect(dry.said).toContain("Apply it");
    const sure = await operator.post("/second-looks", [
      ["act", "apply"],
      ["id", looks[0] ?? ""],
    ]);
    expect(saidBy(sure)).toMatch(/Apply this look\?3 clicks move to invalid/);
    const stored = await ask(`GET /v1/admin/replays/${looks[0]}`);
    expect(stored.body).toMatchObject({ phase: "looked" });
    expect((await shownTo(operator, `/second-looks?id=${looks[1]}`)).said).toContain("Take it back");
    const never = await shownTo(operator, `/second-looks?id=${looks[2]}`);
    expect(never.said).toContain("this look is never applied");
    expect(never.said).not.toContain("Apply it");
    const again = await operator.post("/second-looks", [
      ["act", "apply"],
      ["id", looks[1] ?? ""],
      ["confirmed", "yes"],
    ]);
    expect(saidBy(again)).toContain("This replay is applied; it must be looked.");
    const forced = await operator.post("/second-looks", [
      ["act", "apply"],
      ["id", looks[2] ?? ""],
      ["confirmed", "yes"],
    ]);
    expect(saidBy(forced)).toContain("Nobody knows how often outlying_ctr is right");
    const wrong = await operator.post("/second-looks", [
      ["act", "look"],
      ["from", "2026-04-21"],
      ["to", "2026-04-20"],
      ["rules", "high_frequency"],
    ]);
    expect(saidBy(wrong)).toContain("to lies behind from.");
    expect((await publisher.get("/second-looks")).status).toBe(404);
  });
});
