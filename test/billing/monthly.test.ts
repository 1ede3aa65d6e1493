/** Statements by cron: months in the tenants' zones, once each, whatever stops it. */
import { describe, expect, it } from "vitest";
import { markAudited } from "../../src/audit/log-days.ts";
import type { Billed } from "../../src/billing/issue.ts";
import { issueMonths, type MonthlyPorts, monthEnd } from "../../src/billing/monthly.ts";
import { readStatements } from "../../src/billing/statement.ts";
import { type EarnedSum, type EvidenceSum, NO_COUNTS } from "../../src/core/evidence.ts";
import { DAY_MS } from "../../src/core/limits.ts";
import { isoDay, isoSecond } from "../../src/core/time.ts";
import { cleanDays, markThrough } from "../../src/evidence/due.ts";
import { earningsFolder } from "../../src/evidence/earnings.ts";
import { evidenceFolder, putManifest, putPart, putRevision, totalsOf } from "../../src/evidence/manifest.ts";
import { encodeEarned, encodeSums } from "../../src/evidence/parquet.ts";
import { toZone } from "../../src/report/query/zone.ts";
import { SqliteD1 } from "../simulation/audited/sqlite-d1.ts";
import { MemoryR2 } from "../support/memory-r2.ts";

const zoneOf = (name: string) => {
  const zone = toZone(name);
  if (zone === null) throw new Error(name);
  return zone;
};

async function putDay(r2: MemoryR2, advertiserId: string, day: string): Promise<void> {
  const sum: EvidenceSum = {
    ...{ quarter: Date.parse(day) / 900_000 + 48, campaignId: "cmp", adId: "ad", publisherId: "pub" },
    ...{ ...NO_COUNTS, cause: null, gross: 1, valid: 1, spendMicros: 10_000n },
  };
  const sums = await putPart(r2.bucket, evidenceFolder(advertiserId, day), "sums", encodeSums([sum]), 1);
  const totals = totalsOf([sum]);
  await putManifest(r2.bucket, {
    advertiser_id: advertiserId,
    day,
    parts: [],
    tokens: [],
    sums,
    totals,
    rules: [],
    losses: [],
  });
}

async function putEarned(r2: MemoryR2, publisherId: string, day: string, sums: readonly EarnedSum[]): Promise<void> {
  const folder = earningsFolder(publisherId, day);
  const part = await putPart(r2.bucket, folder, "earned", encodeEarned(sums), sums.length);
  const earnings = { publisher_id: publisherId, day, sums: part, losses: [] };
  await putRevision(r2.bucket, folder, earnings, ({ sums: own }) => ({ sums: own }));
}

/** A world in which the log days from the first to another are audited, all clean but those named. */
async function aWorld(first: string, last: string, blocked: readonly string[] = []) {
  const r2 = new MemoryR2();
  const d1 = new SqliteD1();
  const audit = async (from: string, to: string, bad: readonly string[] = []) => {
    for (let ms = Date.parse(from); ms <= Date.parse(to); ms += DAY_MS) {
      const day = isoDay(ms);
      const outcome = bad.includes(day) ? "blocked" : "clean";
      const report = { v: 1, id: `${day}/0001`, day, attempt: 1, outcome, sealedAtMs: 1, startedAtMs: 1, endedAtMs: 2 };
      await markAudited(d1.binding, { ...report, found: {}, accepted: [], mendedOn: null } as never);
    }
    const { clean } = await cleanDays(d1.binding, 0);
    await markThrough(r2.bucket, clean);
  };
  await audit(first, last, blocked);
  const ports = (tenants: readonly Billed[], nowMs = Date.parse(last)): MonthlyPorts => ({
    ...{ bucket: r2.bucket, primary: d1.binding, graceMs: 0, nowMs },
    currenciesOf: async () => new Map(),
    onIssuing: async () => {},
    onIssued: async () => {},
    tenants: async () => tenants,
  });
  return { r2, d1, audit, ports };
}

const anAdvertiser = (id: string, timeZone = "UTC"): Billed => ({
  owner: { advertiserId: id },
  currency: "EUR",
  timeZone,
});
const periods = async (r2: MemoryR2, id: string) =>
  (await readStatements(r2.bucket, { advertiserId: id })).map(({ statement }) => [statement.from, statement.to]);

