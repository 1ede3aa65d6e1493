/**
 * Reports over minutes that have left the database: the same answers as before they left, with rows in all three places,
 * while they move, three months later, and for their owners alone.
 */
import { env } from "cloudflare:workers";
import { beforeAll, beforeEach, describe, expect, it } from "vitest";
import { moveMinutes } from "../../src/batch/move-minutes.ts";
import { claimBatch, movingBatch, settleBatch } from "../../src/cold/store.ts";
import { type Facts, foldEntry } from "../../src/core/facts.ts";
import { DAY_MS, HOUR_MS } from "../../src/core/limits.ts";
import { advertiserBucketOf } from "../../src/core/routing.ts";
import { D1Facts } from "../../src/facts/d1-facts.ts";
import { Directory } from "../../src/facts/directory.ts";
import { rollAll } from "../../src/facts/roll.ts";
import { currencySource } from "../../src/report/query/currency.ts";
import { readReport } from "../../src/report/read/executor.ts";
import { NOON_MS } from "../support/builders.ts";
import { ALL_BUCKETS, readPlaces } from "../support/cold-facts.ts";
import { failingPorts } from "../support/failing-ports.ts";
import { loggedOf, type Spec } from "../support/logged.ts";
import { postTo } from "../support/post-to.ts";
import { aScope } from "../support/scopes.ts";
import { wipeFacts } from "../support/wipe-facts.ts";
import { ask, askJson, parseTable } from "./ask.ts";
import { seedKey } from "./seed.ts";

const ports = { database: env.REPORT_DB, archive: env.ARCHIVE };
const DAY_3 = NOON_MS + 3 * DAY_MS;
const LATER = NOON_MS + 90 * DAY_MS;
const BUCKET = advertiserBucketOf("adv_1");
/** Number of another advertiser of the same bucket. */
const NEIGHBOUR = 41;
const NOW = { nowMs: LATER };

/** Clicks of three ads over an hour and a half, by some users, some of them no good. */
function clicksOf(salt: number, advertiser = 1): Spec[] {
  return Array.from({ length: 90 }, (_, at): Spec => {
    const isGood = (at + salt) % 5 !== 0;
    const decision = isGood
      ? ({ verdict: "valid", reason: null } as const)
      : ({ verdict: "invalid", reason: "declared_crawler" } as const);
    return {
      ...{ advertiser, ad: 1 + (at % 3), publisher: 1 + ((at + salt) % 2), country: at % 4 === 0 ? null : "DE" },
      ...{ minute: at - 15, count: 1 + (at % 2), decision, user: (at * salt) % 40 },
    };
  });
}

async function post(specs: readonly Spec[]): Promise<void> {
  const facts: Facts = new Map();
  for (const [at, spec] of specs.entries()) foldEntry(facts, loggedOf(spec, at + 1));
  await postTo(new D1Facts(ports.database, () => NOON_MS), { facts });
}

function move(nowMs: number): Promise<number> {
  const due = { nowMs, hotMinutesMs: 48 * HOUR_MS, buckets: ALL_BUCKETS, untilMs: Infinity };
  return moveMinutes({ ...ports, clock: () => nowMs }, due);
}

const RANGE = "from=2026-04-20T11:00Z&to=2026-04-20T14:00Z";
const ROW_METRICS = "metrics=clicks,gross_clicks,spend_micros,reasons,unique_users,ctr";
const QUESTIONS = [
  `${RANGE}&group_by=minute&${ROW_METRICS}`,
  `${RANGE}&group_by=minute,ad_id&${ROW_METRICS}&order=-clicks`,
  `${RANGE}&group_by=ad_id&${ROW_METRICS}&ad_id=ad_2,ad_3`,
  `${RANGE}&group_by=ad_id,campaign_id&metrics=clicks&ad_id!=ad_2&order=-clicks`,
  `${RANGE}&group_by=minute,country,publisher_id&metrics=clicks,invalid_clicks&totals=true`,
  `${RANGE}&group_by=minute&publisher_id=pub_2&country=DE&device_type=desktop&metrics=gross_clicks`,
  `${RANGE}&group_by=advertiser_id&${ROW_METRICS}`,
  "from=2026-04-20T11:50Z&to=2026-04-20T13:07Z&group_by=hour&metrics=clicks,reasons",
  "from=2026-04-20&to=2026-04-21&group_by=hour&timezone=Asia/Kolkata&metrics=clicks,unique_users&totals=true",
  "from=2026-04-18&to=2026-04-22&group_by=day&timezone=Asia/Kolkata&metrics=clicks,unique_users&compare=previous_period",
  "from=2026-04-20T12:17Z&to=2026-04-20T12:18Z&metrics=clicks,unique_users",
];

