/**
 * `npm run deploy` against the stand-in of the platform's API, with real wrangler; the address runs what was uploaded.
 */
import { randomUUID } from "node:crypto";
import { mkdir, mkdtemp, readFile, rm, stat, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { BrokenDeployment, type DeployOptions, deploy } from "../../scripts/platform/deployment.ts";
import { diagnose } from "../../scripts/platform/doctor.ts";
import { SECRET_NAMES } from "../../scripts/platform/wanted.ts";
import type { Account } from "../support/platform/account.ts";
import { type Served, serveUploads } from "../support/platform/served.ts";
import { type Platform, startPlatform } from "../support/platform/stand-in.ts";

const CHECKOUT = { commit: "0123456789abcdef0123456789abcdef01234567", isClean: true, node: "24.0.0" };
const OPTIONS: DeployOptions = {
  ...{ isPlanOnly: false, isAdopting: false, isDirtyAllowed: false, hasSmoke: true },
  ...{ config: undefined, url: undefined },
};

/** By which a Worker is known as ours. */
const OWN = [{ type: "durable_object_namespace", name: "EVENT_SHARD", class_name: "EventShard" }];

/** Nothing here is slow, and nothing may hang. */
const patience = { timeoutMs: 60_000, pollMs: 200 };

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "clickledger-deploy-"));
});
afterAll(() => rm(folder, { recursive: true, force: true }));

/** One operator's machine: what it keeps, and what was printed. */
function operator(platform: Platform, name: string) {
  const printed: string[] = [];
  const env: Record<string, string> = { ...platform.env, CLICKLEDGER_KEEP: join(folder, name) };
  return {
    ...{ printed, env },
    secretsPath: join(folder, name, "secrets.json"),
    run: async (options: Partial<DeployOptions> = {}, checkout: Partial<typeof CHECKOUT> = {}, of = env) => {
      platform.calls.length = 0;
      printed.length = 0;
      const ports = {
        env: { ...env, ...of },
        checkout: { ...CHECKOUT, ...checkout },
        print: (line: string) => printed.push(line),
        patience,
      };
      return deploy({ ...OPTIONS, ...options }, ports);
    },
  };
}

describe("a deployment from nothing", () => {
  let platform: Platform;
  let served: Served;
  let desk: ReturnType<typeof operator>;
  beforeAll(async () => {
    platform = await startPlatform();
    served = await serveUploads(platform.account, "clickledger");
    desk = operator(platform, "whole");
  });
  afterAll(async () => {
    await served.stop();
    await platform.stop();
  });

  it("is shown by --plan, which changes nothing", async () => {
    const { steps } = await desk.run({ isPlanOnly: true, url: served.url });
    expect(steps.map(({ kind }) => kind)).toEqual([
      ...["make_secrets", "create_database", "create_bucket", "set_lifecycle", "set_locks"],
      ...Array(4).fill("create_queue"),
      ...["apply_migrations", "upload", "smoke"],
    ]);
    expect(platform.changes()).toEqual([]);
    await expect(stat(desk.secretsPath)).rejects.toThrow("ENOENT");
  });

  it("that breaks in the middle says what is left", async () => {
    platform.fail("POST /queues", { status: 400, code: 11_003, message: "Too many queues" });
    const broken = await desk.run({ url: served.url }).catch((cause: unknown) => cause);
    expect(broken).toBeInstanceOf(BrokenDeployment);
    expect((broken as Error).message).toMatch(
      /create queue clickledger-clicks-0.*Too many queues.*\n7 of 12 steps are left/,
    );
  });

  it("goes on from there, counts a click, and shows the operator's key once", async () => {
    const { steps } = await desk.run({ url: served.url });
    expect(steps.map(({ kind }) => kind)).toEqual([
      ...Array(4).fill("create_queue"),
      ...["apply_migrations", "upload", "smoke"],
    ]);
    expect(platform.unknown).toEqual([]);
    const kept = JSON.parse(await readFile(desk.secretsPath, "utf8")) as Record<string, string>;
    expect(Object.fromEntries(platform.account.scripts.get("clickledger")?.secrets ?? [])).toEqual(kept);
    const bindings = platform.account.scripts.get("clickledger")?.versions.at(-1)?.bindings ?? [];
    expect(bindings.find(({ name }) => name === "CANARY_ORIGIN")).toMatchObject({ text: served.url });
    expect((await stat(desk.secretsPath)).mode & 0o777).toBe(0o600);
    expect(desk.printed.filter((line) => line.includes(kept["ADMIN_API_KEY"] as string))).toHaveLength(1);
    expect(desk.printed.join("\n")).not.toContain(kept["SESSION_KEYS"]);
  });

  it("leaves nothing for the doctor to find but cron, which the stand-in does not run", async () => {
    const { findings, notLooked } = await diagnose({ config: undefined, url: undefined }, desk.env);
    expect(findings.map(({ check }) => check)).toEqual(["cron_stopped"]);
    expect(notLooked).toEqual([]);
  });

  it("does nothing the second time", async () => {
    const { steps } = await desk.run({ url: served.url });
    expect(steps).toEqual([]);
    expect(platform.changes()).toEqual([]);
    expect(desk.printed.join("\n")).toContain("Nothing is to be done");
  });
});

