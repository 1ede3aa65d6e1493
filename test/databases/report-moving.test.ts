/** A report over three report databases while the minutes of one of them move to R2. */
import { env } from "cloudflare:workers";
import { beforeAll, beforeEach, expect, it } from "vitest";
import { claimBatch, movingBatch, settleBatch } from "../../src/cold/store.ts";
import { DAY_MS } from "../../src/core/limits.ts";
import { advertiserBucketOf } from "../../src/core/routing.ts";
import { Directory } from "../../src/facts/directory.ts";
import { rollAll } from "../../src/facts/roll.ts";
import { currencySource } from "../../src/report/query/currency.ts";
import { readReport } from "../../src/report/read/executor.ts";
import { parseTable } from "../report/ask.ts";
import { aCell, clicks } from "../report/seed.ts";
import { NOON_MS } from "../support/builders.ts";
import { failingPorts } from "../support/failing-ports.ts";
import { aScope } from "../support/scopes.ts";
import { assignHomes, databaseOf, NAMES, postHomes, seedHomes } from "./spread.ts";

const DAY_3 = NOON_MS + 3 * DAY_MS;
const MOVED = "adv_2";
const ports = { database: databaseOf("REPORT_DB_1"), archive: env.ARCHIVE };
const scope = aScope();
const query = parseTable(
  new URLSearchParams(
    "from=2026-04-20T11:00Z&to=2026-04-20T14:00Z&group_by=minute&metrics=clicks,unique_users&totals=true",
  ),
);

/** Two minutes of each advertiser by the same two users; the second is its own. */
const CELLS = ["adv_1", MOVED, "adv_3"].flatMap((advertiser_id, own) =>
  [0, 1 + own].map((minute) =>
    aCell({
      ...{ advertiser_id, atMs: NOON_MS + minute * 60_000, counts: { ...clicks(2), valid_with_user: 2 } },
      users: [2 ** 30 + 2 ** 24, 2 ** 31 + 2 ** 24],
    }),
  ),
);

async function read(database: D1Database): Promise<unknown> {
  if (!query.ok) throw new Error(query.error.reason);
  const directory = new Directory({ ...env, REPORT_DB_1: database } as Env);
  const currencies = currencySource(env.REPORT_DB, { query: query.value, scope, own: null });
  const reading = await readReport(
    { directory, currencies, bucket: env.ARCHIVE },
    { query: query.value, scope, after: null, nowMs: NOON_MS },
  );
  if (!reading.ok) throw new Error(reading.error.reason);
  const { groups, totals } = reading.value;
  return [...groups, ...(totals ?? [])].map(({ window, sums, sketch }) => [window, sums, sketch?.estimate().users]);
}

async function prepare(): Promise<void> {
  await seedHomes([]);
  await postHomes(CELLS);
  for (const name of NAMES) await rollAll(databaseOf(name), DAY_3);
}

beforeAll(assignHomes);
beforeEach(prepare);

const BUCKET = advertiserBucketOf(MOVED);

async function claim(): Promise<void> {
  const due = { bucket: BUCKET, beforeDay: Math.floor(DAY_3 / DAY_MS) - 2, nowMs: DAY_3 };
  expect(await claimBatch(ports.database, due)).not.toBeNull();
}

async function settle(): Promise<void> {
  const batch = await movingBatch(ports.database, BUCKET);
  if (batch !== null) await settleBatch(ports, batch, DAY_3);
}

it.each([0, 1])(
  "counts every click and user once, whichever step a claim and a settling come before (%s apart)",
  async (gap) => {
    const whole = failingPorts(ports, null);
    const expected = await read(whole.database);
    const minute = NOON_MS / 60_000;
    expect(expected).toMatchObject([
      [minute, [6, 6], 2],
      ...[1, 2, 3].map((later) => [minute + later, [2, 2], 2]),
      [minute - 60, [12, 12], 2],
    ]);
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

it("asks to come again when one database is overtaken every time", async () => {
  const overtake = ports.database
    .prepare(
      "INSERT INTO cold_marks VALUES (?1, 1, 1) ON CONFLICT DO UPDATE SET mark = mark + 1, generation = generation + 1",
    )
    .bind(BUCKET);
  const { database } = failingPorts(ports, null, async () => void (await overtake.run()));
  await expect(read(database)).rejects.toThrow("moved");
});
