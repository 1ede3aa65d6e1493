/** Statements over real evidence: what is owed, once, whatever happens between and after them. */
import { env, exports } from "cloudflare:workers";
import { beforeEach, describe, expect, it } from "vitest";
import { mendAudit } from "../../src/audit/mend.ts";
import { mendPorts } from "../../src/audit/ports.ts";
import { PLAIN_STEPS } from "../../src/audit/steps.ts";
import { putBudget } from "../../src/billing/budgets.ts";
import { type Billed, type BillingPorts, draftStatement, finalizeDraft } from "../../src/billing/issue.ts";
import { finishIssued } from "../../src/billing/issued.ts";
import { billingPorts } from "../../src/billing/ports.ts";
import { readStatements, type Statement } from "../../src/billing/statement.ts";
import { parseJson } from "../../src/core/base64url.ts";
import { claimedCheckpoint } from "../../src/core/checkpoint.ts";
import { DAY_MS } from "../../src/core/limits.ts";
import { isoDay, isoSecond } from "../../src/core/time.ts";
import { encodeTokenEvent, type TokenEvent } from "../../src/core/token-event.ts";
import { makeEvidence } from "../../src/evidence/make.ts";
import { readManifest, sha256Hex } from "../../src/evidence/manifest.ts";
import type { EventJson } from "../../src/webhooks/event-json.ts";
import { OPERATOR, seedKey, seedTenant } from "../admin/ask.ts";
import { aSignedClick, audit, count, shardOfEvent, startOver, TODAY, TOMORROW } from "../support/audited.ts";

beforeEach(startOver);

const ADV = "adv_1";
const OWNER = { advertiserId: ADV };
const ADVERTISER: Billed = { owner: OWNER, currency: "EUR", timeZone: "UTC" };
const ports = (): BillingPorts => ({
  ...{ bucket: env.ARCHIVE, primary: env.REPORT_DB, graceMs: 0, nowMs: Date.now() },
  currenciesOf: async (ids) => new Map(ids.map((id) => [id, CURRENCIES.get(id) ?? null])),
  onIssuing: async () => {},
  onIssued: async () => {},
});
const CURRENCIES = new Map([
  ["adv_1", "EUR"],
  ["adv_2", "EUR"],
  ["adv_3", "USD"],
]);
const evidence = () =>
  makeEvidence(
    {
      bucket: env.ARCHIVE,
      primary: env.REPORT_DB,
      graceMs: 0,
      onManifest: async () => {},
      onEarnings: async () => {},
      onHour: async () => {},
    },
    PLAIN_STEPS,
  );

async function close(day: string): Promise<void> {
  expect((await audit({}, PLAIN_STEPS, day)).outcome).toBe("clean");
  await evidence();
}

async function issue(to: string, advertiser = ADVERTISER): Promise<Statement> {
  const draft = await draftStatement(ports(), advertiser, { to });
  if (!draft.ok) throw new Error(JSON.stringify(draft.error));
  const issued = await finalizeDraft(ports(), draft.value.id);
  if (!issued.ok) throw new Error(JSON.stringify(issued.error));
  return issued.value.stored.statement;
}

async function revise(click: TokenEvent, n: number, [from, to]: readonly ["valid" | "invalid", "valid" | "invalid"]) {
  const of = (verdict: "valid" | "invalid") =>
    ({ verdict, reason: verdict === "valid" ? null : "high_frequency" }) as const;
  const shard = env.EVENT_SHARD.getByName(await shardOfEvent(click));
  const request = { encoded: encodeTokenEvent(click), n, from: of(from), to: of(to) };
  const [revised] = await shard.revise([request], { cause: "replay/1", by: "key_op" });
  expect(revised).toMatchObject({ outcome: "revised" });
  await shard.archiveNow();
}

/** Where a first statement begins that counts from today on. */
const BEFORE_TODAY = isoSecond(Date.parse(TODAY) - 31 * DAY_MS);
const afterTomorrow = isoDay(Date.parse(TOMORROW) + DAY_MS);