describe("a deployment is refused, and nothing is changed, with", () => {
  let platform: Platform;
  beforeEach(async () => {
    platform = await startPlatform();
  });
  afterEach(() => platform.stop());

  /** What it says, where it refuses. */
  async function refusal(...run: Parameters<ReturnType<typeof operator>["run"]>): Promise<string> {
    const desk = operator(platform, `refused-${randomUUID()}`);
    const refused = await desk.run(...run).catch((cause: unknown) => cause);
    expect(platform.changes()).toEqual([]);
    await expect(stat(desk.secretsPath)).rejects.toThrow("ENOENT");
    expect(refused).toBeInstanceOf(Error);
    return (refused as Error).message;
  }

  it.each([
    ["a D1 database", (account: Account) => account.addDatabase("clickledger-report")],
    ["an R2 bucket", (account: Account) => account.addBucket("clickledger-archive")],
    ["a queue", (account: Account) => account.addQueue("clickledger-impressions-dead")],
    ["a Worker", (account: Account) => account.addScript("clickledger", [])],
    ["a Workflow", (account: Account) => account.workflows.set("clickledger-audit", { script_name: "other" })],
  ])("a name that %s of somebody else has", async (what, take) => {
    take(platform.account);
    expect(await refusal()).toMatch(new RegExp(`^name_taken: ${what} clickledger.*choose another name`));
  });

  it("names of somebody else, each named", async () => {
    platform.account.addDatabase("clickledger-report");
    platform.account.addQueue("clickledger-clicks-0").consumers.push({ consumer_id: "1", script: "other" });
    expect((await refusal()).split("\n")).toHaveLength(2);
  });

  it.each([
    ["/d1", "D1 › Edit"],
    ["/r2", "Workers R2 Storage › Edit"],
    ["/queues", "Queues › Edit"],
    ["/workers/scripts", "Workers Scripts › Edit"],
    ["/workflows", "Workers Scripts › Edit"],
  ])("a token without a scope for %s", async (part, permission) => {
    platform.account.forbidden.add(part);
    if (part === "/workers/scripts") platform.account.addScript("clickledger", []);
    expect(await refusal()).toContain(`the token lacks the permission “Account › ${permission}”`);
  });

  it("a token that is unknown", async () => {
    const env = { ...platform.env, CLOUDFLARE_API_TOKEN: "other" };
    expect(await refusal({}, {}, env)).toContain("make another, and set CLOUDFLARE_API_TOKEN");
  });

  it.each([
    [{ isClean: false }, "tree_dirty: files are changed"],
    [{ isClean: false, commit: "" }, "tree_dirty: this is no clone"],
    [{ node: "20.11.0" }, "node_old: this is Node 20.11.0"],
  ])("a machine that is %j", async (checkout, said) => {
    expect(await refusal({}, checkout)).toContain(said);
    expect(platform.calls).toEqual([]);
  });

  it("a database that is newer than the code", async () => {
    const { sqlite } = platform.account.addDatabase("clickledger-report");
    sqlite.exec("CREATE TABLE d1_migrations (id INTEGER PRIMARY KEY, name TEXT)");
    sqlite.exec("INSERT INTO d1_migrations (name) VALUES ('0001_base.sql'), ('0002_more.sql')");
    expect(await refusal({ isAdopting: true })).toMatch(/^database_newer: clickledger-report has 0002_more.sql, which/);
  });

  it("a report database that the Worker binds and the configuration does not", async () => {
    platform.account.addScript("clickledger", [...OWN, { type: "d1", name: "REPORT_DB_1", id: "11" }]);
    expect(await refusal()).toMatch(/^database_removed: REPORT_DB_1 /);
  });

  it("a report database that has advertisers and that nobody binds any more", async () => {
    const { sqlite } = platform.account.addDatabase("clickledger-report");
    sqlite.exec("CREATE TABLE report_databases (database TEXT); INSERT INTO report_databases VALUES ('REPORT_DB_2')");
    expect(await refusal({ isAdopting: true })).toMatch(/^database_removed: REPORT_DB_2 /);
  });

  it("a binding that was another database", async () => {
    const { uuid } = platform.account.addDatabase("clickledger-report-old");
    platform.account.addScript("clickledger", [...OWN, { type: "d1", name: "REPORT_DB", id: uuid }]);
    expect(await refusal()).toMatch(/^database_other: REPORT_DB /);
  });

  it("half of the token keys deployed, and their file gone", async () => {
    platform.account.addScript("clickledger", OWN).secrets.set("TOKEN_KEYS", "{}");
    expect(await refusal()).toMatch(/^secrets_missing: one of TOKEN_KEYS and TOKEN_SIGNING_KID .*back from a copy/);
  });

  it("all secrets deployed, and nobody's key to look with", async () => {
    const { secrets } = platform.account.addScript("clickledger", OWN);
    for (const name of SECRET_NAMES) secrets.set(name, "…");
    expect(await refusal()).toMatch(/^secrets_missing: .*export ADMIN_API_KEY/);
  });

  it("an account without an address", async () => {
    platform.account.subdomain = null;
    expect(await refusal()).toMatch(/^no_address: /);
  });
});

it("kept secrets that others can read are refused", async () => {
  const platform = await startPlatform();
  const desk = operator(platform, "open");
  await mkdir(join(folder, "open"));
  await writeFile(desk.secretsPath, "{}", { mode: 0o644 });
  await expect(desk.run()).rejects.toThrow(/can be read by others: chmod 600/);
  await platform.stop();
});
