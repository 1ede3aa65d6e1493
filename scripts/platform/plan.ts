/**
 * What a deployment has to do, from what is wanted and what is there: a pure function, so that `--plan` shows what a run
 * does, a second run does nothing, and a run after a break does what is left.
 *
 * Keeps: nothing of somebody else is taken: a name that is there is this deployment's own when its Worker binds it, or
 * when it was made here (keep.ts); otherwise it is refused, unless `isAdopting`. Nothing is deleted.
 */
import { isReportDatabase } from "../../src/core/routing.ts";
import type { Found, FoundBinding, FoundWorker } from "./found.ts";
import type { KeptState, Secrets } from "./keep.ts";
import { mixedBindings, type PlacementReason, placementFaults } from "./placement.ts";
import {
  type LifecycleRule,
  type LockRule,
  QUEUE_RETENTION_S,
  SECRET_NAMES,
  type SecretName,
  type Wanted,
} from "./wanted.ts";

export type Step =
  | { readonly kind: "make_secrets"; readonly names: readonly SecretName[] }
  | { readonly kind: "create_database"; readonly name: string }
  | { readonly kind: "create_bucket"; readonly name: string }
  | { readonly kind: "create_queue"; readonly name: string }
  | { readonly kind: "set_retention"; readonly name: string; readonly id: string }
  | { readonly kind: "set_lifecycle"; readonly bucket: string; readonly rules: readonly LifecycleRule[] }
  | { readonly kind: "set_locks"; readonly bucket: string; readonly rules: readonly LockRule[] }
  | { readonly kind: "apply_migrations"; readonly database: string; readonly names: readonly string[] }
  | { readonly kind: "upload"; readonly stamp: string; readonly secrets: readonly SecretName[] }
  | { readonly kind: "smoke"; readonly stamp: string };

export type RefusalReason =
  | "name_taken"
  | "database_newer"
  | "database_removed"
  | "database_other"
  | "secrets_missing"
  | "no_address"
  | PlacementReason;
/** Why nothing is done; `detail` says what to change. */
export type Refusal = { readonly reason: RefusalReason; readonly detail: string };

export type Plan = { readonly steps: readonly Step[]; readonly refusals: readonly Refusal[] };

export type PlanGiven = {
  readonly wanted: Wanted;
  readonly found: Found;
  readonly state: KeptState;
  readonly secrets: Secrets;
  readonly stamp: string;
  readonly address: string | null;
  readonly isAdopting: boolean;
};

export function planDeployment(given: PlanGiven): Plan {
  const refusals = [
    ...placesRefused(given),
    ...namesTaken(given),
    ...databasesRefused(given),
    ...secretsRefused(given),
  ];
  if (given.address === null) {
    const detail = "the account has no workers.dev subdomain: open “Workers & Pages” in the dashboard once, or --url";
    refusals.push({ reason: "no_address", detail });
  }
  return { refusals, steps: refusals.length > 0 ? [] : stepsOf(given) };
}

function stepsOf({ wanted, found, state, secrets, stamp }: PlanGiven): Step[] {
  const { worker, databases, bucket, queues } = found;
  const missing = SECRET_NAMES.filter((name) => !(worker?.secrets.includes(name) ?? false));
  const unmade = missing.filter((name) => secrets[name] === undefined);
  const isUploaded = worker?.stamp === stamp && missing.length === 0;
  const steps: Step[] = unmade.length === 0 ? [] : [{ kind: "make_secrets", names: unmade }];
  for (const { name } of wanted.databases) if (!databases.has(name)) steps.push({ kind: "create_database", name });
  if (bucket === null) steps.push({ kind: "create_bucket", name: wanted.bucket });
  steps.push(...rulesOf(wanted, bucket));
  for (const name of wanted.queues) {
    const queue = queues.get(name);
    if (queue === undefined) steps.push({ kind: "create_queue", name });
    else if (queue.retentionS !== QUEUE_RETENTION_S) steps.push({ kind: "set_retention", name, id: queue.id });
  }
  for (const { name } of wanted.databases) {
    const names = pendingOf(wanted, databases.get(name)?.applied ?? []);
    if (names.length > 0) steps.push({ kind: "apply_migrations", database: name, names });
  }
  if (!isUploaded) steps.push({ kind: "upload", stamp, secrets: missing });
  if (!isUploaded || state.smoked !== stamp) steps.push({ kind: "smoke", stamp });
  return steps;
}

