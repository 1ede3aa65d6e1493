/**
 * `npm run doctor` against the stand-in: a deployment as it should be, and each way in which it is not.
 */
import { mkdtemp, rm } from "node:fs/promises";
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { type Diagnosis, diagnose } from "../../scripts/platform/doctor.ts";
import { keepFor, makeSecrets } from "../../scripts/platform/keep.ts";
import { readWanted, type Wanted } from "../../scripts/platform/wanted.ts";
import type { Account, Binding, Bucket, Consumer, Queue, Script } from "../support/platform/account.ts";
import { plantedAccount } from "../support/platform/planted.ts";
import { startPlatform } from "../support/platform/stand-in.ts";

const DAY_MS = 86_400_000;

let folder: string;
let wanted: Wanted;
let worker: Server;
let lagSeconds: number | null = 5;
/** What the Worker was last asked with. */
let authorization: string | undefined;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "clickledger-doctor-"));
  wanted = await readWanted();
  // The Worker's report, of which the doctor reads one number.
  worker = createServer((request, response) => {
    authorization = request.headers.authorization;
    response.end(JSON.stringify({ meta: { lagSeconds } }));
  });
  await new Promise<void>((resolve) => worker.listen(0, "127.0.0.1", resolve));
  // Loading wrangler takes its time on a busy machine.
}, 120_000);
afterAll(async () => {
  worker.close();
  await rm(folder, { recursive: true, force: true });
});

type Patient = {
  readonly account: Account;
  readonly queues: Map<string, Queue>;
  readonly bucket: Bucket;
  readonly script: Script;
};
type Planting = (patient: Patient) => void;

/** What the doctor says of a deployment after `plant`, deployed `ageDays` ago. */
async function seenAfter(
  plant: Planting,
  { ageDays = 1, hasKept = true, adminKey = undefined as string | undefined } = {},
): Promise<Diagnosis & { calls: string[] }> {
  const account = await plantedAccount(wanted);
  plant({
    ...{ account, queues: new Map(account.queues.map((queue) => [queue.queue_name, queue])) },
    ...{ bucket: account.buckets[0] as Bucket, script: account.scripts.get("clickledger") as Script },
  });
  const platform = await startPlatform(account);
  const own = { CLICKLEDGER_KEEP: await mkdtemp(join(folder, "keep-")) };
  const env = { ...platform.env, ...own, ...(adminKey === undefined ? {} : { ADMIN_API_KEY: adminKey }) };
  const keep = keepFor(env, { accountId: "", worker: "clickledger" });
  const url = `http://127.0.0.1:${(worker.address() as AddressInfo).port}`;
  if (hasKept) {
    await keep.writeSecrets(makeSecrets({}, { host: "x", nowMs: 0 }), Date.now() - ageDays * DAY_MS);
    await keep.changeState({ url });
  }
  const diagnosis = await diagnose({ config: undefined, url: undefined }, env);
  await platform.stop();
  return { ...diagnosis, calls: platform.changes() };
}

const first = <T>(list: readonly T[]) => list[0] as T;
const consumerOf = (queue: Queue | undefined) => first(queue?.consumers ?? []) as Record<string, unknown>;
const rebind = ({ script }: Patient, change: (bindings: readonly Binding[]) => readonly Binding[]) => {
  const version = first(script.versions);
  script.versions[0] = { ...version, bindings: change(version.bindings) };
};
const without = <T>(list: T[], isGone: (one: T) => boolean) => {
  list.splice(list.findIndex(isGone), 1);
};
const sqlOf = ({ account }: Patient, sql: string) => account.database("clickledger-report").sqlite.exec(sql);

const KEY =
  "INSERT INTO api_keys (key_hash, key_id, advertiser_id, scopes, created_at_ms) VALUES ('h', 'key_1', 'a', '[]', 0)";
const expireAll = { id: "all", enabled: true, conditions: {}, deleteObjectsTransition: { condition: { type: "Age" } } };

