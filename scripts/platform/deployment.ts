/**
 * One deployment: look at this machine → look at the platform → plan → do what is planned, step by step → say where it is.
 *
 * Keeps: with `isPlanOnly` nothing is changed, here or there. Steps are done in the plan's order: what the Worker binds is
 * there before it is uploaded, and migrations, which only add, are applied before the version that needs them. After a
 * break the same command does what is left.
 */
import { ConfigError, readConfig } from "../../src/config.ts";
import { deployedEnv } from "../deployed-env.ts";
import { findAccess, type PlatformApi, PlatformError, platformApi } from "./api.ts";
import { readFound } from "./found.ts";
import { type Keep, keepFor, makeSecrets, type Secrets } from "./keep.ts";
import { type Checkout, machineFaults } from "./machine.ts";
import { withPlacedConfig } from "./placement.ts";
import { describe, type Plan, planDeployment, type Step } from "./plan.ts";
import { smoke } from "./smoke.ts";
import { QUEUE_RETENTION_S, readWanted, SECRET_NAMES, stampOf, type Wanted } from "./wanted.ts";
import { tokenOf, type Wrangler, wranglerIn } from "./wrangler.ts";

export type DeployOptions = {
  readonly isPlanOnly: boolean;
  readonly isAdopting: boolean;
  readonly isDirtyAllowed: boolean;
  readonly hasSmoke: boolean;
  readonly config: string | undefined;
  readonly url: string | undefined;
};
export type DeployPorts = {
  readonly env: NodeJS.ProcessEnv;
  readonly checkout: Checkout;
  readonly print: (line: string) => void;
  readonly patience?: { readonly timeoutMs: number; readonly pollMs: number };
  readonly now?: () => number;
};

/** Nothing was changed; each fault says what to do. */
export class RefusedDeployment extends Error {
  readonly faults: readonly string[];

  constructor(faults: readonly string[]) {
    super(faults.join("\n"));
    this.faults = faults;
  }
}

/** A step failed: what was done before it stays, and the next run goes on from there. */
export class BrokenDeployment extends Error {}

type Running = {
  readonly api: PlatformApi;
  readonly wrangler: Wrangler;
  readonly keep: Keep;
  readonly wanted: Wanted;
  readonly address: string;
  readonly env: NodeJS.ProcessEnv;
  readonly now: () => number;
  readonly patience: DeployPorts["patience"];
};

/** Throws RefusedDeployment, BrokenDeployment, and PlatformError where it could not look. */
export async function deploy(options: DeployOptions, ports: DeployPorts): Promise<Plan> {
  const { env, print, checkout, patience, now = Date.now } = ports;
  const faults = machineFaults(checkout, options);
  if (faults.length > 0) throw new RefusedDeployment(faults);
  const wanted = await readWanted(options.config);
  const wrangler = wranglerIn(env, wanted.config);
  const access = await findAccess(env, await tokenOf(env, wrangler));
  const api = platformApi(access);
  const keep = keepFor(env, { accountId: access.accountId, worker: wanted.worker });
  const found = await readFound(api, wanted);
  const [state, secrets] = [await keep.readState(), await keep.readSecrets()];
  const address = options.url ?? state.url ?? addressOf(wanted, found.subdomain);
  const stamp = checkout.isClean ? await stampOf(wanted.config, checkout.commit) : `dirty-${now().toString(36)}`;
  const known = { ...secrets, ...adminKeyOf(env) };
  const plan = planDeployment({ wanted, found, state, secrets: known, stamp, address, ...options });
  const refused = [
    ...plan.refusals.map(({ reason, detail }) => `${reason}: ${detail}`),
    ...(await settingFaults(wanted, known)),
  ];
  if (refused.length > 0 || address === null) throw new RefusedDeployment(refused);
  print(`${wanted.worker} in account ${access.accountId}, at ${address}`);
  await warnOfPlan(api, print);
  const steps = plan.steps.filter(({ kind }) => options.hasSmoke || kind !== "smoke");
  if (steps.length === 0) print("Nothing is to be done: everything is as this commit wants it.");
  if (options.isPlanOnly) {
    for (const step of steps) print(`  would ${describe(step)}`);
    return { ...plan, steps };
  }
  const running = { api, keep, wanted, address, env, now, patience };
  const unlock = await keep.lock();
  try {
    await withPlacedConfig(wanted, (config) => doAll(steps, { ...running, wrangler: wranglerIn(env, config) }, print));
    await sayWhere(running, print);
  } finally {
    await unlock();
  }
  return { ...plan, steps };
}

async function doAll(steps: readonly Step[], running: Running, print: (line: string) => void): Promise<void> {
  for (const [at, step] of steps.entries()) {
    print(`  ${at + 1}/${steps.length} ${describe(step)}`);
    await doStep(step, running).catch((cause: Error) => {
      const left = `${steps.length - at} of ${steps.length} steps are left; the same command goes on from here`;
      throw new BrokenDeployment(`“${describe(step)}” failed: ${cause.message}\n${left}`, { cause });
    });
  }
}

