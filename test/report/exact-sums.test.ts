/** Sums past 2^53 and 2^63 micros, from the fold of a log through D1, rolls and objects to every form of an answer. */
import { env } from "cloudflare:workers";
import fc from "fast-check";
import { beforeEach, describe, expect, it } from "vitest";
import { moveMinutes } from "../../src/batch/move-minutes.ts";
import { parseExact, toExact } from "../../src/core/exact.ts";
import { type Facts, foldEntry } from "../../src/core/facts.ts";
import { DAY_MS, HOUR_MS, MINUTE_MS } from "../../src/core/limits.ts";
import type { LogContent, LogEntry } from "../../src/core/log-line.ts";
import { D1Facts } from "../../src/facts/d1-facts.ts";
import { Directory } from "../../src/facts/directory.ts";
import { rollAll } from "../../src/facts/roll.ts";
import { liveEvents } from "../../src/report/live/live.ts";
import { anOpenedClick, NOON_MS } from "../support/builders.ts";
import { ALL_BUCKETS } from "../support/cold-facts.ts";
import { postTo } from "../support/post-to.ts";
import { RULES } from "../support/rules.ts";
import { aScope } from "../support/scopes.ts";
import { aClickIdentity, aConversion } from "../support/submissions.ts";
import { wipeFacts } from "../support/wipe-facts.ts";
import { ask } from "./ask.ts";
import { aCell, postCells, seedKey } from "./seed.ts";

const ports = { database: env.REPORT_DB, archive: env.ARCHIVE };
const LATER = NOON_MS + 90 * DAY_MS;

/** Orders, or clicks, of one ad and minute: how many, and of what amount each. */
type Lot = {
  readonly ad: number;
  readonly minute: number;
  readonly country: string;
  readonly amount: number;
  readonly count: number;
  readonly kind: "order" | "click" | "taken_back";
};

const REPORTED = { ad: 9, minute: 0, country: "DE", amount: 999_999_999_999, count: 9_101, kind: "order" } as const;

function contentOf({ ad, minute, country, amount, kind }: Lot): LogContent {
  const atMs = NOON_MS + minute * MINUTE_MS;
  const ids = { advertiserId: `adv_${ad % 2}`, adId: `ad_${ad}`, country };
  if (kind === "click") {
    const claims = { adv: ids.advertiserId, ad: ids.adId, cpc: amount };
    const opened = anOpenedClick({ receivedAtMs: atMs, country }, claims);
    return { ...opened, verdict: "valid", reason: null, review: null } as LogContent;
  }
  const click = aClickIdentity({ ...ids, clickedAtMs: atMs });
  const event = aConversion({ valueMicros: amount }, click);
  const credit = { clickId: event.clickId, click, valueMicros: amount, occurredAtMs: atMs };
  const isOrder = kind === "order";
  return {
    event,
    verdict: "valid",
    ...(isOrder
      ? { reason: null, prior: null, next: credit }
      : { reason: "retracted" as const, prior: credit, next: null }),
  };
}

/** Posts each lot as so many lines of a log, as many of them together as one reading of a log brings. */
async function post(lots: readonly Lot[]): Promise<void> {
  for (const lot of lots) {
    const entry = { ...contentOf(lot), seq: 1, loggedAtMs: NOON_MS, rules: RULES.id } as LogEntry;
    for (let left = lot.count; left > 0; left -= 4_000) {
      const facts: Facts = new Map();
      for (let at = 0; at < Math.min(left, 4_000); at++) foldEntry(facts, entry);
      await postTo(new D1Facts(ports.database, () => NOON_MS), { facts });
    }
  }
}

const signOf = ({ kind }: Lot) => (kind === "taken_back" ? -1n : 1n);

/** The amounts as they are on paper. */
function sum(lots: readonly Lot[], of: (lot: Lot) => boolean = () => true): bigint {
  return lots.filter(of).reduce((all, lot) => all + signOf(lot) * BigInt(lot.amount) * BigInt(lot.count), 0n);
}

