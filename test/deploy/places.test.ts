/**
 * JURISDICTION: everything is made in one place, by real wrangler against the stand-in, and a mix is refused by its name.
 */
import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { type DeployOptions, deploy } from "../../scripts/platform/deployment.ts";
import { diagnose } from "../../scripts/platform/doctor.ts";
import { type KeptState, keepFor, makeSecrets } from "../../scripts/platform/keep.ts";
import { readWanted, type Wanted } from "../../scripts/platform/wanted.ts";
import type { Account, Binding } from "../support/platform/account.ts";
import { plantedAccount } from "../support/platform/planted.ts";
import { startPlatform } from "../support/platform/stand-in.ts";

const COMMIT = "0123456789abcdef0123456789abcdef01234567";
const OPTIONS = {
  ...{ isPlanOnly: false, isAdopting: false, isDirtyAllowed: false, hasSmoke: false },
  url: "http://127.0.0.1:1",
} as const;

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "clickledger-places-"));
}, 120_000);
afterAll(() => rm(folder, { recursive: true, force: true }));

/** wrangler.toml with another JURISDICTION, in a folder of its own. */
async function configOf(jurisdiction: string): Promise<string> {
  const toml = (await readFile("wrangler.toml", "utf8"))
    .replace(/^JURISDICTION = .*$/m, `JURISDICTION = "${jurisdiction}"`)
    .replace('main = "', `main = "${resolve(".")}/`)
    .replace('directory = "', `directory = "${resolve(".")}/`)
    .replace('migrations_dir = "', `migrations_dir = "${resolve(".")}/`);
  const path = join(await mkdtemp(join(folder, "config-")), "wrangler.toml");
  await writeFile(path, toml);
  return path;
}

async function machineOf(env: Readonly<Record<string, string>>, state: Partial<KeptState> = {}) {
  const own = { ...env, CLICKLEDGER_KEEP: await mkdtemp(join(folder, "keep-")) };
  const keep = keepFor(own, { accountId: "", worker: "clickledger" });
  await keep.writeSecrets(makeSecrets({}, { host: "x", nowMs: 0 }), Date.now());
  if (Object.keys(state).length > 0) await keep.changeState(state);
  return own;
}

const deployWith = (env: Record<string, string>, options: Partial<DeployOptions>) =>
  deploy(
    { ...OPTIONS, config: undefined, ...options },
    { env, checkout: { commit: COMMIT, isClean: true, node: "24.0.0" }, print: () => {} },
  );

describe("a deployment with JURISDICTION eu", () => {
  it("makes all of it there, binds it there, and leaves the doctor nothing to find", async () => {
    const platform = await startPlatform();
    const env = await machineOf(platform.env);
    const config = await configOf("eu");
    await deployWith(env, { config });
    const { account } = platform;
    const places = [...account.databases, ...account.buckets, ...account.queues].map(
      ({ jurisdiction }) => jurisdiction,
    );
    expect(places).toEqual(Array(6).fill("eu"));
    const workflows = Array.from(account.workflows.values(), (one) => one["jurisdiction"]);
    expect(workflows).toEqual(["eu", "eu", "eu"]);
    const bindings = account.scripts.get("clickledger")?.versions.at(-1)?.bindings ?? [];
    expect(bindings.find(({ name }) => name === "ARCHIVE")).toMatchObject({ jurisdiction: "eu" });
    expect(bindings.find(({ name }) => name === "JURISDICTION")).toMatchObject({ text: "eu" });
    const { findings, looked } = await diagnose({ config, url: undefined }, env);
    expect(findings.map(({ check }) => check)).toEqual(["cron_stopped"]);
    expect(looked).toContain("jurisdiction");
    expect(platform.unknown).toEqual([]);
    expect((await deployWith(env, { config })).steps).toEqual([]);
    const moved = await deployWith(env, { config: await configOf("") }).catch((refused: Error) => refused.message);
    expect(moved).toMatch(
      /^jurisdiction_changed: JURISDICTION names no jurisdiction, .* kept in jurisdiction eu: put it/,
    );
    await platform.stop();
  });
});

type Planting = (account: Account, wanted: Wanted) => void;

const elsewhere = <T extends { jurisdiction: string | null }>(one: T | undefined, is: string | null) => {
  if (one !== undefined) (one as { jurisdiction: string | null }).jurisdiction = is;
};
const rebind = ({ scripts }: Account, name: string, changed: Partial<Binding>) => {
  const script = scripts.get("clickledger");
  const [version] = script?.versions ?? [];
  if (script === undefined || version === undefined) throw new Error("no Worker is planted");
  const bindings = version.bindings.map((one) => (one.name === name ? { ...one, ...changed } : one));
  script.versions[0] = { ...version, bindings };
};

