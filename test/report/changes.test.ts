/** GET /v1/changes as a connector asks it: what it is told, what it is refused, and that its copy is the whole report. */
import { env } from "cloudflare:workers";
import { beforeEach, describe, expect, it } from "vitest";
import { moveMinutes } from "../../src/batch/move-minutes.ts";
import { dropChanges } from "../../src/batch/retention.ts";
import { CHANGES_KEPT_DAYS, DAY_MS, HOUR_MS, MINUTE_MS } from "../../src/core/limits.ts";
import { advertiserBucketOf } from "../../src/core/routing.ts";
import { D1Facts } from "../../src/facts/d1-facts.ts";
import { rollAll } from "../../src/facts/roll.ts";
import { sealChanges } from "../../src/report/changes/change-cursor.ts";
import { ask as admin, seedKey, seedTenant } from "../admin/ask.ts";
import { NOON_MS } from "../support/builders.ts";
import { testRing } from "../support/tokens.ts";
import { wipeFacts } from "../support/wipe-facts.ts";
import { ADMIN, ask, askJson } from "./ask.ts";
import { aCell, type Cell, openCells, postCells } from "./seed.ts";

type Told = {
  readonly changes: { day: string; advertiserId: string; adId: string }[];
  readonly cursor: string;
  readonly hasMore: boolean;
  readonly timezone: string;
};

const database = env.REPORT_DB;

async function told(search: string, authorization = ADMIN): Promise<Told> {
  const response = await ask(`/v1/changes${search}`, { authorization });
  expect(response.status, await response.clone().text()).toBe(200);
  return response.json();
}

async function refused(search: string, authorization = ADMIN): Promise<Record<string, unknown>> {
  const response = await ask(`/v1/changes${search}`, { authorization });
  const { type, field, detail } = (await response.json()) as Record<"type" | "field" | "detail", string>;
  return { status: response.status, type, field, detail };
}

/** A cursor of the operator's that was given at a tick. */
async function cursorAt(tickMs: number): Promise<string> {
  const context = { ring: await testRing(), of: "\n", nowMs: Date.now() };
  return sealChanges(new Map([["REPORT_DB", { from: tickMs, to: null, key: null }]]), context);
}

const post = (...cells: Partial<Cell>[]) => postCells(database, cells.map(aCell));
const daysOf = ({ changes }: Told) => changes.map(({ day, adId }) => `${day} ${adId}`);

let made = 0;
/** A key of a tenant of its own, with the tenant's name. */
async function tenant(profile: object = {}): Promise<{ name: string; key: string; id: string }> {
  const name = `changes${++made}`;
  await seedTenant(name);
  await admin(`PATCH /v1/admin/advertisers/adv_${name}`, { body: profile });
  const { key, id } = await seedKey({ advertiserId: `adv_${name}`, scopes: ["report"] });
  return { name, key: `Bearer ${key}`, id };
}

beforeEach(() => wipeFacts(database));