describe("a statement", () => {
  it("bills each valid click at its price, by day and campaign, and rounds once", async () => {
    await count([
      await aSignedClick({}, { cpc: 250_000, cmp: "cmp_a" }),
      await aSignedClick({ count: 2 }, { cpc: 100_001, cmp: "cmp_b" }),
      await aSignedClick({}, { cpc: 7, cmp: "cmp_b" }),
      await aSignedClick({}, { cpc: 999, adv: "adv_2" }),
    ]);
    await close(TODAY);
    const statement = await issue(TODAY);
    expect(statement).toMatchObject({
      ...{ v: 1, kind: "statement", number: 1, previous: null, currency: "EUR", time_zone: "UTC" },
      ...{ from: BEFORE_TODAY, to: `${TOMORROW}T00:00:00Z` },
      lines: [
        { day: TODAY, campaign_id: "cmp_a", gross: 1, valid: 1, duplicate: 0, spend_micros: "250000" },
        { day: TODAY, campaign_id: "cmp_b", gross: 3, valid: 2, duplicate: 1, spend_micros: "100008" },
      ],
      totals: { spend_micros: "350008", due_micros: "350008", due: "0.35", carried_out_micros: "8" },
      ...{ adjustments: [], corrected: [], credits: [], evidence: [{ day: TODAY, revision: 1 }] },
    });
  });

  it("says for information what was shown and ordered, also of campaigns and days without a click", async () => {
    const shown = async (claims: object, receivedAtMs = Date.now()) =>
      aSignedClick({ type: "impression", receivedAtMs }, { ...claims });
    await count([
      await aSignedClick({}, { cpc: 250_000, cmp: "cmp_a" }),
      await shown({ cmp: "cmp_a" }),
      await shown({ cmp: "cmp_a", pub: "pub_2" }),
      await shown({ cmp: "cmp_b" }),
      await shown({ adv: "adv_2" }),
    ]);
    await close(TODAY);
    const lines = [
      { campaign_id: "cmp_a", gross: 1, valid: 1, impressions: 2, conversions: 0, spend_micros: "250000" },
      { campaign_id: "cmp_b", gross: 0, valid: 0, impressions: 1, conversions: 0, spend_micros: "0" },
    ];
    expect(await issue(TODAY)).toMatchObject({ lines, totals: { impressions: 3, valid: 1, due: "0.25" } });
    const second = await readManifest(env.ARCHIVE, { advertiserId: "adv_2", day: TODAY });
    expect(second?.manifest).toMatchObject({ parts: [], totals: { gross: 0, impressions: 1 } });
  });

  it("is refused where nothing can be billed yet, and says why", async () => {
    const draft = (
      asked: { from?: string; to: string },
      advertiser: Parameters<typeof draftStatement>[1] = ADVERTISER,
    ) => draftStatement(ports(), advertiser, asked);
    expect(await draft({ to: TODAY })).toMatchObject({ error: { reason: "nothing_to_bill" } });
    await count([await aSignedClick()]);
    expect(await draft({ from: TODAY, to: TODAY })).toMatchObject({ error: { reason: "period_not_reconciled" } });
    expect((await audit()).outcome).toBe("clean");
    expect(await draft({ from: TODAY, to: TODAY })).toMatchObject({ error: { reason: "evidence_pending" } });
    await evidence();
    expect(await draft({ to: TODAY }, { ...ADVERTISER, currency: null })).toMatchObject({
      error: { reason: "currency_missing" },
    });
    expect(await draft({ to: TOMORROW })).toMatchObject({ error: { reason: "period_not_reconciled" } });
    expect(await draft({ from: TOMORROW, to: TODAY })).toMatchObject({ error: { reason: "period_empty" } });
    expect(await draft({ from: TODAY, to: isoSecond(Date.parse(TODAY)) })).toMatchObject({
      error: { reason: "period_empty" },
    });
    expect(await draft({ to: "soon" })).toMatchObject({ error: { reason: "invalid_value", field: "to" } });
    await issue(TODAY);
    expect(await draft({ from: TODAY, to: TODAY })).toMatchObject({ error: { reason: "period_not_next" } });
    expect(await draft({ to: TODAY })).toMatchObject({ error: { reason: "period_empty" } });
  });

  it("waits for the log day in which what it bills was mended", async () => {
    const forged = await aSignedClick({}, { cpc: 500_000 });
    await count([await aSignedClick({}, { cpc: 300_000 }), { ...forged, token: `${forged.token.slice(0, -6)}AAAAAA` }]);
    const blocked = await audit();
    expect(blocked).toMatchObject({ outcome: "blocked", found: { signature: { count: 1 } } });
    expect(await mendAudit(await mendPorts(env), blocked, "key_op")).toMatchObject({ ok: true });
    expect(await audit()).toMatchObject({ outcome: "clean", mendedOn: TOMORROW });
    await evidence();
    const early = await draftStatement(ports(), ADVERTISER, { from: TODAY, to: TODAY });
    expect(early).toMatchObject({ error: { reason: "period_not_reconciled" } });
    await close(TOMORROW);
    expect(await issue(TODAY)).toMatchObject({ totals: { valid: 1, invalid: 1, spend_micros: "300000" } });
  });

  it("is put once, whoever finalises which draft, and how often", async () => {
    await count([await aSignedClick()]);
    await close(TODAY);
    const [one, other] = [
      await draftStatement(ports(), ADVERTISER, { to: TODAY }),
      await draftStatement(ports(), ADVERTISER, { to: `${TODAY}T12:00:00Z` }),
    ];
    if (!one.ok || !other.ok) throw new Error("two drafts");
    const issued = await Promise.all([one, one, one].map(({ value }) => finalizeDraft(ports(), value.id)));
    expect(issued.every(({ ok: isDone }) => isDone)).toBe(true);
    expect(await finalizeDraft(ports(), other.value.id)).toMatchObject({ error: { reason: "period_not_next" } });
    expect(await readStatements(env.ARCHIVE, OWNER)).toHaveLength(1);
    expect(await finalizeDraft(ports(), "draft_nobody")).toMatchObject({ error: { reason: "not_found" } });
  });
});