/** Each with what it is called and a part of what to do. */
const PLANTED: readonly (readonly [string, string, string, Planting])[] = [
  [
    "a migration that was not applied",
    "migrations_pending",
    "npm run deploy applies",
    (p) => sqlOf(p, "DELETE FROM d1_migrations"),
  ],
  [
    "a database that is newer",
    "database_newer",
    "pull the version",
    (p) => sqlOf(p, "INSERT INTO d1_migrations (name) VALUES ('9.sql')"),
  ],
  ["a database that is gone", "database_missing", "then rebuild", ({ account }) => void account.databases.pop()],
  [
    "a report database that nobody names",
    "database_removed",
    "put it back",
    (p) => sqlOf(p, "INSERT INTO report_databases VALUES ('REPORT_DB_3', 0)"),
  ],
  [
    "a binding that is another database",
    "database_other",
    "put back what was",
    (p) => rebind(p, (all) => all.map((one) => (one.type === "d1" ? { ...one, id: "other" } : one))),
  ],
  [
    "a queue that is gone",
    "queue_missing",
    "makes it",
    ({ account }) => void without(account.queues, ({ queue_name }) => queue_name.endsWith("clicks-dead")),
  ],
  [
    "a queue that keeps too short",
    "queue_retention",
    "sets it",
    ({ queues }) => {
      (queues.get("clickledger-clicks-0") as Queue).settings.message_retention_period = 60;
    },
  ],
  [
    "a queue that nobody reads",
    "consumer_missing",
    "deploy again",
    ({ queues }) => void queues.get("clickledger-impressions-0")?.consumers.pop(),
  ],
  [
    "a queue that another Worker reads",
    "consumer_missing",
    "deploy again",
    ({ queues }) => {
      consumerOf(queues.get("clickledger-clicks-0"))["script"] = "other";
    },
  ],
  [
    "a queue without dead letters",
    "dead_letter_queue",
    "deploy again",
    ({ queues }) => void delete consumerOf(queues.get("clickledger-clicks-0"))["dead_letter_queue"],
  ],
  [
    "a consumer that gives up early",
    "consumer_settings",
    "max_retries (100)",
    ({ queues }) =>
      void ((consumerOf(queues.get("clickledger-clicks-0")) as Consumer)["settings"] as { max_retries: number })
        .max_retries--,
  ],
  ["a lifecycle rule that is gone", "lifecycle_missing", "sets it", ({ bucket }) => void bucket.lifecycle.pop()],
  [
    "a lifecycle rule that is switched off",
    "lifecycle_missing",
    "sets it",
    ({ bucket }) => {
      first(bucket.lifecycle)["enabled" as never] = false as never;
    },
  ],
  [
    "a lifecycle rule that deletes everything",
    "lifecycle_deletes",
    "remove the rule",
    ({ bucket }) => void bucket.lifecycle.push(expireAll),
  ],
  [
    "a lifecycle rule that deletes heads",
    "lifecycle_deletes",
    "heads/v1/",
    ({ bucket }) => void bucket.lifecycle.push({ ...expireAll, conditions: { prefix: "heads/" } }),
  ],
  [
    "a lifecycle rule that deletes a part of the statements",
    "lifecycle_deletes",
    "statements/v1/",
    ({ bucket }) => void bucket.lifecycle.push({ ...expireAll, conditions: { prefix: "statements/v1/adv=1/" } }),
  ],
  [
    "a lifecycle rule that deletes cold minutes",
    "lifecycle_deletes",
    "cold/",
    ({ bucket }) => void bucket.lifecycle.push({ ...expireAll, conditions: { prefix: "cold/minute" } }),
  ],
  ["a lock that is gone", "lock_missing", "sets it", ({ bucket }) => void bucket.locks.pop()],
  [
    "a lock on what has to be deleted",
    "lock_holds",
    "raw/v1/",
    ({ bucket }) =>
      void bucket.locks.push({ id: "x", enabled: true, prefix: "raw/", condition: { type: "Indefinite" } }),
  ],
  [
    "a lock on the whole bucket",
    "lock_holds",
    "remove the lock",
    ({ bucket }) => void bucket.locks.push({ id: "x", enabled: true, condition: { type: "Indefinite" } }),
  ],
  ["a secret that is gone", "secret_missing", "sends it", ({ script }) => void script.secrets.delete("SESSION_KEYS")],
  [
    "a secret that is misspelt",
    "secret_unknown",
    "correct its name",
    ({ script }) => void script.secrets.set("TOKEN_KEY", "…"),
  ],
  [
    "a setting that was changed by hand",
    "setting_differs",
    "LATE_POLICY",
    (p) => rebind(p, (all) => all.map((one) => (one.name === "LATE_POLICY" ? { ...one, text: "accept" } : one))),
  ],
  [
    "a setting that is gone",
    "setting_differs",
    "is not set",
    (p) => rebind(p, (all) => all.filter(({ name }) => name !== "RAW_KEPT_DAYS")),
  ],
  ["a Worker without cron", "cron_missing", "deploy again", ({ script }) => void script.schedules.pop()],
  [
    "cron that stands still",
    "cron_stopped",
    "cron_duty_failed",
    (p) => sqlOf(p, "UPDATE heartbeat SET beaten_at_s = unixepoch() - 600"),
  ],
  ["cron that never ran", "cron_stopped", "never", (p) => sqlOf(p, "DELETE FROM heartbeat")],
  [
    "a Worker that is not at its address",
    "workers_dev",
    "set workers_dev",
    ({ script }) => {
      script.isOnWorkersDev = false;
    },
  ],
  [
    "a topology that was changed",
    "topology_refused",
    "epoch_changed",
    ({ bucket }) => void bucket.objects.set("topology/v1.json", Buffer.from('[{"since":0,"shards":4}]')),
  ],
  [
    "a topology that cannot be read",
    "topology_broken",
    "from a copy",
    ({ bucket }) => void bucket.objects.set("topology/v1.json", Buffer.from("{")),
  ],
  ["an API key that is old", "api_key_old", "rotate", (p) => sqlOf(p, KEY)],
];