describe("[fault B11] what has changed", () => {
  it("begins with a cursor alone, and names behind it the ads and days that were posted, and none twice", async () => {
    await post({ ad_id: "ad_8" });
    const first = await told("");
    expect(first).toEqual({ changes: [], cursor: expect.any(String), hasMore: false, timezone: "UTC" });
    await post({}, { atMs: NOON_MS + 1 }, { atMs: NOON_MS - DAY_MS, ad_id: "ad_10", country: "US" });
    await post({});
    const { changes } = await told(`?after=${first.cursor}`);
    const ids = { advertiserId: "adv_1", campaignId: "cmp_7", adGroupId: "grp_1" };
    expect(changes).toEqual([
      { day: "2026-04-19", ...ids, adId: "ad_10" },
      { day: "2026-04-20", ...ids, adId: "ad_9" },
    ]);
  });

  it("[row writes] names what is open, and once more when it is posted", async () => {
    const cells = [aCell({ ad_id: "ad_open" })];
    const { cursor } = await told("");
    await openCells(database, cells);
    const open = await told(`?after=${cursor}`);
    expect(daysOf(open)).toEqual(["2026-04-20 ad_open"]);
    await postCells(database, cells, undefined, "open/1");
    expect(daysOf(await told(`?after=${open.cursor}`))).toEqual(["2026-04-20 ad_open"]);
  });

  it("answers the cursor that was sent while nothing changes, and a new one before that is too old", async () => {
    const { cursor } = await told("");
    expect(await told(`?after=${cursor}`)).toEqual({ changes: [], cursor, hasMore: false, timezone: "UTC" });
    await post({});
    expect((await told(`?after=${cursor}`)).changes).toHaveLength(1);
    await database.prepare("DELETE FROM changed_days").run();
    const half = (CHANGES_KEPT_DAYS / 2) * DAY_MS;
    const young = await cursorAt(Date.now() - half + MINUTE_MS);
    expect((await told(`?after=${young}`)).cursor).toBe(young);
    const old = await cursorAt(Date.now() - half - MINUTE_MS);
    expect((await told(`?after=${old}`)).cursor).toBe(cursor);
  });

  it("names each day of the key's zone that a UTC day touches, or of the zone that is asked for", async () => {
    const { name, key } = await tenant({ timeZone: "Asia/Kolkata" });
    const { cursor, timezone } = await told("", key);
    expect(timezone).toBe("Asia/Kolkata");
    await post({ advertiser_id: `adv_${name}` });
    expect(daysOf(await told(`?after=${cursor}`, key))).toEqual(["2026-04-20 ad_9", "2026-04-21 ad_9"]);
    expect(daysOf(await told(`?after=${cursor}&timezone=UTC`, key))).toEqual(["2026-04-20 ad_9"]);
    expect(daysOf(await told(`?after=${cursor}&timezone=America/New_York`, key))).toEqual([
      "2026-04-19 ad_9",
      "2026-04-20 ad_9",
    ]);
  });

  it("is of the key's advertiser alone, whichever of its keys asks", async () => {
    const [own, other] = [await tenant(), await tenant()];
    const { cursor } = await told("", own.key);
    const others = await told("", other.key);
    await post({ advertiser_id: `adv_${own.name}` }, { advertiser_id: `adv_${other.name}`, ad_id: "ad_foreign" });
    const second = await seedKey({ advertiserId: `adv_${own.name}`, scopes: ["report"] });
    for (const key of [own.key, `Bearer ${second.key}`]) {
      expect(daysOf(await told(`?after=${cursor}`, key))).toEqual(["2026-04-20 ad_9"]);
      expect(daysOf(await told(`?after=${cursor}&advertiser_id=adv_${own.name}`, key))).toEqual(["2026-04-20 ad_9"]);
    }
    expect(daysOf(await told(`?after=${others.cursor}`, other.key))).toEqual(["2026-04-20 ad_foreign"]);
  });

  it("writes one row for an ad and a day in five minutes, and one for the clock", async () => {
    const written = async (nowMs: number) => {
      const count = async () =>
        (await database.prepare("SELECT sum(tick_ms) AS ticks FROM changed_days").first<{ ticks: number | null }>())
          ?.ticks;
      const before = await count();
      await postCellsAt(nowMs);
      return (await count()) !== before;
    };
    expect(await written(NOON_MS)).toBe(true);
    expect(await written(NOON_MS + 5 * MINUTE_MS - 1)).toBe(false);
    expect(await written(NOON_MS - HOUR_MS)).toBe(false);
    expect(await written(NOON_MS + 5 * MINUTE_MS)).toBe(true);
    expect(await written(NOON_MS + 5 * MINUTE_MS)).toBe(false);
  });
});