describe("what is found after a statement", () => {
  it("is adjusted once by the next one, and taken back when it is taken back", async () => {
    const click = await aSignedClick({}, { cpc: 300_000 });
    await count([click, await aSignedClick({}, { cpc: 200_000 })]);
    await close(TODAY);
    const first = await issue(TODAY);
    await revise(click, 1, ["valid", "invalid"]);
    await close(TOMORROW);
    const second = await issue(TOMORROW);
    expect(second).toMatchObject({
      ...{ kind: "credit_note", number: 2, from: first.to, lines: [] },
      adjustments: [
        { statement: 1, day: TODAY, cause: "replay/1", gross: 0, valid: -1, invalid: 1, spend_micros: "-300000" },
      ],
      totals: { adjustments_micros: "-300000", due: "-0.30" },
      corrected: [{ statement: 1, day: TODAY, revision_before: 1, revision: 2 }],
    });
    await revise(click, 2, ["invalid", "valid"]);
    await close(afterTomorrow);
    const third = await issue(afterTomorrow);
    expect(third).toMatchObject({
      adjustments: [{ statement: 1, cause: "replay/1", valid: 1, invalid: -1, spend_micros: "300000" }],
      totals: { due: "0.30" },
      corrected: [{ statement: 1, day: TODAY, revision_before: 2, revision: 3 }],
    });
  });

  it("counts on days before the first of which anything was known, and is adjusted like any", async () => {
    await putBudget(env.ARCHIVE, ADV, { from: `${TODAY}T00:00:00Z`, micros: "900000", by: "key_op", atMs: 1 });
    await count([await aSignedClick({}, { pub: "pub_1", cpc: 300_000 })]);
    await close(TODAY);
    const earned: Billed = { owner: { publisherId: "pub_1", currency: "EUR" }, currency: "EUR", timeZone: "UTC" };
    for (const whose of [ADVERTISER, earned]) {
      const owed = { due_micros: "300000" };
      expect(await issue(TODAY, whose)).toMatchObject({ from: BEFORE_TODAY, evidence: [{ day: TODAY }], totals: owed });
    }
    const receivedAtMs = Date.now() - 2 * DAY_MS;
    const iat = Math.floor(receivedAtMs / 1_000) - 1;
    const claims = { pub: "pub_1", cpc: 200_000, iat, exp: iat + 3_600 };
    await count([await aSignedClick({ receivedAtMs, occurredAtMs: receivedAtMs }, claims)]);
    await close(TOMORROW);
    for (const whose of [ADVERTISER, earned]) {
      expect(await issue(TOMORROW, whose)).toMatchObject({
        adjustments: [{ statement: 1, day: isoDay(receivedAtMs), cause: null, valid: 1, spend_micros: "200000" }],
        totals: { due: "0.20" },
      });
    }
    const [first] = await readStatements(env.ARCHIVE, OWNER);
    expect(first?.statement.budget_micros).toBe("900000");
  });

  it("between a draft and its finalising is in the statement, and said", async () => {
    const click = await aSignedClick({}, { cpc: 300_000 });
    await count([click]);
    await close(TODAY);
    const draft = await draftStatement(ports(), ADVERTISER, { to: TODAY });
    if (!draft.ok) throw new Error("a draft");
    await revise(click, 1, ["valid", "invalid"]);
    await close(TOMORROW);
    const issued = await finalizeDraft(ports(), draft.value.id);
    expect(issued).toMatchObject({ value: { hasChanged: true, stored: { statement: { totals: { due: "0.00" } } } } });
    expect(await issue(TOMORROW)).toMatchObject({ adjustments: [], totals: { due: "0.00" } });
  });

  it("is counted by the zone of the statement that it corrects", async () => {
    const click = await aSignedClick();
    await count([click]);
    await close(TODAY);
    const [zoned, utc] = [{ ...ADVERTISER, timeZone: "Pacific/Auckland" }, ADVERTISER];
    const draft = await draftStatement(ports(), zoned, { to: `${TOMORROW}T00:00:00Z` });
    if (!draft.ok) throw new Error(JSON.stringify(draft.error));
    const first = await finalizeDraft(ports(), draft.value.id);
    const day = first.ok ? first.value.stored.statement.lines[0]?.day : undefined;
    await revise(click, 1, ["valid", "invalid"]);
    await close(TOMORROW);
    expect(await issue(TOMORROW, utc)).toMatchObject({ time_zone: "UTC", adjustments: [{ statement: 1, day }] });
  });
});