async function text(path: string, headers: Record<string, string> = {}): Promise<string> {
  const response = await ask(path, { nowMs: LATER, headers });
  const body = await response.text();
  expect([path, response.status, response.status === 200 ? "" : body]).toEqual([path, 200, ""]);
  return body;
}

type Row = Record<string, unknown>;
const rowsOf = async (path: string) => parseExact(await text(path)) as { rows: Row[]; meta: { totals?: Row } };

const DAY = "from=2026-04-20&to=2026-04-21";
/** Of one tenant, so that its money is one sum. */
const OWN = `${DAY}&advertiser_id=adv_1`;
const VALUE = "metrics=conversions,conversion_value_micros";

/** Where the same facts stand. */
const PLACES: [name: string, bring: () => Promise<unknown>][] = [
  ["in minutes", async () => {}],
  ["in hours and days", () => rollAll(ports.database, NOON_MS + 3 * DAY_MS)],
  [
    "in objects",
    async () => {
      await rollAll(ports.database, NOON_MS + 3 * DAY_MS);
      const due = { nowMs: LATER, hotMinutesMs: 48 * HOUR_MS, buckets: ALL_BUCKETS, untilMs: Infinity };
      expect(await moveMinutes({ ...ports, clock: () => LATER }, due)).toBeGreaterThan(0);
    },
  ],
];

describe("9 101 orders of 999 999 999 999 micros", () => {
  const digits = String(sum([REPORTED]));
  beforeEach(async () => {
    await wipeFacts(ports.database);
    await post([REPORTED, { ...REPORTED, kind: "click", amount: 1_000_000_000_000, count: 9_203 }]);
  });

  it.each(PLACES)("[fault A6b] have every digit in JSON, CSV, NDJSON, series and totals, %s", async (_, bring) => {
    expect(digits).toBe("9100999999990899");
    await bring();
    for (const split of [
      "",
      "&group_by=ad_id",
      "&group_by=country",
      "&group_by=minute",
      "&group_by=hour,publisher_id",
    ]) {
      const table = `/v1/reports/clicks?${OWN}&${VALUE}${split}`;
      expect(await text(`${table}&totals=true`)).toMatch(
        new RegExp(
          `"conversionValueMicros":${digits}}.*"totals":{"conversions":9101,"conversionValueMicros":${digits}}`,
        ),
      );
      expect(await text(`${table}&format=csv`)).toContain(`9101,${digits}\r\n`);
      expect(await text(`${table}&format=ndjson`)).toContain(`"conversions":9101,"conversionValueMicros":${digits}}\n`);
    }
    for (const metric of ["conversion_value_micros", "conversion_value_by_time_micros"]) {
      const series = await text(`/v1/metrics/clicks?${OWN}&granularity=1h&breakdown=device&metrics=${metric}`);
      expect(series).toContain(
        `"hour":"2026-04-20T12:00:00Z","${metric.replaceAll(/_(.)/g, (_m, c) => c.toUpperCase())}":${digits}}`,
      );
    }
  });

  it("[fault A6b] are divided as they are", async () => {
    const metrics = "metrics=avg_cpc_micros,cpa_micros,roas,spend_micros";
    const { rows } = await rowsOf(`/v1/reports/clicks?${OWN}&${metrics}`);
    const spend = 9_203_000_000_000_000n;
    const cpa = (2n * spend + 9_101n) / (2n * 9_101n);
    const roas = (2n * sum([REPORTED]) * 1_000_000n + spend) / (2n * spend);
    expect(rows).toEqual([
      { avgCpcMicros: 1_000_000_000_000, cpaMicros: Number(cpa), roas: Number(roas) / 1e6, spendMicros: spend },
    ]);
  });

  it("[fault A6b] are what the time before is compared with, and what a tag is made of", async () => {
    const after = "advertiser_id=adv_1&from=2026-04-21&to=2026-04-22&compare=previous_period&totals=true";
    expect(await text(`/v1/reports/clicks?${after}&${VALUE}`)).toContain(
      `"previous":{"conversions":9101,"conversionValueMicros":${digits}}`,
    );
    const csv = await ask(`/v1/reports/clicks?${after}&${VALUE}&format=csv`, { nowMs: LATER });
    expect(csv.headers.get("X-Report-Totals")).toContain(digits);
    const path = `/v1/reports/clicks?${OWN}&${VALUE}`;
    const tag = async () => (await ask(path, { nowMs: LATER })).headers.get("ETag");
    const before = await tag();
    await post([{ ...REPORTED, amount: 1, count: 1 }]);
    expect(await tag()).not.toBe(before);
  });

  it("[fault A6b] are pushed to who listens", async () => {
    const scopes = [aScope({ advertiserId: "adv_1" }), aScope({ publisherId: "pub_1" }), aScope()];
    for (const scope of scopes) {
      const still = {
        sleep: async () => {},
        recent: new Map(),
        keep: async () => 0,
        currencies: async () => new Map(),
      };
      const stream = liveEvents({ directory: new Directory(env), scope, minutes: 1, nowMs: () => NOON_MS, ...still });
      await stream.next();
      expect(String((await stream.next()).value)).toContain(`"conversionValueMicros":${digits}`);
      await stream.return(undefined);
    }
  });
});