describe("[fault B11] a cursor is refused by name, with what to do", () => {
  const tampered = { status: 400, type: "/problems/tampered-cursor", field: "after" };
  const stale = { status: 410, type: "/problems/stale-cursor", field: "after" };
  const again = expect.stringContaining("ask without `after` for a new cursor, then read every day once");

  it("of another account, of another filter, of another kind, damaged", async () => {
    const [own, other] = [await tenant(), await tenant()];
    const { cursor } = await told("", own.key);
    const [payload = "", mac = "", kid = ""] = cursor.split(".");
    await post({}, { ad_id: "ad_10" });
    const page = await askJson("/v1/reports/clicks?from=2026-04-20&to=2026-04-20&group_by=ad_id&limit=1");
    for (const [search, key] of [
      [`?after=${cursor}`, other.key],
      [`?after=${cursor}`, ADMIN],
      [`?after=${cursor}&advertiser_id=adv_${own.name}`, ADMIN],
      [`?after=${(await told(`?advertiser_id=adv_${own.name}`)).cursor}`, own.key],
      [`?after=${(await told(`?advertiser_id=adv_${own.name}`)).cursor}`, ADMIN],
      [`?after=${page.meta.nextCursor}`, ADMIN],
      [`?after=${payload}`, own.key],
      [`?after=${payload}.${mac}`, own.key],
      [`?after=${payload}.${mac}.other`, own.key],
      [`?after=${payload.slice(1)}.${mac}.${kid}`, own.key],
      [`?after=x`, own.key],
    ] as const) {
      expect(await refused(search, key), search).toEqual({ ...tampered, detail: again });
    }
  });

  it("that is older than what is kept, or ahead of a database that was set back", async () => {
    const keptMs = CHANGES_KEPT_DAYS * DAY_MS;
    const old = `?after=${await cursorAt(Date.now() - keptMs - MINUTE_MS)}`;
    expect(await refused(old)).toEqual({ ...stale, detail: again });
    expect(await refused(old)).toMatchObject({ detail: expect.stringMatching(/^Changes are told for 35 days/) });
    expect(await told(`?after=${await cursorAt(Date.now() - keptMs + MINUTE_MS)}`)).toMatchObject({ changes: [] });
    const tick = (ms: number) => database.prepare("UPDATE change_clock SET tick_ms = ?1").bind(ms).run();
    await told("");
    const aheadMs = Date.now() + HOUR_MS;
    await tick(aheadMs);
    const { cursor } = await told("");
    await tick(aheadMs - 1);
    expect(await refused(`?after=${cursor}`)).toEqual({ ...stale, detail: again });
    await wipeFacts(database);
    expect(await refused(`?after=${cursor}`)).toMatchObject({ ...stale, detail: expect.stringMatching(/set back/) });
    expect((await told(`?after=${(await told("")).cursor}`)).changes).toEqual([]);
  });

  it("and so are parameters, each by its name", async () => {
    const { key, name } = await tenant();
    const cases: [string, string, string][] = [
      ["?after=", "invalid-value", "after"],
      ["?limit=0", "invalid-value", "limit"],
      ["?limit=10001", "invalid-value", "limit"],
      ["?limit=1&limit=2", "repeated-parameter", "limit"],
      ["?timezone=Berlin", "unknown-time-zone", "timezone"],
      ["?since=2026-04-20", "unknown-parameter", "since"],
      ["?from=2026-04-20", "unknown-parameter", "from"],
      ["?advertiser_id=adv_1", "invalid-value", "advertiser_id"],
      ["?advertiserId=adv_unknown", "invalid-value", "advertiser_id"],
      [`?advertiser_id=adv_${name},adv_1`, "invalid-value", "advertiser_id"],
    ];
    for (const [search, type, field] of cases) {
      expect(await refused(search, key), search).toMatchObject({ status: 400, type: `/problems/${type}`, field });
    }
    const publisher = await seedKey({ publisherId: `pub_${name}`, scopes: ["report"] });
    expect(await refused("", `Bearer ${publisher.key}`)).toMatchObject({
      status: 403,
      type: "/problems/insufficient-scope",
      detail: expect.stringMatching(/^A publisher's key reads its traffic in reports/),
    });
  });
});

describe("[fault B11] a connector's copy", () => {
  const METRICS =
    "impressions,gross_impressions,clicks,gross_clicks,duplicate_clicks,late_clicks,conversions,conversion_value_micros,spend_micros,unique_users,reasons";
  const RANGE = ["2026-04-10", "2026-04-21"] as const;
  type Row = Record<string, string | number | null>;

  const read = async ([from, to]: readonly [string, string], key: string) => {
    const query = `from=${from}&to=${to}&group_by=day,campaign_id,ad_group_id,ad_id&metrics=${METRICS}`;
    const { rows } = await askJson(`/v1/reports/clicks?${query}`, { authorization: key });
    return new Map(rows.map((row): [string, Row] => [`${String(row["day"]).slice(0, 10)} ${row["adId"]}`, row]));
  };

  /** The sync of docs/REPORTS.md, by ad. */
  class Connector {
    table = new Map<string, Row>();
    readonly #key: string;
    #cursor: string | null = null;

    constructor(key: string) {
      this.#key = key;
    }

    async sync(): Promise<void> {
      for (let more = true; more; ) {
        const page = await told(this.#cursor === null ? "" : `?limit=2&after=${this.#cursor}`, this.#key);
        if (this.#cursor === null) this.table = await read(RANGE, this.#key);
        for (const [day, named] of Map.groupBy(page.changes, (change) => change.day)) {
          const rows = await read([day, day], this.#key);
          for (const name of named.map(({ adId }) => `${day} ${adId}`)) {
            const row = rows.get(name);
            if (row === undefined) this.table.delete(name);
            else this.table.set(name, row);
          }
        }
        [this.#cursor, more] = [page.cursor, page.hasMore];
      }
    }
  }

  it("is the report through late clicks, corrections, uploads, rolls, moves to R2 and revisions of moved minutes", async () => {
    const { name, key } = await tenant({ timeZone: "Asia/Kolkata" });
    const own = { advertiser_id: `adv_${name}` };
    const give = (...cells: Partial<Cell>[]) => post(...cells.map((cell) => ({ ...own, ...cell })));
    const connector = new Connector(key);
    const early = NOON_MS - 6 * DAY_MS;
    await give({ users: [1, 2] }, { atMs: early }, { atMs: early, ad_id: "ad_10", counts: { gross: 1, late: 1 } });
    await connector.sync();
    expect(connector.table).toEqual(await read(RANGE, key));

    const steps: Record<string, () => Promise<unknown>> = {
      "a late click is accepted": () =>
        give({ atMs: early, ad_id: "ad_10", counts: { late: -1, valid: 1, spend_micros: 300_000 } }),
      "an order is corrected": () =>
        give({ counts: { conversions: 1, conversion_value_micros: 9 } }, { counts: { conversion_value_micros: -4 } }),
      "counts are uploaded": () =>
        give({ atMs: NOON_MS - DAY_MS, counts: { impressions: 90, gross_impressions: 95 }, users: [] }),
      "an ad appears, and a click is withdrawn": () =>
        give({ ad_id: "ad_11", users: [7] }, { counts: { gross: 0, valid: -1, invalid: 1 }, reasons: { crawler: 1 } }),
      "hours and days are rolled": () => rollAll(database, NOON_MS + 2 * DAY_MS),
      "a rolled day is revised": () => give({ atMs: early, users: [3] }),
      "minutes move to R2": async () => {
        const nowMs = NOON_MS + 3 * DAY_MS;
        const buckets = [advertiserBucketOf(own.advertiser_id)];
        const due = { nowMs, hotMinutesMs: 48 * HOUR_MS, buckets, untilMs: Number.POSITIVE_INFINITY };
        expect(await moveMinutes({ database, archive: env.ARCHIVE, clock: () => nowMs }, due)).toBeGreaterThan(0);
      },
      "a moved minute is revised": () => give({ atMs: early, counts: { gross: 1, duplicate: 1 } }),
    };
    for (const [what, happens] of Object.entries(steps)) {
      // What is known is older than the cursor, as five minutes later.
      await database.prepare("UPDATE changed_days SET tick_ms = 0").run();
      await happens();
      await connector.sync();
      expect(connector.table, what).toEqual(await read(RANGE, key));
    }
  });
});

describe("[fault B11] what has changed is forgotten", () => {
  it("a day after a cursor of that time is refused, and what changed later is not", async () => {
    const keptMs = (CHANGES_KEPT_DAYS + 1) * DAY_MS;
    await postCellsAt(NOON_MS);
    await postCellsAt(NOON_MS + HOUR_MS, { ad_id: "ad_10" });
    await postCellsAt(NOON_MS + 40 * DAY_MS, { ad_id: "ad_11" });
    const buckets = [advertiserBucketOf("adv_1")];
    const drop = (nowMs: number) => dropChanges(database, { nowMs, buckets });
    expect(await drop(NOON_MS + keptMs)).toBe(0);
    expect(await drop(NOON_MS + keptMs + 1)).toBe(1);
    expect(await dropChanges(database, { nowMs: NOON_MS + 2 * keptMs, buckets: [buckets[0] === 0 ? 1 : 0] })).toBe(0);
    expect(await drop(NOON_MS + keptMs + HOUR_MS + 1)).toBe(1);
    const { results } = await database.prepare("SELECT ad_id FROM changed_days").all();
    expect(results).toEqual([{ ad_id: "ad_11" }]);
  });
});

/** Posts a cell of noon by a clock. */
function postCellsAt(nowMs: number, cell: Partial<Cell> = {}): Promise<void> {
  return postCells(database, [aCell(cell)], new D1Facts(database, () => nowMs));
}