describe("who is told of a statement", () => {
  const types = async () => {
    const { results } = await env.REPORT_DB.prepare("SELECT fact FROM outbox ORDER BY seq").all<{ fact: string }>();
    return results.map(({ fact }) => fact).filter((fact) => /^(statement|adjustment)/.test(fact));
  };
  const config = { closeGraceMs: 0, evidenceLog: null };

  it("is told by cron where the Worker died between the statement and the event, once", async () => {
    const click = await aSignedClick({}, { cpc: 300_000 });
    await count([click]);
    await close(TODAY);
    const dying: BillingPorts = {
      ...billingPorts(env, { config, nowMs: Date.now() }),
      onIssued: async () => {
        throw new Error("it died");
      },
    };
    const draft = await draftStatement(dying, ADVERTISER, { to: TODAY });
    if (!draft.ok) throw new Error("a draft");
    await expect(finalizeDraft(dying, draft.value.id)).rejects.toThrow("it died");
    expect(await types()).toEqual([]);
    const cron = billingPorts(env, { config, nowMs: Date.now() });
    expect([await finishIssued(cron), await finishIssued(cron)]).toEqual([1, 0]);
    expect(await types()).toEqual(["statement.issued:adv=adv_1/000001"]);
    await finalizeDraft(cron, draft.value.id);
    expect(await types()).toEqual(["statement.issued:adv=adv_1/000001"]);

    await revise(click, 1, ["valid", "invalid"]);
    await close(TOMORROW);
    const next = await draftStatement(cron, ADVERTISER, { to: TOMORROW });
    if (!next.ok) throw new Error("a draft");
    await finalizeDraft(cron, next.value.id);
    expect(await types()).toEqual([
      ...[
        "statement.issued:adv=adv_1/000001",
        "statement.issued:adv=adv_1/000002",
        "adjustment.created:adv=adv_1/000002",
      ],
    ]);
  });

  it("hears of a day that is reconciled, once for the audits that it is reconciled by", async () => {
    await count([await aSignedClick()]);
    await close(TODAY);
    await close(TOMORROW);
    await close(TODAY);
    const { results } = await env.REPORT_DB.prepare(
      "SELECT audience, data FROM outbox WHERE type = 'day.reconciled' ORDER BY seq",
    ).all<{ audience: string; data: string }>();
    expect(results.map(({ audience }) => audience)).toEqual(results.map(() => "*"));
    const told = results.map(({ data }) => JSON.parse(data) as { day: string; audits: string[] });
    // With a grace of a day, a day is reconciled by its own log day and the next.
    expect(told).toEqual([
      { day: TODAY, audits: [`${TODAY}/1`, `${TOMORROW}/1`] },
      { day: TODAY, audits: [`${TODAY}/2`, `${TOMORROW}/1`] },
    ]);
  });
});