describe("months", () => {
  it.each([
    ["2026-01-31T12:00:00Z", "UTC", "2026-02-01T00:00:00Z"],
    ["2026-02-01T00:00:00Z", "UTC", "2026-03-01T00:00:00Z"],
    ["2026-12-31T23:59:00Z", "UTC", "2027-01-01T00:00:00Z"],
    ["2028-02-29T12:00:00Z", "UTC", "2028-03-01T00:00:00Z"],
    ["2026-03-31T23:30:00Z", "Europe/Berlin", "2026-04-30T22:00:00Z"],
    ["2026-10-31T23:00:00Z", "Europe/Berlin", "2026-11-30T23:00:00Z"],
    ["2026-04-01T02:00:00Z", "America/New_York", "2026-04-01T04:00:00Z"],
    ["2026-04-30T11:00:00Z", "Pacific/Auckland", "2026-04-30T12:00:00Z"],
    ["2026-04-30T18:30:00Z", "Asia/Kolkata", "2026-05-31T18:30:00Z"],
  ])("that hold %s in %s end at %s", (at, zone, end) => {
    expect(isoSecond(monthEnd(Date.parse(at), zoneOf(zone)))).toBe(end);
  });
});

describe("statements by cron", () => {
  it("are issued once each, by the month of the tenant's zone, as soon as its days are reconciled", async () => {
    const { r2, audit, ports } = await aWorld("2026-03-20", "2026-03-30");
    const tenants = [anAdvertiser("adv_1"), anAdvertiser("adv_2", "Asia/Kolkata")];
    for (const id of ["adv_1", "adv_2"]) for (const day of ["2026-03-20", "2026-03-31"]) await putDay(r2, id, day);
    expect(await issueMonths(ports(tenants))).toEqual({ issued: [], waiting: 0 });
    await audit("2026-03-31", "2026-03-31");
    const first = await issueMonths(ports(tenants));
    expect(first).toEqual({ issued: ["adv=adv_1 000001", "adv=adv_2 000001"], waiting: 0 });
    expect(await issueMonths(ports(tenants))).toEqual({ issued: [], waiting: 0 });
    expect(await periods(r2, "adv_1")).toEqual([["2026-02-17T00:00:00Z", "2026-04-01T00:00:00Z"]]);
    expect(await periods(r2, "adv_2")).toEqual([["2026-02-16T18:30:00Z", "2026-03-31T18:30:00Z"]]);
    await audit("2026-04-01", "2026-05-31");
    expect((await issueMonths(ports(tenants))).issued).toHaveLength(4);
    expect((await periods(r2, "adv_1")).slice(1)).toEqual([
      ["2026-04-01T00:00:00Z", "2026-05-01T00:00:00Z"],
      ["2026-05-01T00:00:00Z", "2026-06-01T00:00:00Z"],
    ]);
  });

  it("wait where a day is blocked, which is told when the month is long over, and hold up nobody", async () => {
    const { r2, audit, ports } = await aWorld("2026-03-20", "2026-04-05", ["2026-03-25"]);
    const tenants = [anAdvertiser("adv_1"), anAdvertiser("adv_none"), { ...anAdvertiser("adv_3"), currency: null }];
    await putDay(r2, "adv_1", "2026-03-20");
    expect(await issueMonths(ports(tenants, Date.parse("2026-04-01T12:00:00Z")))).toEqual({ issued: [], waiting: 0 });
    expect(await issueMonths(ports(tenants))).toEqual({ issued: [], waiting: 1 });
    await audit("2026-03-20", "2026-03-20");
    await putDay(r2, "adv_3", "2026-03-21");
    const mended = await aWorld("2026-03-20", "2026-04-05");
    await putDay(mended.r2, "adv_1", "2026-03-20");
    await putDay(mended.r2, "adv_3", "2026-03-21");
    expect(await issueMonths(mended.ports(tenants))).toEqual({ issued: ["adv=adv_1 000001"], waiting: 1 });
  });

  it("are issued to publishers by months of UTC, in each currency that they earned, with the advertisers of it", async () => {
    const { r2, audit, ports } = await aWorld("2026-03-20", "2026-03-31");
    const earned = (advertiserId: string, micros: bigint): EarnedSum => ({
      ...{
        quarter: Date.parse("2026-03-31") / 900_000 + 95,
        advertiserId,
        campaignId: `cmp_${advertiserId}`,
        adId: "ad",
      },
      ...{ ...NO_COUNTS, publisherId: "pub_1", cause: null, gross: 1, valid: 1, spendMicros: micros },
    });
    await putEarned(r2, "pub_1", "2026-03-31", [earned("adv_1", 10_000n), earned("adv_2", 70_000n)]);
    const tenants = ["EUR", "USD", "JPY"].map(
      (currency): Billed => ({
        owner: { publisherId: "pub_1", currency },
        currency,
        timeZone: "UTC",
      }),
    );
    const currenciesOf = async () =>
      new Map([
        ["adv_1", "EUR"],
        ["adv_2", "USD"],
      ]);
    const turn = () => issueMonths({ ...ports(tenants), currenciesOf });
    expect(await turn()).toEqual({
      issued: ["pub=pub_1/cur=EUR 000001", "pub=pub_1/cur=USD 000001"],
      waiting: 0,
    });
    expect(await turn()).toEqual({ issued: [], waiting: 0 });
    const of = async (currency: string) =>
      (await readStatements(r2.bucket, { publisherId: "pub_1", currency })).map(({ statement }) => statement);
    expect(await of("EUR")).toMatchObject([
      { from: "2026-02-28T00:00:00Z", to: "2026-04-01T00:00:00Z", advertisers: ["adv_1"], totals: { due: "0.01" } },
    ]);
    expect(await of("USD")).toMatchObject([{ advertisers: ["adv_2"], totals: { due: "0.07" } }]);
    expect(await of("JPY")).toEqual([]);
    await audit("2026-04-01", "2026-04-30");
    expect((await turn()).issued).toEqual(["pub=pub_1/cur=EUR 000002", "pub=pub_1/cur=USD 000002"]);
    expect((await of("EUR")).at(-1)).toMatchObject({
      from: "2026-04-01T00:00:00Z",
      to: "2026-05-01T00:00:00Z",
      lines: [],
    });
  });

  it("begin in a currency with the first month in which a publisher earned it, whatever it earned in others", async () => {
    const { r2, audit, ports } = await aWorld("2026-01-10", "2026-06-01");
    const earn = async (day: string, advertiserId: string) => {
      const quarter = Date.parse(day) / 900_000 + 48;
      const of = { quarter, advertiserId, campaignId: "cmp", adId: "ad", publisherId: "pub_1", cause: null };
      const sum: EarnedSum = { ...of, ...NO_COUNTS, gross: 1, valid: 1, spendMicros: 10_000n };
      await putEarned(r2, "pub_1", day, [sum]);
    };
    await earn("2026-01-10", "adv_2");
    await earn("2026-05-05", "adv_1");
    const owner = { publisherId: "pub_1", currency: "EUR" };
    const tenants: Billed[] = [{ owner, currency: "EUR", timeZone: "UTC" }];
    const currenciesOf = async () => new Map(Object.entries({ adv_1: "EUR", adv_2: "USD" }));
    const turn = async () => (await issueMonths({ ...ports(tenants), currenciesOf })).issued;
    expect(await turn()).toEqual([]);
    expect(await turn()).toEqual(["pub=pub_1/cur=EUR 000001"]);
    // What came late into a month that was looked at is an adjustment.
    await earn("2026-02-07", "adv_1");
    await audit("2026-06-02", "2026-06-30");
    expect(await turn()).toEqual(["pub=pub_1/cur=EUR 000002"]);
    const issued = await readStatements(r2.bucket, owner);
    expect(issued.map(({ statement }) => statement)).toMatchObject([
      { from: "2025-12-10T00:00:00Z", to: "2026-06-01T00:00:00Z", totals: { due: "0.01" } },
      { to: "2026-07-01T00:00:00Z", adjustments: [{ statement: 1, day: "2026-02-07" }], totals: { due: "0.01" } },
    ]);
  });

  it("go on after any write at which they are killed, and two at once are one", async () => {
    for (let kill = 1; ; kill++) {
      const { r2, ports } = await aWorld("2026-03-20", "2026-04-30");
      const tenants = ["adv_1", "adv_2", "adv_3"].map((id) => anAdvertiser(id));
      for (const id of ["adv_1", "adv_2", "adv_3"]) await putDay(r2, id, "2026-03-20");
      let writes = 0;
      r2.beforeWrite = () => {
        writes++;
        if (writes === kill) throw new Error("killed");
      };
      const isKilled = await issueMonths(ports(tenants)).then(
        () => false,
        () => true,
      );
      r2.beforeWrite = () => {};
      await Promise.all([issueMonths(ports(tenants)), issueMonths(ports(tenants))]);
      await issueMonths(ports(tenants));
      for (const id of ["adv_1", "adv_2", "adv_3"]) {
        expect([kill, await periods(r2, id)]).toEqual([
          kill,
          [
            ["2026-02-17T00:00:00Z", "2026-04-01T00:00:00Z"],
            ["2026-04-01T00:00:00Z", "2026-05-01T00:00:00Z"],
          ],
        ]);
      }
      if (!isKilled) {
        expect(kill).toBeGreaterThan(12);
        break;
      }
    }
  });

  it("take many tenants in several turns", async () => {
    const { r2, ports } = await aWorld("2026-03-20", "2026-03-31");
    const ids = Array.from({ length: 45 }, (_, at) => `adv_${String(at).padStart(2, "0")}`);
    for (const id of ids) await putDay(r2, id, "2026-03-20");
    const turns = [];
    for (let turn = 0; turn < 4; turn++)
      turns.push((await issueMonths(ports(ids.map((id) => anAdvertiser(id))))).issued);
    expect(turns.map(({ length }) => length)).toEqual([20, 20, 5, 0]);
    expect(new Set(turns.flat()).size).toBe(45);
  });
});
