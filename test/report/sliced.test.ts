/** Dear reports in slices: each statement is short, all are of one moment, and what is too much is refused by name. */
import { env } from "cloudflare:workers";
import { beforeEach, describe, expect, it } from "vitest";
import { meteredDatabase } from "../../src/access/meter.ts";
import type { ReadScope } from "../../src/access/read-scope.ts";
import { dayOf } from "../../src/core/time.ts";
import { Directory } from "../../src/facts/directory.ts";
import { TOUCHES_KEPT } from "../../src/facts/touched.ts";
import type { ReportProblem } from "../../src/report/problems.ts";
import { currencySource } from "../../src/report/query/currency.ts";
import { readReport } from "../../src/report/read/executor.ts";
import { keyOf } from "../../src/report/read/groups.ts";
import type { KeyAfter } from "../../src/report/read/source-sql.ts";
import { NOON_MS } from "../support/builders.ts";
import { failingPorts } from "../support/failing-ports.ts";
import { aScope } from "../support/scopes.ts";
import { wipeFacts } from "../support/wipe-facts.ts";
import { parseTable } from "./ask.ts";
import { aCell, type Cell, clicks, openCells, postCells, seedCells, seedProfiles } from "./seed.ts";

const MINUTE_MS = 60_000;
const DAY_MS = 86_400_000;
const START_MS = Date.UTC(2026, 0, 1);
const DAYS = 60;
const ROLLED = 57;
const COUNTRIES = ["DE", "FR", "IT", "AT"];
const SLICE = 100;
/** Rows that D1 counts for a slice: four times its weight at most, each once from the table and once from the sorter. */
const ROWS_MAX = 4 * SLICE * 2.5;

type Made = { readonly advertiser_id: string; readonly day: number; readonly ad: number; readonly country: string };
const cellOf = ({ advertiser_id, day, ad, country }: Made, count = 1): Cell =>
  aCell({
    ...{ advertiser_id, country, ad_id: `ad_${ad}`, creative_id: `crt_${ad % 3}`, counts: clicks(count) },
    atMs: START_MS + day * DAY_MS + (ad % 5) * MINUTE_MS,
  });

/** One advertiser that is dear, whose last day alone is too dear for a slice, and twelve that are not. */
const CELLS: Cell[] = [
  ...Array.from({ length: DAYS }, (_, day) =>
    Array.from({ length: day === ROLLED - 1 ? 180 : 3 }, (_, ad) => ad).flatMap((ad) =>
      COUNTRIES.map((country) => cellOf({ advertiser_id: "adv_1", day, ad, country })),
    ),
  ).flat(),
  ...Array.from({ length: 12 }, (_, at) =>
    [3, 30, 58].map((day) => cellOf({ advertiser_id: `adv_${at + 2}`, day, ad: 1, country: "DE" })),
  ).flat(),
];
const ALL = CELLS.length;

const RANGE = "from=2026-01-01&to=2026-03-01";
const EVERYONE: ReadScope = aScope();
const TENANT: ReadScope = aScope({ advertiserId: "adv_1" });
const PUBLISHER: ReadScope = aScope({ publisherId: "pub_1" });

type Asking = {
  readonly after?: KeyAfter | null;
  readonly scope?: ReadScope;
  readonly sliceWeight?: number;
  readonly database?: D1Database;
  readonly claim?: (rows: number) => Promise<ReportProblem | null>;
};

async function read(search: string, { scope = TENANT, database = env.REPORT_DB, ...asking }: Asking = {}) {
  const query = parseTable(new URLSearchParams(`${RANGE}&${search}`));
  if (!query.ok) throw new Error(query.error.reason);
  const claimed: number[] = [];
  const claim = asking.claim ?? (async () => null);
  const reading = await readReport(
    {
      directory: new Directory({ ...env, REPORT_DB: database } as Env),
      bucket: env.ARCHIVE,
      currencies: currencySource(env.REPORT_DB, { query: query.value, scope, own: null }),
      sliceWeight: asking.sliceWeight,
      turns: () => ({
        claim: async (rows) => {
          claimed.push(rows);
          const problem = await claim(rows);
          return problem === null ? null : { ...problem, detail: "", retryAfterS: problem.retryAfterS ?? 0 };
        },
        next: async () => {},
      }),
    },
    { query: query.value, scope, after: asking.after ?? null, nowMs: NOON_MS },
  );
  if (!reading.ok) return { problem: reading.error, claimed, groups: [], totals: [], next: null };
  const { groups, totals, last } = reading.value;
  return {
    problem: null,
    claimed,
    groups,
    totals: totals ?? [],
    next: last === null ? null : keyOf(last, query.value),
  };
}