describe("a budget", () => {
  it("takes off what is above it, and follows what is adjusted later", async () => {
    const budget = { from: `${TODAY}T00:00:00Z`, micros: "400000", by: "key_op", atMs: 1 };
    await putBudget(env.ARCHIVE, ADV, budget);
    const click = await aSignedClick({}, { cpc: 300_000 });
    await count([click, await aSignedClick({}, { cpc: 200_000 })]);
    await close(TODAY);
    expect(await issue(TODAY)).toMatchObject({
      credits: [{ statement: 1, budget_micros: "400000", spend_micros: "500000", credit_micros: "100000" }],
      totals: { spend_micros: "500000", credits_micros: "100000", due: "0.40" },
    });
    await revise(click, 1, ["valid", "invalid"]);
    await close(TOMORROW);
    // 0.20 is what is left to be billed of the first period, 0.40 was.
    expect(await issue(TOMORROW)).toMatchObject({
      credits: [{ statement: 1, spend_micros: "200000", credit_micros: "-100000" }],
      totals: { adjustments_micros: "-300000", due: "-0.20" },
    });
  });
});

describe("what a publisher earned", () => {
  const earned = async (currency: string, to: string, publisherId = "pub_1"): Promise<Statement> =>
    issue(to, { owner: { publisherId, currency }, currency, timeZone: "UTC" });

  it("is on statements of its own for each currency, whatever budgets take off, and adjusted like any", async () => {
    await putBudget(env.ARCHIVE, ADV, { from: `${TODAY}T00:00:00Z`, micros: "1", by: "key_op", atMs: 1 });
    const click = await aSignedClick({}, { pub: "pub_1", cpc: 300_000, cmp: "cmp_a" });
    await count([
      click,
      await aSignedClick({ count: 2 }, { pub: "pub_1", cpc: 200_000, adv: "adv_2", cmp: "cmp_b" }),
      await aSignedClick({}, { pub: "pub_1", cpc: 70_000, adv: "adv_3", cmp: "cmp_c" }),
      await aSignedClick({}, { pub: "pub_2", cpc: 11_000, adv: "adv_2", cmp: "cmp_b" }),
    ]);
    await close(TODAY);
    const [euros, dollars, others] = [
      await earned("EUR", TODAY),
      await earned("USD", TODAY),
      await earned("EUR", TODAY, "pub_2"),
    ];
    expect(euros).toMatchObject({
      ...{ kind: "statement", publisher_id: "pub_1", number: 1, currency: "EUR", budget_micros: null, credits: [] },
      advertisers: ["adv_1", "adv_2"],
      lines: [
        { day: TODAY, campaign_id: "cmp_a", valid: 1, spend_micros: "300000" },
        { day: TODAY, campaign_id: "cmp_b", gross: 2, valid: 1, duplicate: 1, spend_micros: "200000" },
      ],
      totals: { spend_micros: "500000", due: "0.50" },
    });
    expect(euros).not.toHaveProperty("advertiser_id");
    expect(dollars).toMatchObject({
      number: 1,
      advertisers: ["adv_3"],
      lines: [{ campaign_id: "cmp_c" }],
      totals: { spend_micros: "70000" },
    });
    const bills = [];
    for (const id of ["adv_1", "adv_2", "adv_3"]) {
      bills.push(await issue(TODAY, { ...ADVERTISER, owner: { advertiserId: id } }));
    }
    const spent = (all: readonly Statement[]) => all.reduce((sum, { totals }) => sum + BigInt(totals.spend_micros), 0n);
    expect(spent([euros, dollars, others])).toBe(spent(bills));
    expect(bills[0]).toMatchObject({ totals: { spend_micros: "300000", due: "0.00" } });

    await revise(click, 1, ["valid", "invalid"]);
    await close(TOMORROW);
    expect(await earned("EUR", TOMORROW)).toMatchObject({
      ...{ kind: "credit_note", number: 2, previous: expect.stringMatching(/^[0-9a-f]{64}$/) },
      adjustments: [{ statement: 1, day: TODAY, campaign_id: "cmp_a", valid: -1, spend_micros: "-300000" }],
      totals: { due: "-0.30" },
    });
    expect(await earned("USD", TOMORROW)).toMatchObject({
      number: 2,
      advertisers: ["adv_3"],
      adjustments: [],
      totals: { due: "0.00" },
    });
  });

  it("is refused with an advertiser of no currency, before its days are clean, and where nothing was earned", async () => {
    const owner = { publisherId: "pub_1", currency: "EUR" } as const;
    const draft = () => draftStatement(ports(), { owner, currency: "EUR", timeZone: "UTC" }, { to: TODAY });
    expect(await draft()).toMatchObject({ error: { reason: "nothing_to_bill" } });
    await count([await aSignedClick({}, { pub: "pub_1", adv: "adv_nobody" })]);
    expect((await audit()).outcome).toBe("clean");
    expect(await draft()).toMatchObject({ error: { reason: "nothing_to_bill" } });
    await evidence();
    expect(await draft()).toMatchObject({
      error: { reason: "currency_missing", detail: expect.stringContaining("adv_nobody") },
    });
  });
});