describe("sums past 64 bits", () => {
  const lots: Lot[] = [
    { ...REPORTED, ad: 1, amount: 1e15, count: 9_300 },
    { ...REPORTED, ad: 3, amount: 1e15, count: 9_300, minute: 1 },
    { ...REPORTED, ad: 5, amount: 1e15 - 1, count: 9_300, country: "VN" },
    { ...REPORTED, ad: 2, amount: 7, count: 1 },
  ];
  beforeEach(async () => {
    await wipeFacts(ports.database);
    await post(lots);
  });

  it.each(PLACES)("[attack 2b] of one tenant are exact, in the order of their amounts, %s", async (_, bring) => {
    await bring();
    const { rows, meta } = await rowsOf(
      `/v1/reports/clicks?${DAY}&currency=(unset)&group_by=ad_id&metrics=conversion_value_micros&order=-conversion_value_micros,ad_id&totals=true`,
    );
    const expected = lots.map((lot) => ({ adId: `ad_${lot.ad}`, conversionValueMicros: toExact(sum([lot])) }));
    expect(rows).toEqual(expected);
    expect(sum(lots) > 2n ** 64n).toBe(true);
    expect(meta.totals).toEqual({ conversionValueMicros: sum(lots) });
  });

  it("[attack 2b] stop no roll, and no sum of days that all tenants share", async () => {
    await rollAll(ports.database, NOON_MS + 3 * DAY_MS);
    await post(lots);
    for (const by of ["country", "publisher_id", "device", "advertiser_id", "campaign_id"]) {
      const { rows } = await rowsOf(`/v1/reports/clicks?${DAY}&group_by=day,${by}&metrics=conversion_value_micros`);
      const all = rows.reduce((total, row) => total + BigInt(row["conversionValueMicros"] as bigint), 0n);
      expect([by, all]).toEqual([by, 2n * sum(lots)]);
    }
  });

  it("[attack 2b] are the same on the pages that were kept of an order by amount", async () => {
    const path = `/v1/reports/clicks?${DAY}&currency=(unset)&group_by=ad_id&metrics=conversion_value_micros&order=-conversion_value_micros,ad_id&totals=true&limit=1`;
    const seen: unknown[] = [];
    let cursor = "";
    for (const lot of lots) {
      const page = parseExact(await text(path.concat(cursor))) as { rows: Row[]; meta: Row & { nextCursor: string } };
      seen.push(...page.rows);
      expect([lot.ad, page.meta["totals"]]).toEqual([lot.ad, { conversionValueMicros: sum(lots) }]);
      cursor = `&cursor=${page.meta.nextCursor}`;
    }
    expect(seen).toEqual(lots.map((lot) => ({ adId: `ad_${lot.ad}`, conversionValueMicros: toExact(sum([lot])) })));
  });
});