export const pendingOf = ({ migrations }: Wanted, applied: readonly string[]): string[] =>
  migrations.filter((name) => !applied.includes(name));

/** Migrations that a database has and this repository has not. */
export const unknownOf = ({ migrations }: Wanted, applied: readonly string[]): string[] =>
  applied.filter((name) => !migrations.includes(name));

/** The bucket's rules with ours among them, where they are not there yet; others stay. */
function rulesOf({ bucket: name, lifecycle, locks }: Wanted, bucket: Found["bucket"]): Step[] {
  const merged = <R extends { readonly id: string }>(ours: readonly R[], there: readonly R[]): R[] | null => {
    const isThere = ours.every((rule) => there.some((one) => isSameRule(rule, one)));
    return isThere ? null : [...there.filter(({ id }) => !ours.some((rule) => rule.id === id)), ...ours];
  };
  const lifecycleRules = merged(lifecycle, bucket?.lifecycle ?? []);
  const lockRules = merged(locks, bucket?.locks ?? []);
  return [
    ...(lifecycleRules === null ? [] : [{ kind: "set_lifecycle", bucket: name, rules: lifecycleRules } as const]),
    ...(lockRules === null ? [] : [{ kind: "set_locks", bucket: name, rules: lockRules } as const]),
  ];
}

/** Whether a rule of the platform says what ours does; it may say more, as the time at which it was made. */
export function isSameRule(ours: object, theirs: object): boolean {
  return Object.entries(ours).every(([name, value]) => {
    const other = (theirs as Record<string, unknown>)[name];
    if (typeof value !== "object" || value === null) return other === value;
    return typeof other === "object" && other !== null && isSameRule(value, other);
  });
}

/** Known by the objects that only this Worker has. */
export function isClickledger({ bindings }: FoundWorker): boolean {
  return bindings.some(({ name, class_name }) => name === "EVENT_SHARD" && class_name === "EventShard");
}

export const databaseIdOf = ({ id, database_id }: FoundBinding): string | undefined => id ?? database_id;

function placesRefused({ wanted, found, state }: PlanGiven): Refusal[] {
  const mixed = mixedBindings(wanted).map((detail): Refusal => ({ reason: "jurisdiction_mixed", detail }));
  return [...mixed, ...placementFaults(wanted, found, state)];
}

function namesTaken({ wanted, found, state, isAdopting }: PlanGiven): Refusal[] {
  if (isAdopting) return [];
  const { worker, databases, bucket, queues, workflows } = found;
  const own = worker !== null && isClickledger(worker) ? worker.bindings : [];
  const isOwn = (kind: string, name: string, isBound: (binding: FoundBinding) => boolean) =>
    state.made.includes(`${kind}:${name}`) || own.some(isBound);
  const taken: string[] = [];
  if (worker !== null && own.length === 0 && !state.made.includes(`worker:${wanted.worker}`)) {
    taken.push(`a Worker ${wanted.worker}`);
  }
  for (const [name, { id }] of databases) {
    if (!isOwn("database", name, (binding) => databaseIdOf(binding) === id)) taken.push(`a D1 database ${name}`);
  }
  const { bucket: bucketName } = wanted;
  if (bucket !== null && !isOwn("bucket", bucketName, ({ bucket_name }) => bucket_name === bucketName)) {
    taken.push(`an R2 bucket ${bucketName}`);
  }
  for (const [name, { consumers }] of queues) {
    const reader = consumers.map((one) => one.script ?? one.script_name).find((script) => script !== wanted.worker);
    if (reader !== undefined) taken.push(`a queue ${name}, read by ${reader},`);
    else if (!isOwn("queue", name, ({ queue_name }) => queue_name === name)) taken.push(`a queue ${name}`);
  }
  for (const [name, { script }] of workflows) {
    if (script !== wanted.worker) taken.push(`a Workflow ${name} of ${script}`);
  }
  return taken.map((what) => ({
    reason: "name_taken",
    detail: `${what} is there and was not made by this deployment: choose another name in ${wanted.config}, or --adopt`,
  }));
}