describe("the routes of statements", () => {
  const origin = "https://clicks.example";
  const send = (key: string, path: string, body?: object) =>
    exports.default.fetch(`${origin}${path}`, {
      headers: { Authorization: `Bearer ${key}` },
      ...(body === undefined ? {} : { method: "POST", body: JSON.stringify(body) }),
    });

  it("draft and issue for the operator, and show an advertiser its own, byte for byte", async () => {
    for (const name of ["one", "two"]) await seedTenant(name);
    const [mine, other] = [
      await seedKey({ advertiserId: "adv_one", scopes: ["bill", "report"] }),
      await seedKey({ advertiserId: "adv_two", scopes: ["bill", "report"] }),
    ];
    const own = { publisherId: "pub_one", scopes: ["bill"] };
    const publisher = await seedKey(own);
    const click = await aSignedClick({}, { adv: "adv_one", cmp: "cmp_one", pub: "pub_one", cpc: 1_230_000 });
    await count([click]);
    // The Worker's own grace is a day.
    for (const day of [TODAY, TOMORROW]) await close(day);
    const key = OPERATOR;
    const budget = await send(key, "/v1/admin/budgets", { advertiserId: "adv_one", from: TODAY, micros: "1000000" });
    expect(budget.status).toBe(200);
    const drafted = await send(key, "/v1/admin/statements", { advertiserId: "adv_one", to: TODAY });
    const draft = await drafted.json<{ draft: string; totals: { due: string } }>();
    expect([drafted.status, draft.totals.due]).toEqual([201, "1.00"]);
    const path = `/v1/admin/statements/${draft.draft}/finalize`;
    const statuses = [await send(key, path, {}), await send(key, path, {})].map(({ status }) => status);
    expect(statuses).toEqual([201, 200]);

    const listed = await (await send(mine.key, "/v1/statements")).json<{ statements: { sha256: string }[] }>();
    const bytes = await (await send(mine.key, "/v1/statements/1")).arrayBuffer();
    expect(listed.statements.map(({ sha256 }) => sha256)).toEqual([await sha256Hex(bytes)]);
    const statement = parseJson(new TextDecoder().decode(bytes)) as Statement;
    const [part] = statement.lines_by_ad;
    const file = await send(mine.key, `/v1/statements/1/files/${part?.name}`);
    expect(await sha256Hex(await file.arrayBuffer())).toBe(part?.sha256);
    const [day] = statement.evidence;
    const manifestBytes = await (
      await send(mine.key, `/v1/evidence/${day?.day}?revision=${day?.revision}`)
    ).arrayBuffer();
    expect(await sha256Hex(manifestBytes)).toBe(day?.sha256);
    const csv = await (await send(mine.key, "/v1/statements/1?format=csv")).text();
    const micros = csv
      .trim()
      .split("\r\n")
      .slice(1)
      .map((row) => BigInt(row.split(",").at(-2) ?? ""));
    expect(micros.reduce((sum, one) => sum + one, 0n)).toBe(1_000_000n);

    const earning = { publisherId: "pub_one", currency: "EUR", to: TODAY };
    const earned = await (await send(key, "/v1/admin/statements", earning)).json<{ draft: string }>();
    expect((await send(key, `/v1/admin/statements/${earned.draft}/finalize`, {})).status).toBe(201);
    expect(await (await send(publisher.key, "/v1/statements")).json()).toMatchObject({
      ...{ publisherId: "pub_one", statements: [{ number: 1, currency: "EUR", due: "1.23" }] },
    });
    const shown = await send(publisher.key, "/v1/statements/1?currency=EUR");
    expect(await shown.json()).toMatchObject({
      publisher_id: "pub_one",
      lines: [{ campaign_id: "cmp_one", valid: 1 }],
    });
    const csvOfEarned = await send(publisher.key, "/v1/statements/1?currency=EUR&format=csv");
    expect(csvOfEarned.headers.get("Content-Disposition")).toContain("statement_pub_one_EUR_000001.csv");
    const [head, ...earnedRows] = (await csvOfEarned.text()).trim().split("\r\n");
    expect(head).toBe(
      "line,statement,day,campaign_id,cause,gross,valid,duplicate,invalid,late,impressions,conversions,micros,currency",
    );
    expect(earnedRows).toEqual([
      `clicks,1,${TODAY},cmp_one,,1,1,0,0,0,0,0,1230000,EUR`,
      "carried_in,0,,,,,,,,,,,0,EUR",
      "carried_out,1,,,,,,,,,,,0,EUR",
    ]);
    const earnedDay = await (await send(publisher.key, `/v1/evidence/${TODAY}`)).json<{ sums: { name: string } }>();
    expect((await send(publisher.key, `/v1/evidence/${TODAY}/${earnedDay.sums.name}`)).status).toBe(200);
    for (const [path, status] of [
      ["/v1/statements/1", 400],
      ["/v1/statements/1?currency=USD", 404],
      ["/v1/statements?advertiser_id=adv_one", 400],
      [`/v1/evidence/${TODAY}/${day?.day}`, 404],
    ] as const) {
      expect([path, (await send(publisher.key, path)).status]).toEqual([path, status]);
    }

    expect(await (await send(other.key, "/v1/statements")).json()).toMatchObject({ statements: [] });
    const foreign = ["/v1/statements/1", `/v1/statements/1/files/${part?.name}`, `/v1/evidence/${day?.day}`];
    for (const one of foreign) expect((await send(other.key, one)).status).toBe(404);
    expect((await send(other.key, "/v1/statements/1?advertiser_id=adv_one")).status).toBe(400);
    const told = async (key: string) => {
      const { events } = await (await send(key, "/v1/events")).json<{ events: EventJson[] }>();
      return events.filter(({ type }) => type !== "report.moved");
    };
    const [issuedEvent, ...more] = (await told(mine.key)).filter(({ type }) => type === "statement.issued");
    expect(more).toEqual([]);
    const sent = issuedEvent?.data as { sha256: string; leafIndex: number; checkpoint: string };
    expect(sent).toMatchObject({ advertiserId: "adv_one", number: 1, sha256: await sha256Hex(bytes) });
    const reached = (await told(mine.key)).filter(({ type }) => type === "budget.reached");
    expect(reached.map(({ data }) => data)).toEqual([{ advertiserId: "adv_one", number: 1 }]);
    expect(claimedCheckpoint(sent.checkpoint)?.size).toBeGreaterThan(sent.leafIndex);
    expect((await told(other.key)).map(({ type }) => type)).not.toContain("statement.issued");
    // Of a publisher's statement the operator alone is told.
    expect((await send(publisher.key, "/v1/events")).status).toBe(403);
    const ofPublisher = (await told(key)).filter(({ data }) => "publisherId" in data);
    expect(ofPublisher.map(({ data }) => data)).toEqual([
      expect.objectContaining({ publisherId: "pub_one", currency: "EUR", number: 1 }),
    ]);

    const secrets = await Promise.all(
      [mine, other, publisher].map(async (one) =>
        (await send(one.key, "/v1/evidence/secret")).json<{ secret: string }>(),
      ),
    );
    expect(new Set(secrets.map(({ secret }) => secret)).size).toBe(3);
  });
});