/** What a reading says, without what it cost. */
const said = ({ groups, totals }: Awaited<ReturnType<typeof read>>) =>
  [groups, totals].map((some) =>
    some.map(({ window, dimensions, sums, sketch }) => [window, dimensions, sums, sketch?.estimate()]),
  );

/** A database whose batches are a call for each statement. */
const apart = (database: D1Database) =>
  ({
    prepare: (sql: string) => database.prepare(sql),
    batch: async (statements: D1PreparedStatement[]) => {
      const answers: D1Result[] = [];
      for (const statement of statements) answers.push(...(await database.batch([statement])));
      return answers;
    },
  }) as unknown as D1Database;

beforeEach(async () => {
  await wipeFacts(env.REPORT_DB);
  await seedCells(env.REPORT_DB, CELLS, () => ({
    hour: (dayOf(START_MS) + ROLLED) * 24,
    day: dayOf(START_MS) + ROLLED,
  }));
  const ids = [...new Set(CELLS.map((cell) => cell.advertiser_id))];
  await seedProfiles(
    env.REPORT_DB,
    ids.map((id) => ({ id, currency: "EUR" })),
  );
});

const SEARCHES: readonly [search: string, scope: ReadScope][] = [
  ["group_by=day,country,creative_id&metrics=clicks&totals=true", TENANT],
  ["group_by=day,ad_id&metrics=clicks&order=-clicks&limit=20", EVERYONE],
  ["group_by=month,country,ad_id&metrics=clicks&timezone=Asia/Kolkata", PUBLISHER],
  ["group_by=country,device&metrics=clicks&timezone=Asia/Tokyo&compare=previous_period", EVERYONE],
  ["group_by=day&metrics=clicks&country=DE&advertiser_id=adv_1,adv_3", EVERYONE],
];

describe("a page of a dear report in the order of time", () => {
  const PAGES = [
    "order=day",
    "order=-day",
    "order=day&timezone=Asia/Tokyo",
    "order=-day&timezone=Asia/Kolkata",
  ].flatMap((order) => [1, 9, 40, 60, 235, 678, 10_000].map((limit) => `${order}&limit=${limit}`));

  it.each(PAGES)("is the same as from one statement, and ends the reading where it is full: %s", async (page) => {
    for (const day of [3, 40, 59]) {
      await openCells(env.REPORT_DB, [cellOf({ advertiser_id: "adv_1", day, ad: 1, country: "SE" })], `open/${day}`);
    }
    for (const scope of [TENANT, PUBLISHER, EVERYONE]) {
      const search = `group_by=day,country,creative_id&metrics=clicks&${page}`;
      const whole = said(await read(search, { scope, sliceWeight: 1_000_000 }));
      const meter = { rows: 0 };
      const database = meteredDatabase(env.REPORT_DB, meter);
      expect(said(await read(search, { scope, sliceWeight: SLICE, database })), JSON.stringify(scope)).toEqual(whole);
      const ofPage = meter.rows;
      if (!/=9$|order=day&limit=235$/.test(page) || scope === PUBLISHER) continue;
      await read(search.replace(/limit=.*/, "limit=10000"), { scope, sliceWeight: SLICE, database });
      expect(ofPage * 2).toBeLessThan(meter.rows - ofPage);
    }
  });

  it.each([
    ["day,ad_id&order=day", 90],
    ["day,advertiser_id,creative_id&order=-day", 40],
    ["week,ad_id&order=week&timezone=Asia/Kolkata", 111],
    ["month,creative_id,country&order=-month", 7],
    ["hour,ad_id&order=-hour&timezone=Australia/Lord_Howe", 150],
    ["day,ad_id&order=day&ad_id!=ad_1&country=DE", 31],
  ])("leads page after page to all that there is: by %s, %d each", async (asked, limit) => {
    const search = `group_by=${asked}&metrics=clicks,gross_clicks`;
    for (const scope of [TENANT, EVERYONE]) {
      const [whole = []] = said(await read(`${search}&limit=10000`, { scope, sliceWeight: 1_000_000 }));
      const pages: unknown[] = [];
      let after: KeyAfter | null = null;
      do {
        const page = await read(`${search}&limit=${limit}`, { scope, sliceWeight: SLICE, after });
        pages.push(...(said(page)[0] ?? []));
        after = page.next;
      } while (after !== null);
      expect(whole.length).toBeGreaterThan(limit);
      expect(pages).toEqual(whole);
    }
  });

  it.each([
    ["day", 0],
    ["-day", 44],
  ])("goes on where what it has read is taken back, at whatever moment of its reading: by %s", async (order, first) => {
    const search = `group_by=day,country,creative_id&metrics=clicks&limit=30&order=${order}`;
    await openCells(env.REPORT_DB, [cellOf({ advertiser_id: "adv_1", day: 2, ad: 1, country: "SE" })], "open/1");
    const days = Array.from({ length: 12 }, (_, at) => first + at);
    const post = (count: number, source: string) => {
      const cells = days.flatMap((day) =>
        COUNTRIES.flatMap((country) => {
          return [0, 1, 2].map((ad) => cellOf({ advertiser_id: "adv_1", day, ad, country }, count));
        }),
      );
      return postCells(env.REPORT_DB, cells, undefined, source);
    };
    let calls = 0;
    for (let moment = 0; moment <= calls; moment++) {
      calls = 0;
      const between = async () => {
        if (calls++ === moment) await post(-1, `taken/${moment}`);
      };
      const { database } = failingPorts({ database: env.REPORT_DB, archive: env.ARCHIVE }, null, between);
      const sliced = said(await read(search, { sliceWeight: SLICE, database }));
      if (calls <= moment) break;
      expect(sliced, `call ${moment} of ${calls}`).toEqual(said(await read(search, { sliceWeight: 1_000_000 })));
      expect(sliced[0]).toHaveLength(30);
      await post(1, `given/${moment}`);
    }
    expect(calls).toBeGreaterThan(6);
  });
});

