/** Live totals and the demonstration's figures over three report databases. */
import { env } from "cloudflare:workers";
import { beforeAll, describe, expect, it } from "vitest";
import { isoSecond } from "../../src/core/time.ts";
import { readFigures } from "../../src/demo/catalog.ts";
import { Directory } from "../../src/facts/directory.ts";
import { type LivePorts, liveEvents } from "../../src/report/live/live.ts";
import { aCell, clicks } from "../report/seed.ts";
import { NOON_MS } from "../support/builders.ts";
import { aScope } from "../support/scopes.ts";
import { assignHomes, bindingsWithout, HOMES, NAMES, postHomes, seedHomes, tellingBindings } from "./spread.ts";

const ADVERTISERS = Object.keys(HOMES);
const EVERYBODY: LivePorts["scope"] = aScope();

/** Two minutes; adv_1 has 1 and 10 clicks, adv_2 2 and 20, …; those of an even number are of another publisher. */
beforeAll(async () => {
  await assignHomes();
  await seedHomes([]);
  const cells = ADVERTISERS.flatMap((advertiser_id, at) =>
    [1, 0].map((back) =>
      aCell({
        ...{ advertiser_id, ad_id: "ad_9", publisher_id: at % 2 === 0 ? "pub_odd" : "pub_even" },
        ...{ atMs: NOON_MS - back * 60_000, counts: clicks((at + 1) * (back === 0 ? 10 : 1)) },
      }),
    ),
  );
  await postHomes(cells);
});

/** The clicks of the last minutes as a first look shows them, null where it shows none, and whose minutes were read. */
async function look(scope: LivePorts["scope"], { bindings, told } = tellingBindings()) {
  let nowMs = NOON_MS;
  const ports = {
    currencies: async () => new Map(),
    directory: new Directory(bindings),
    scope,
    minutes: 3,
    nowMs: () => nowMs,
    recent: new Map(),
    keep: async () => 0,
  };
  const sleep = async (ms: number) => {
    nowMs += ms;
  };
  const stream = liveEvents({ ...ports, sleep });
  await stream.next();
  const text = String((await stream.next()).value);
  const data = /^event: totals\ndata: (.*)\n\n$/.exec(text)?.[1];
  if (data === undefined) return { clicks: null, names: [] };
  const { minutes } = JSON.parse(data) as { minutes: { minute: string; clicks: number }[] };
  expect(minutes.map(({ minute }) => minute)).toEqual([2, 1, 0].map((back) => isoSecond(NOON_MS - back * 60_000)));
  const names = NAMES.filter((name) => told[name].some((sql) => /_minute\b/.test(sql)));
  return { clicks: minutes.map((minute) => minute.clicks), names };
}

describe("live totals over three databases", () => {
  it("are those of an advertiser's own database, and of no other", async () => {
    const own = await look(aScope({ advertiserId: "adv_3" }));
    expect(own).toEqual({ clicks: [0, 3, 30], names: ["REPORT_DB_2"] });
    const nobody = await look(aScope({ advertiserId: "adv_nobody" }));
    expect(nobody).toEqual({ clicks: [0, 0, 0], names: ["REPORT_DB"] });
  });

  it("add up for the operator and for a publisher, minute by minute", async () => {
    expect(await look(EVERYBODY)).toEqual({ clicks: [0, 10, 100], names: NAMES });
    const publisher = aScope({ publisherId: "pub_even" });
    expect(await look(publisher)).toEqual({ clicks: [0, 6, 60], names: NAMES });
  });

  it("show nothing while a database is not bound, except to those who do not need it", async () => {
    const told = tellingBindings().told;
    const without = () => ({ bindings: bindingsWithout("REPORT_DB_2"), told });
    expect((await look(EVERYBODY, without())).clicks).toBeNull();
    expect((await look(aScope({ advertiserId: "adv_3" }), without())).clicks).toBeNull();
    expect((await look(aScope({ advertiserId: "adv_2" }), without())).clicks).toEqual([0, 2, 20]);
  });
});

it("the demonstration's figures are those of the catalogue's advertisers in all databases", async () => {
  const insert = "INSERT INTO campaigns (campaign_id, advertiser_id, name, created_at_ms) VALUES (?1, ?2, ?1, 0)";
  const shown = ["adv_1", "adv_2", "adv_3"];
  await env.REPORT_DB.batch(shown.map((id) => env.REPORT_DB.prepare(insert).bind(`cmp_of_${id}`, id)));
  const places = { primary: env.REPORT_DB, directory: new Directory(env) };
  const { totals, postedAtMs } = await readFigures(places, NOON_MS - 60_000);
  expect(totals).toMatchObject([{ ad_id: "ad_9", valid: 66, invalid: 0 }]);
  expect(postedAtMs).toBe(NOON_MS);
});