type Rows = { readonly rows: unknown[]; readonly totals: unknown };

async function answers(): Promise<Rows[]> {
  const all: Rows[] = [];
  for (const question of QUESTIONS) {
    const { rows, meta } = await askJson(`/v1/reports/clicks?${question}`, NOW);
    all.push({ rows, totals: meta.totals });
  }
  return all;
}

/** Everything in one place. */
async function prepareHot(): Promise<void> {
  await wipeFacts(ports.database);
  await rollAll(ports.database, DAY_3);
  for (const salt of [1, 2, 3]) await post([...clicksOf(salt), ...clicksOf(salt, 2)]);
}

/** The same clicks: some in R2, some on their way, some that arrived last. */
async function prepareSpread(): Promise<void> {
  await wipeFacts(ports.database);
  await post([...clicksOf(1), ...clicksOf(1, 2)]);
  await rollAll(ports.database, DAY_3);
  await move(DAY_3);
  await post([...clicksOf(2), ...clicksOf(2, 2)]);
  const due = { bucket: BUCKET, beforeDay: Math.floor(LATER / DAY_MS) - 2, nowMs: LATER };
  expect((await claimBatch(ports.database, due))?.rows).toBe(90);
  await post([...clicksOf(3), ...clicksOf(3, 2)]);
}

describe("minutes that have left the database", () => {
  let expected: Rows[] = [];
  let tenant = "";

  beforeAll(async () => {
    await prepareHot();
    expected = await answers();
    for (const { rows } of expected) expect(rows.length).toBeGreaterThan(0);
    tenant = await seedKey(env.REPORT_DB, { name: "adv1", advertiserId: "adv_1", scopes: ["report"] });
  });

  it("answer as before while some are on their way", async () => {
    await prepareSpread();
    const places = await readPlaces(ports.database, ports.archive);
    expect([places.hot.length, places.cold.length]).toEqual([270, 180]);
    expect(await answers()).toEqual(expected);
  });

  it("answer as before when all have arrived, three months later", async () => {
    await prepareSpread();
    while ((await move(LATER + 90 * DAY_MS)) > 0);
    const { hot } = await readPlaces(ports.database, ports.archive);
    expect(hot).toHaveLength(0);
    expect(await answers()).toEqual(expected);
    const path = `/v1/reports/clicks?${RANGE}&group_by=minute&metrics=gross_clicks&totals=true`;
    const before = await askJson(path, NOW);
    await post(clicksOf(1).slice(40, 41));
    const after = await askJson(path, NOW);
    const changed = after.rows.filter((row, at) => row["grossClicks"] !== before.rows[at]?.["grossClicks"]);
    expect(changed.map((row) => row["minute"])).toEqual(["2026-04-20T12:25:00Z"]);
    expect(Number(after.meta.totals?.["grossClicks"])).toBe(Number(before.meta.totals?.["grossClicks"]) + 1);
  });

  it("come page by page, each group once", async () => {
    await prepareSpread();
    const paths = ["order=minute", "order=-ad_id,minute", "order=-clicks"].map(
      (order) => `/v1/reports/clicks?${RANGE}&group_by=minute,ad_id&metrics=clicks&${order}`,
    );
    for (const path of paths) {
      const whole = await askJson(path, NOW);
      const paged: unknown[] = [];
      for (let cursor: string | null = ""; cursor !== null; ) {
        const page: Awaited<ReturnType<typeof askJson>> = await askJson(
          `${path}&limit=7${cursor === "" ? "" : `&cursor=${cursor}`}`,
          NOW,
        );
        paged.push(...page.rows);
        cursor = page.meta.nextCursor;
      }
      expect(paged).toEqual(whole.rows);
    }
  });

  it("fill each page but the last, also where few groups have what is asked", async () => {
    await prepareSpread();
    while ((await move(LATER + 90 * DAY_MS)) > 0);
    // Every minute has clicks, and one in five an invalid one: of cells, which hold all measures.
    const path = `/v1/reports/clicks?${RANGE}&group_by=minute,country,publisher_id&metrics=invalid_clicks&limit=5`;
    const sizes: number[] = [];
    for (let cursor: string | null = ""; cursor !== null; ) {
      const asked: string = cursor === "" ? path : `${path}&cursor=${cursor}`;
      const page: Awaited<ReturnType<typeof askJson>> = await askJson(asked, NOW);
      sizes.push(page.rows.length);
      cursor = page.meta.nextCursor;
    }
    expect(sizes.length).toBeGreaterThan(2);
    expect(new Set(sizes.slice(0, -1))).toEqual(new Set([5]));
  });

  it("are shown to their owner alone, also where another's stand in the same object", async () => {
    expect(advertiserBucketOf(`adv_${NEIGHBOUR}`)).toBe(BUCKET);
    await wipeFacts(ports.database);
    await post([...clicksOf(1), ...clicksOf(2, NEIGHBOUR)]);
    await rollAll(ports.database, DAY_3);
    const minutely = `/v1/reports/clicks?${RANGE}&group_by=minute,advertiser_id,publisher_id&metrics=gross_clicks`;
    const mine = { ...NOW, authorization: tenant };
    const publisher = await seedKey(env.REPORT_DB, { name: "pub1", publisherId: "pub_1", scopes: ["report"] });
    const before = [await askJson(minutely, mine), await askJson(minutely, { ...NOW, authorization: publisher })];
    expect(await move(DAY_3)).toBe(1);
    const after = [await askJson(minutely, mine), await askJson(minutely, { ...NOW, authorization: publisher })];
    expect(after.map(({ rows }) => rows)).toEqual(before.map(({ rows }) => rows));
    expect(new Set(after[0]?.rows.map((row) => row["advertiserId"]))).toEqual(new Set(["adv_1"]));
    expect(new Set(after[1]?.rows.map((row) => row["publisherId"]))).toEqual(new Set(["pub_1"]));
    const foreign = await ask(`${minutely}&advertiser_id=adv_${NEIGHBOUR}`, mine);
    expect(foreign.status === 200 ? ((await foreign.json()) as Rows).rows : []).toEqual([]);
  });
});