/** Each with what names it, where the deployment is in the EU. */
const IN_EU: readonly (readonly [string, string, Planting])[] = [
  ["a bucket", "The R2 bucket clickledger-archive is kept in no jurisdiction", (a) => elsewhere(a.buckets[0], null)],
  [
    "a database",
    "The D1 database clickledger-report is kept in jurisdiction us",
    (a) => elsewhere(a.databases[0], "us"),
  ],
  ["a queue", "The queue clickledger-clicks-0 is kept in no jurisdiction", (a) => elsewhere(a.queues[0], null)],
  [
    "a Workflow",
    "The Workflow clickledger-audit is kept in no jurisdiction",
    (account, { worker }) => account.workflows.set("clickledger-audit", { script_name: worker }),
  ],
  [
    "a binding of the bucket",
    "The bucket that ARCHIVE binds is kept in no jurisdiction",
    (account) => rebind(account, "ARCHIVE", { jurisdiction: undefined }),
  ],
];
const ANYWHERE: typeof IN_EU = [
  ["a bucket", "The R2 bucket clickledger-archive is kept in jurisdiction eu", (a) => elsewhere(a.buckets[0], "eu")],
  [
    "a database",
    "The D1 database clickledger-report is kept in jurisdiction eu",
    (a) => elsewhere(a.databases[0], "eu"),
  ],
];
const CHANGED: Planting = (account) => rebind(account, "JURISDICTION", { text: "eu" });

describe("what is elsewhere is named, alone, by deploy and by the doctor, and nothing is changed:", () => {
  const configs = new Map<string, string>();
  beforeAll(async () => {
    for (const place of ["", "eu"]) configs.set(place, await configOf(place));
  }, 120_000);

  async function saidOf(
    place: string,
    plant: Planting,
  ): Promise<{ refused: string; found: string[]; calls: string[] }> {
    const config = configs.get(place) as string;
    const wanted = await readWanted(config);
    const account = await plantedAccount(wanted);
    plant(account, wanted);
    const platform = await startPlatform(account);
    const env = await machineOf(platform.env);
    const refused = await deployWith(env, { config, isAdopting: true }).then(
      () => "nothing",
      (cause: Error) => cause.message,
    );
    const { findings } = await diagnose({ config, url: undefined }, env);
    const calls = platform.changes();
    await platform.stop();
    return { refused, found: findings.map(({ check, sentence }) => `${check}: ${sentence}`), calls };
  }

  it.each([
    ...IN_EU.map(([what, said, plant]) => [what, "eu", `jurisdiction_mixed: ${said}`, plant] as const),
    ...ANYWHERE.map(([what, said, plant]) => [what, "", `jurisdiction_mixed: ${said}`, plant] as const),
    ["a setting that was changed", "", "jurisdiction_changed: JURISDICTION names no jurisdiction, and what", CHANGED],
  ] as const)("%s, where JURISDICTION is %j", async (_, place, said, plant) => {
    const { refused, found, calls } = await saidOf(place, plant);
    expect(refused.split("\n")).toEqual([expect.stringContaining(said)]);
    expect(found).toEqual([`${refused}.`]);
    expect(calls).toEqual([]);
  });

  it("a deployment that was begun here in another place, and has no Worker yet", async () => {
    const platform = await startPlatform();
    const env = await machineOf(platform.env, { made: ["database:clickledger-report"], jurisdiction: "eu" });
    const refused = await deployWith(env, { config: configs.get("") }).catch((cause: Error) => cause.message);
    expect(refused).toMatch(/^jurisdiction_changed: /);
    expect(platform.changes()).toEqual([]);
    await platform.stop();
  });

  it("of which the platform does not say where it is, the doctor says so", async () => {
    const config = configs.get("eu") as string;
    const account = await plantedAccount(await readWanted(config));
    elsewhere(account.queues[0] as { jurisdiction: string | null }, undefined as unknown as null);
    const platform = await startPlatform(account);
    const { notLooked } = await diagnose({ config, url: undefined }, await machineOf(platform.env));
    await platform.stop();
    expect(notLooked).toContainEqual({
      at: "jurisdiction",
      why: "the platform does not say where it is: The queue clickledger-clicks-0",
    });
  });
});