const anyLot: fc.Arbitrary<Lot> = fc.record({
  ad: fc.integer({ min: 1, max: 3 }),
  minute: fc.constantFrom(-61, 0, 1, 59, 60, 1_500),
  country: fc.constantFrom("DE", "VN"),
  amount: fc.oneof(fc.integer({ min: 0, max: 1e12 }), fc.constantFrom(99_999_999, 1e8, 1e8 + 1, 1e12)),
  count: fc.constantFrom(1, 2, 999, 3_999),
  kind: fc.constantFrom("order", "click", "taken_back"),
});

it("[fault A6b] whatever is counted, sums are those of integers without bounds, wherever the facts stand", async () => {
  const key = await seedKey(ports.database, { name: "exact_publisher", publisherId: "pub_1", scopes: ["report"] });
  const of = { spendMicros: ["click"], conversionValueMicros: ["order", "taken_back"] } as const;
  const property = fc.asyncProperty(fc.array(anyLot, { minLength: 1, maxLength: 6 }), async (lots) => {
    for (const [, bring] of PLACES) {
      await wipeFacts(ports.database);
      await post(lots);
      await bring();
      for (const split of ["adId", "country"] as const) {
        const by = split === "adId" ? "ad_id" : "country";
        const path = `/v1/reports/clicks?from=2026-04-19&to=2026-04-23&group_by=${by}&metrics=spend_micros,conversion_value_micros`;
        for (const headers of [{}, { Authorization: key }] as Record<string, string>[]) {
          const { rows } = parseExact(await text(path, headers)) as { rows: Row[] };
          for (const name of ["ad_1", "ad_2", "ad_3", "DE", "VN"]) {
            const row = rows.find((one) => one[split] === name);
            const isOf = (lot: Lot) => (split === "adId" ? `ad_${lot.ad}` : lot.country) === name;
            for (const [metric, kinds] of Object.entries(of)) {
              const expected = sum(lots, (lot) => isOf(lot) && (kinds as readonly string[]).includes(lot.kind));
              expect([split, name, metric, row?.[metric] ?? 0]).toEqual([split, name, metric, toExact(expected)]);
            }
          }
        }
      }
    }
  });
  await fc.assert(property, { seed: 20_260_420, numRuns: 4 });
}, 120_000);

it("[fault A6b] counts of anything past 2^53 are exact too, wherever they stand", async () => {
  const counts = { gross_impressions: 2 ** 53 - 1, impressions: 2 ** 53 - 2, spend_micros: 2 ** 53 - 1 };
  const reasons = { "impression.filtered_by_sender": 2 ** 53 - 1 };
  for (const [name, bring] of PLACES) {
    await wipeFacts(ports.database);
    for (let at = 0; at < 3; at++) await postCells(ports.database, [aCell({ counts, reasons })]);
    await bring();
    const metrics = "metrics=impressions,gross_impressions,spend_micros";
    const expected = {
      ...{ impressions: 3n * 2n ** 53n - 6n, grossImpressions: 3n * 2n ** 53n - 3n, spendMicros: 3n * 2n ** 53n - 3n },
    };
    for (const split of ["", "&group_by=minute", "&group_by=day", "&group_by=minute,country", "&group_by=day,device"]) {
      const { rows } = await rowsOf(`/v1/reports/clicks?${DAY}&${metrics}${split}&order=-impressions`);
      expect([name, split, rows]).toEqual([name, split, [expect.objectContaining(expected)]]);
    }
    const { rows } = await rowsOf(`/v1/reports/clicks?${DAY}&metrics=reasons&group_by=minute`);
    expect(rows).toMatchObject([{ reasons: { "impression.filtered_by_sender": 3n * 2n ** 53n - 3n } }]);
  }
});

it("[fault A6] a click of 1 500 dong and an order of 1 500 000 rupiah are counted as they are", async () => {
  await wipeFacts(ports.database);
  await post([
    { ...REPORTED, kind: "click", amount: 1_500_000_000, count: 1 },
    { ...REPORTED, amount: 1_500_000_000_000, count: 1 },
  ]);
  const { rows } = await rowsOf(`/v1/reports/clicks?${OWN}&metrics=spend_micros,conversion_value_micros,roas`);
  expect(rows).toEqual([{ spendMicros: 1_500_000_000, conversionValueMicros: 1_500_000_000_000, roas: 1_000 }]);
});