describe("a range that is older than what is kept", () => {
  it("is answered with a warning for each tier that it lacks", async () => {
    const path = "/v1/reports/clicks?from=2026-04-20T00:00Z&to=2026-04-22T00:00Z&metrics=clicks&group_by=";
    await prepareHot();
    const warned = async (word: string, daysLater: number) => {
      const { meta } = await askJson(path.concat(word), { nowMs: NOON_MS + daysLater * DAY_MS });
      return meta.warnings.filter(({ code }) => code === "past_retention").length;
    };
    expect([await warned("minute", 730), await warned("day", 731)]).toEqual([0, 0]);
    expect([await warned("minute", 731), await warned("day", 1_827)]).toEqual([1, 1]);
  });
});

describe("a report while minutes move", () => {
  const query = parseTable(new URLSearchParams(`${QUESTIONS[0]}`));
  const scope = aScope();

  async function read(database: D1Database): Promise<unknown> {
    if (!query.ok) throw new Error(query.error.reason);
    const currencies = currencySource(database, { query: query.value, scope, own: null });
    const sources = { currencies, directory: new Directory({ REPORT_DB: database }), bucket: env.ARCHIVE };
    const reading = await readReport(sources, { query: query.value, scope, after: null, nowMs: NOON_MS });
    if (!reading.ok) throw new Error(reading.error.reason);
    return reading.value.groups.map(({ window, sums, reasons, sketch }) => [
      ...[window, sums, Object.entries(reasons).sort(), sketch?.estimate()],
    ]);
  }

  let expected: unknown;

  async function prepare(): Promise<void> {
    await prepareHot();
    await rollAll(ports.database, DAY_3);
  }

  beforeEach(async () => {
    await prepare();
    expected = await read(ports.database);
  });

  const claim = async () => {
    const due = { bucket: BUCKET, beforeDay: Math.floor(DAY_3 / DAY_MS) - 2, nowMs: DAY_3 };
    expect(await claimBatch(ports.database, due)).not.toBeNull();
  };
  const settle = async () => {
    const batch = await movingBatch(ports.database, BUCKET);
    if (batch !== null) await settleBatch(ports, batch, DAY_3);
  };

  it.each([0, 1])(
    "counts every click once, whichever of its steps a claim and a settling come before (%s apart)",
    async (gap) => {
      const whole = failingPorts(ports, null);
      await read(whole.database);
      for (let at = 0; at < whole.calls() + 2; at++) {
        await prepare();
        let calls = 0;
        const between = async () => {
          const call = calls++;
          if (call === at) await claim();
          if (call === at + gap) await settle();
        };
        expect(await read(failingPorts(ports, null, between).database)).toEqual(expected);
      }
    },
  );

  it("asks to come again when it is overtaken every time", async () => {
    const between = () =>
      ports.database
        .prepare(
          "INSERT INTO cold_marks VALUES (?1, ?2, 1) ON CONFLICT DO UPDATE SET mark = mark + 1, generation = generation + 1",
        )
        .bind(BUCKET, 1)
        .run();
    const { database } = failingPorts(ports, null, async () => void (await between()));
    await expect(read(database)).rejects.toThrow("moved");
  });
});