async function doStep(step: Step, running: Running): Promise<void> {
  const { api, wrangler, keep, wanted, address, env, now, patience } = running;
  const make = (name: string, create: () => Promise<unknown>) => makeNoted(running, name, create);
  const place = wanted.jurisdiction === null ? {} : { jurisdiction: wanted.jurisdiction };
  const r2 = api.within(wanted.jurisdiction);
  switch (step.kind) {
    case "make_secrets": {
      const made = makeSecrets(await keep.readSecrets(), { host: new URL(address).host, nowMs: now() });
      return keep.writeSecrets(pick(made, step.names), now());
    }
    case "create_database":
      return make(`database:${step.name}`, () => api.post("/d1/database", { name: step.name, ...place }));
    case "create_bucket":
      return make(`bucket:${step.name}`, () => r2.post("/r2/buckets", { name: step.name }));
    case "create_queue": {
      const settings = { message_retention_period: QUEUE_RETENTION_S };
      return make(`queue:${step.name}`, () => api.post("/queues", { queue_name: step.name, settings, ...place }));
    }
    case "set_retention":
      await api.patch(`/queues/${step.id}`, {
        ...{ queue_name: step.name, settings: { message_retention_period: QUEUE_RETENTION_S } },
      });
      return;
    case "set_lifecycle":
      await r2.put(`/r2/buckets/${step.bucket}/lifecycle`, { rules: step.rules });
      return;
    case "set_locks":
      await r2.put(`/r2/buckets/${step.bucket}/lock`, { rules: step.rules });
      return;
    case "apply_migrations":
      await wrangler(["d1", "migrations", "apply", step.database, "--remote"]);
      return;
    case "upload": {
      const vars = Object.entries(varsAt(wanted, address)).flatMap(([name, text]) => ["--var", `${name}:${text}`]);
      const upload = (more: string[]) => wrangler(["deploy", "--strict=false", "--tag", step.stamp, ...vars, ...more]);
      const sent = pick(await keep.readSecrets(), step.secrets);
      return make(`worker:${wanted.worker}`, () =>
        step.secrets.length === 0 ? upload([]) : keep.withSecretsFile(sent, (path) => upload(["--secrets-file", path])),
      );
    }
    case "smoke": {
      const adminKey = adminKeyOf(env).ADMIN_API_KEY ?? (await keep.readSecrets()).ADMIN_API_KEY;
      if (adminKey === undefined) throw new Error(`set ADMIN_API_KEY: ${keep.secretsPath} has none`);
      await smoke({ url: address, adminKey, ...patience });
      return keep.changeState({ smoked: step.stamp });
    }
  }
}

/** Settings that wrangler.toml leaves to the deployment, since they are its address. */
function varsAt({ vars }: Wanted, address: string): Record<string, string> {
  return vars["CANARY_ORIGIN"] === "" ? { CANARY_ORIGIN: new URL(address).origin } : {};
}

/** Makes a thing, which is noted as one's own first. */
async function makeNoted({ keep, wanted }: Running, name: string, create: () => Promise<unknown>): Promise<void> {
  const { made } = await keep.readState();
  const jurisdiction = wanted.jurisdiction ?? "";
  if (!made.includes(name)) await keep.changeState({ made: [...made, name], jurisdiction });
  await create();
}

async function sayWhere(
  { keep, address, env }: Pick<Running, "keep" | "address" | "env">,
  print: (line: string) => void,
): Promise<void> {
  const { hasShownAdminKey = false } = await keep.readState();
  const { ADMIN_API_KEY: adminKey } = await keep.readSecrets();
  print(`\n${address} counts.`);
  print(`Its secrets are in ${keep.secretsPath}: keep a copy elsewhere. Nobody can read them from the platform again.`);
  if (!hasShownAdminKey && adminKey !== undefined && env["CI"] === undefined) {
    print(`The key of the operator, shown this once: ${adminKey}`);
    print(`Sign in with it at ${address}/, or: export ADMIN_API_KEY=…; npm run ops -- dead list --url ${address}`);
  }
  await keep.changeState({ url: address, hasShownAdminKey: true });
}

/** What the Worker itself would refuse, with the secrets that are kept, and stand-ins for those that are not made yet. */
async function settingFaults(wanted: Wanted, secrets: Secrets): Promise<string[]> {
  const made = makeSecrets(secrets, { host: "placeholder", nowMs: 0 });
  try {
    const { topology } = readConfig({ ...(await deployedEnv(wanted.config)), ...made, ...secrets });
    return topology.ok ? [] : [`TOPOLOGY is wrong: ${topology.error}`];
  } catch (refused) {
    if (!(refused instanceof ConfigError)) throw refused;
    return [refused.message];
  }
}

/** A token without Billing › Read cannot tell, and a plan that we do not know may be enough: neither stops anything. */
async function warnOfPlan(api: PlatformApi, print: (line: string) => void): Promise<void> {
  type Subscription = { rate_plan?: { id?: string; public_name?: string } };
  const plans = await api.get<Subscription[]>("/subscriptions").catch((refused: unknown) => {
    if (refused instanceof PlatformError && refused.status === 403) return null;
    throw refused;
  });
  if (plans === null) return print("  not looked: the plan (the token lacks “Account › Billing › Read”)");
  const isPaid = plans.some(({ rate_plan: plan }) =>
    /workers|enterprise|contract/i.test(`${plan?.id} ${plan?.public_name}`),
  );
  if (!isPaid)
    print("  look: no Workers plan among the subscriptions; the free one ends at 10 ms CPU and 100 000 requests a day");
}

function addressOf({ worker, onWorkersDev }: Wanted, subdomain: string | null): string | null {
  return onWorkersDev && subdomain !== null ? `https://${worker}.${subdomain}.workers.dev` : null;
}

function adminKeyOf(env: NodeJS.ProcessEnv): Secrets {
  const key = env["ADMIN_API_KEY"];
  return key === undefined || key === "" ? {} : { ADMIN_API_KEY: key };
}

function pick(secrets: Secrets, names: readonly string[]): Secrets {
  return Object.fromEntries(SECRET_NAMES.flatMap((name) => (names.includes(name) ? [[name, secrets[name]]] : [])));
}