function databasesRefused({ wanted, found }: PlanGiven): Refusal[] {
  const refusals: Refusal[] = [];
  for (const [name, { applied }] of found.databases) {
    const unknown = unknownOf(wanted, applied);
    if (unknown.length === 0) continue;
    const detail = `${name} has ${unknown.join(", ")}, which this version does not: deploy the version that has`;
    refusals.push({ reason: "database_newer", detail });
  }
  const bound = (found.worker?.bindings ?? []).filter(({ type, name }) => type === "d1" && isReportDatabase(name));
  const assigned = Array.from(found.databases.values()).flatMap((database) => database.assigned);
  const needed = new Set([...bound.map(({ name }) => name), ...assigned]);
  for (const binding of needed) {
    const mine = wanted.databases.find((database) => database.binding === binding);
    if (mine === undefined) {
      const detail = `${binding} has advertisers or was bound, and ${wanted.config} does not name it: put it back`;
      refusals.push({ reason: "database_removed", detail });
      continue;
    }
    const before = bound.find(({ name }) => name === binding);
    const now = found.databases.get(mine.name);
    if (before !== undefined && databaseIdOf(before) !== now?.id) {
      const detail = `${binding} is bound to another database than ${mine.name}: a binding means one for ever; put its name back, or rebuild`;
      refusals.push({ reason: "database_other", detail });
    }
  }
  return refusals;
}

/** Secrets cannot be read back from the platform: whoever deploys has to have them, or all of them are there. */
function secretsRefused({ found: { worker }, secrets }: PlanGiven): Refusal[] {
  const there = worker?.secrets ?? [];
  if (there.includes("ADMIN_API_KEY") && secrets.ADMIN_API_KEY === undefined) {
    const detail = "the operator's key is deployed and not kept here: export ADMIN_API_KEY, or bring secrets.json back";
    return [{ reason: "secrets_missing", detail }];
  }
  const isOnlyThere = (name: SecretName) => there.includes(name) && secrets[name] === undefined;
  const missing = SECRET_NAMES.filter((name) => !there.includes(name) && secrets[name] === undefined);
  const ring = ["TOKEN_KEYS", "TOKEN_SIGNING_KID"] as const;
  // A new key under a kid that nobody knows here, or a kid of a ring that nobody has here.
  const isTorn = ring.some(isOnlyThere) && ring.some((name) => missing.includes(name));
  if (!isTorn) return [];
  const detail =
    "one of TOKEN_KEYS and TOKEN_SIGNING_KID is deployed and not kept here: bring secrets.json back from a copy";
  return [{ reason: "secrets_missing", detail }];
}

/** What `--plan` prints of a step. */
export function describe(step: Step): string {
  switch (step.kind) {
    case "make_secrets":
      return `make secrets on this machine: ${step.names.join(", ")}`;
    case "create_database":
      return `create D1 database ${step.name}`;
    case "create_bucket":
      return `create R2 bucket ${step.name}`;
    case "create_queue":
      return `create queue ${step.name}, retention 4 days`;
    case "set_retention":
      return `set retention of queue ${step.name} to 4 days`;
    case "set_lifecycle":
      return `set ${step.rules.length} lifecycle rules of ${step.bucket}: ${idsOf(step.rules)}`;
    case "set_locks":
      return `set ${step.rules.length} locks of ${step.bucket}: ${idsOf(step.rules)}`;
    case "apply_migrations":
      return `apply to ${step.database}: ${step.names.join(", ")}`;
    case "upload":
      return `upload the Worker as ${step.stamp}${step.secrets.length === 0 ? "" : ` with ${step.secrets.join(", ")}`}`;
    case "smoke":
      return "mint a test token, click it, and see the click counted";
  }
}

const idsOf = (rules: readonly { readonly id: string }[]) => rules.map(({ id }) => id).join(", ");