describe("a report that is too dear for one statement", () => {
  it("[row writes] reads what is open with what is posted, wherever in its reading the one becomes the other", async () => {
    let counted = 0;
    for (const [search, scope] of SEARCHES.slice(0, 2)) {
      // Each source holds something of a day that is summed, of one that is rolled, and of the last one.
      const sources = Array.from({ length: 8 }, (_, at) => `open/${counted}-${at}`);
      const open = [3, 40, 59].map((day) => cellOf({ advertiser_id: "adv_1", day, ad: 1, country: "DE" }, 100));
      for (const source of sources) await openCells(env.REPORT_DB, open, source);
      counted += sources.length * 300;
      let calls = 0;
      const between = async () => {
        if (calls++ % 4 !== 3) return;
        const source = sources.shift();
        if (source !== undefined) await postCells(env.REPORT_DB, open, undefined, source);
      };
      const { database } = failingPorts({ database: env.REPORT_DB, archive: env.ARCHIVE }, null, between);
      const asked = search.replace("limit=20", "limit=10000");
      const { groups, problem } = await read(asked, { scope, sliceWeight: SLICE, database });
      const sum = groups.reduce((all, { sums }) => all + Number(sums[0]), 0);
      const of = scope === TENANT ? CELLS.filter(({ advertiser_id: id }) => id === "adv_1").length : ALL;
      expect([problem, sum], search).toEqual([null, of + counted]);
      expect(sources.length, `${calls} calls`).toBeLessThan(5);
    }
  });

  it("[row writes] would count twice what is posted between two calls, if facts and open rows were read by two", async () => {
    let counted = 0;
    const sumOf = async (search: string, scope: ReadScope, isApart: boolean) => {
      const sources = Array.from({ length: 8 }, (_, at) => `apart/${counted}-${at}`);
      const open = [3, 40, 59].map((day) => cellOf({ advertiser_id: "adv_1", day, ad: 1, country: "DE" }, 100));
      for (const source of sources) await openCells(env.REPORT_DB, open, source);
      counted += sources.length * 300;
      const between = async () => {
        const source = sources.shift();
        if (source !== undefined) await postCells(env.REPORT_DB, open, undefined, source);
      };
      const { database } = failingPorts({ database: env.REPORT_DB, archive: env.ARCHIVE }, null, between);
      const asked = search.replace("limit=20", "limit=10000");
      const { groups } = await read(asked, {
        scope,
        sliceWeight: 1_000_000,
        database: isApart ? apart(database) : database,
      });
      const sum = groups.reduce((all, { sums }) => all + Number(sums[0]), 0);
      expect(sources.length, search).toBeLessThan(8);
      return sum - counted - (scope === TENANT ? CELLS.filter(({ advertiser_id: id }) => id === "adv_1").length : ALL);
    };
    for (const [search, scope] of SEARCHES.slice(0, 3)) {
      expect(await sumOf(search, scope, false), search).toBe(0);
      expect(await sumOf(search, scope, true), search).toBeGreaterThan(0);
    }
  });

  it("[attack 8] is answered the same by statements of which none reads much, also where one day is too much", async () => {
    for (const [search, scope] of SEARCHES) {
      const whole = said(await read(search, { scope, sliceWeight: 1_000_000 }));
      const meter = { rows: 0 };
      let before = 0;
      let most = 0;
      const counted = failingPorts(
        { database: meteredDatabase(env.REPORT_DB, meter), archive: env.ARCHIVE },
        null,
        async () => {
          most = Math.max(most, meter.rows - before);
          before = meter.rows;
        },
      );
      const sliced = said(await read(search, { scope, sliceWeight: SLICE, database: counted.database }));
      expect(sliced, `${search} ${JSON.stringify(scope)}`).toEqual(whole);
      expect(most, `${search} ${JSON.stringify(scope)}`).toBeLessThan(ROWS_MAX);
    }
  });

  it("[attack 8] counts no click twice and misses none, while clicks move from day to day under its reading", async () => {
    for (const scope of [TENANT, PUBLISHER]) {
      let calls = 0;
      const between = async () => {
        if (calls++ > 60) return;
        // Out of what is still to be read, into what has been read.
        const moved = { advertiser_id: "adv_1", ad: 1, country: "DE" };
        const [from, to] = [50, 3];
        await postCells(env.REPORT_DB, [cellOf({ ...moved, day: from }, -1), cellOf({ ...moved, day: to })]);
      };
      const { database } = failingPorts({ database: env.REPORT_DB, archive: env.ARCHIVE }, null, between);
      const { groups, totals } = await read("group_by=day,country&metrics=clicks&totals=true", {
        ...{ scope, sliceWeight: SLICE, database },
      });
      const sum = groups.reduce((all, { sums }) => all + Number(sums[0]), 0);
      const expected = scope === TENANT ? ALL - 36 : ALL;
      expect([calls > 60, sum, Number(totals[0]?.sums[0])]).toEqual([true, expected, expected]);
    }
  });

  it("comes to rest under clicks of just now, and asks to come again where old figures never do", async () => {
    const post = (day: number) =>
      postCells(env.REPORT_DB, [cellOf({ advertiser_id: "adv_1", day, ad: 1, country: "DE" })]);
    const under = async (days: () => number) => {
      const between = async () => void (await post(days()));
      const { database } = failingPorts({ database: env.REPORT_DB, archive: env.ARCHIVE }, null, between);
      return read("group_by=day,country,ad_id&metrics=clicks", { sliceWeight: SLICE, database });
    };
    const { groups } = await under(() => DAYS - 1);
    expect(groups.reduce((all, { sums }) => all + Number(sums[0]), 0)).toBeGreaterThan(ALL - 36);
    let calls = 0;
    await expect(under(() => (calls++ * 17) % ROLLED)).rejects.toThrow("changed under every reading");
  });

  it("[attack 8] is charged what it weighs before it reads, and refused by name where the budget does not hold it", async () => {
    const search = "group_by=day,country,creative_id&metrics=clicks";
    const dear = await read(search, { sliceWeight: SLICE });
    expect(dear.claimed).toHaveLength(1);
    expect(dear.claimed[0]).toBeGreaterThanOrEqual(2 * (ALL - 36));
    const refused = await read(search, {
      sliceWeight: SLICE,
      claim: async () => ({ reason: "read_budget_spent", retryAfterS: 7 }),
    });
    expect(refused.problem).toMatchObject({ reason: "read_budget_spent", retryAfterS: 7 });
    expect((await read(search)).claimed, "what is light claims nothing").toEqual([]);
  });

  it("that would take too many statements is refused by name before it reads", async () => {
    const { problem, claimed } = await read("group_by=day,country,ad_id&metrics=clicks&totals=true", {
      sliceWeight: 2,
    });
    expect(problem).toMatchObject({ reason: "too_many_rows" });
    expect(problem?.detail).toContain("fewer days");
    expect(claimed).toEqual([]);
    const page = await read("group_by=day,country,ad_id&metrics=clicks&limit=5", { sliceWeight: 2 });
    expect([page.problem, page.groups.length], "a page is less than all").toEqual([null, 5]);
  });
});

it("the ledger remembers what the last postings of a source changed, and no more", async () => {
  for (let at = 0; at < TOUCHES_KEPT + 3; at++) {
    await postCells(env.REPORT_DB, [cellOf({ advertiser_id: "adv_1", day: at, ad: 1, country: "DE" })]);
  }
  const row = await env.REPORT_DB.prepare("SELECT version, touched FROM ledger WHERE source = 's/1'").first<{
    version: number;
    touched: string;
  }>();
  const touched = JSON.parse(row?.touched ?? "[]") as [version: number, stretches: number[][]][];
  expect(touched).toHaveLength(TOUCHES_KEPT);
  expect(touched.map(([version]) => version)).toEqual(
    Array.from({ length: TOUCHES_KEPT }, (_, at) => (row?.version ?? 0) - at),
  );
  const minute = (START_MS + (TOUCHES_KEPT + 2) * DAY_MS) / MINUTE_MS + 1;
  expect(touched[0]?.[1].map(([first, last]) => [first, last])).toEqual([[minute, minute]]);
});