describe("the doctor", () => {
  it("finds nothing where all is well, and changes nothing", async () => {
    const { findings, notLooked, looked, calls } = await seenAfter(() => {});
    expect({ findings, notLooked, calls }).toEqual({ findings: [], notLooked: [], calls: [] });
    expect(looked).toHaveLength(10);
  });

  it.each(PLANTED)("names %s, alone and in one sentence", async (_, check, part, plant) => {
    const { findings } = await seenAfter(plant);
    expect(findings.map((finding) => finding.check)).toEqual([check]);
    expect(first(findings).sentence).toContain(part);
    expect(first(findings).sentence).toMatch(/^[^\n]+\.$/);
  });

  it("names a Worker that is not there", async () => {
    const { findings } = await seenAfter(({ account }) => account.scripts.clear());
    expect(findings.map(({ check }) => check)).toEqual(["worker_missing"]);
  });

  it("names secrets that are old, and those that are not kept here", async () => {
    const old = await seenAfter(() => {}, { ageDays: 401 });
    expect(new Set(old.findings.map(({ check }) => check))).toEqual(new Set(["secret_old"]));
    const lost = await seenAfter(() => {}, { hasKept: false });
    expect(new Set(lost.findings.map(({ check }) => check))).toEqual(new Set(["secret_not_kept"]));
  });

  it.each([
    [61, "watermark_behind"],
    [null, "watermark_unknown"],
  ])("names a report that is %s seconds behind", async (lag, check) => {
    lagSeconds = lag;
    const { findings } = await seenAfter(() => {});
    lagSeconds = 5;
    expect(findings.map((finding) => finding.check)).toEqual([check]);
  });

  it.each([
    ["", /^Bearer clk_\S+$/],
    ["clk_given", /^Bearer clk_given$/],
  ])("asks with the key of the environment, and with the kept one where that is set to %j", async (adminKey, asked) => {
    await seenAfter(() => {}, { adminKey });
    expect(authorization).toMatch(asked);
  });

  it("says what it could not look at, and why", async () => {
    const { notLooked } = await seenAfter(() => {}, { hasKept: false });
    expect(notLooked).toEqual([{ at: "watermark", why: "the address is not known here: --url" }]);
  });
});
