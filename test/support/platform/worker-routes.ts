/**
 * Calls about Workers: uploads, versions, deployments, secrets, triggers, assets and Workflows.
 *
 * Keeps: a version's bindings are those that were uploaded, and secrets stay from one version to the next. What an
 * upload binds must exist, as on the platform.
 */
import { randomUUID } from "node:crypto";
import type { Account, Binding, Script, Version } from "./account.ts";
import { Refusal } from "./refusal.ts";
import type { Found, Routes } from "./routes.ts";

export const WORKER_ROUTES: Routes = {
  "GET /workers/subdomain": (account) => () => {
    if (account.subdomain === null) throw new Refusal(404, 10_007, "There is no subdomain");
    return { subdomain: account.subdomain };
  },
  "GET /workers/services/:name":
    (account) =>
    ({ found: [name] }) => {
      const { versions, migrationTag } = scriptOf(account, name);
      const script = { id: name, migration_tag: migrationTag, last_deployed_from: "wrangler", tags: [] };
      return {
        ...{ id: name, created_on: new Date(versions[0]?.atMs ?? 0).toISOString() },
        default_environment: { environment: "production", script },
      };
    },
  "GET /workers/services/:name/environments/:environment": (account) => (call) => ({
    script: { id: call.found[0], migration_tag: scriptOf(account, call.found[0]).migrationTag, tags: [] },
  }),
  "GET /workers/scripts": (account) => () =>
    Array.from(account.scripts.values(), ({ name, migrationTag }) => ({ id: name, migration_tag: migrationTag })),
  "GET /workers/scripts/:name/settings": (account) => (call) => settingsOf(scriptOf(account, call.found[0])),
  "PATCH /workers/scripts/:name/script-settings": () => (call) => call.json(),
  "GET /workers/scripts/:name/script-settings": () => () => ({ tags: [] }),
  "POST /workers/scripts/:name/assets-upload-session": () => () => ({ jwt: "completed", buckets: [] }),
  "PUT /workers/scripts/:name": (account) => async (call) => uploaded(await upload(account, call)),
  "POST /workers/scripts/:name/versions": (account) => async (call) => {
    scriptOf(account, call.found[0]);
    return uploaded(await upload(account, call));
  },
  "GET /workers/scripts/:name/versions": (account) => (call) => ({
    items: scriptOf(account, call.found[0]).versions.map(shownVersion).reverse(),
  }),
  "GET /workers/scripts/:name/versions/:id": (account) => (call) => {
    const found = scriptOf(account, call.found[0]).versions.find(({ id }) => id === call.found[1]);
    if (found === undefined) throw new Refusal(404, 10_007, "There is no such version");
    return { ...shownVersion(found), resources: { bindings: found.bindings } };
  },
  "POST /workers/scripts/:name/deployments": () => (call) => ({ id: randomUUID(), ...call.json() }),
  "GET /workers/scripts/:name/deployments": (account) => (call) => ({
    deployments: scriptOf(account, call.found[0])
      .versions.map(({ id, atMs, annotations }) => ({
        ...{ id: randomUUID(), created_on: new Date(atMs).toISOString(), annotations, strategy: "percentage" },
        versions: [{ version_id: id, percentage: 100 }],
      }))
      .reverse(),
  }),
  "GET /workers/scripts/:name/secrets": (account) => (call) =>
    Array.from(scriptOf(account, call.found[0]).secrets.keys(), (name) => ({ name, type: "secret_text" })),
  "PATCH /workers/scripts/:name/secrets-bulk": (account) => (call) => putSecrets(account, call),
  "PATCH /workers/scripts/:name/settings": (account) => async (call) => {
    const settings = JSON.parse(String(await textOf((await call.form()).get("settings")))) as { bindings: Binding[] };
    keepSecrets(scriptOf(account, call.found[0]), settings.bindings);
    return settings;
  },
  "GET /workers/scripts/:name/subdomain": (account) => (call) => {
    const { isOnWorkersDev } = scriptOf(account, call.found[0]);
    return { enabled: isOnWorkersDev, previews_enabled: isOnWorkersDev };
  },
  "POST /workers/scripts/:name/subdomain": (account) => (call) => {
    scriptOf(account, call.found[0]).isOnWorkersDev = call.json().enabled;
    return { enabled: call.json().enabled, previews_enabled: false };
  },
  "GET /workers/workers/:name": (account) => (call) => {
    const { name, isOnWorkersDev } = scriptOf(account, call.found[0]);
    return { id: name, name, subdomain: { enabled: isOnWorkersDev, previews_enabled: false } };
  },
  "PUT /workers/scripts/:name/schedules": (account) => (call) => {
    scriptOf(account, call.found[0]).schedules = call.json();
    return { schedules: call.json() };
  },
  "GET /workers/scripts/:name/schedules": (account) => (call) => ({
    schedules: scriptOf(account, call.found[0]).schedules,
  }),
  "PUT /workflows/:name": (account) => (call) => {
    const [name = ""] = call.found;
    const made = call.json() as { jurisdiction?: string };
    const before = account.workflows.get(name);
    if (before !== undefined && before["jurisdiction"] !== made.jurisdiction) {
      throw new Refusal(400, 10_400, "workflow.jurisdiction_immutable");
    }
    account.workflows.set(name, made);
    return { id: call.found[0], name: call.found[0] };
  },
  "GET /workflows/:name":
    ({ workflows }) =>
    ({ found: [name = ""] }) => {
      const found = workflows.get(name);
      if (found === undefined) throw new Refusal(404, 10_200, "workflow.not_found");
      return { ...found, name };
    },
  "GET /workflows": (account) => () => Array.from(account.workflows, ([name, of]) => ({ ...of, name })),
};

function scriptOf({ scripts }: Account, name = ""): Script {
  const found = scripts.get(name);
  if (found === undefined) throw new Refusal(404, 10_007, "This Worker does not exist on your account.");
  return found;
}

const shownVersion = ({ id, atMs, annotations }: Version) => ({
  ...{ id, number: 1, annotations },
  metadata: { created_on: new Date(atMs).toISOString(), source: "wrangler" },
});

const uploaded = ({ id }: Version) => ({
  ...{ id, deployment_id: id, etag: id, startup_time_ms: 12, resources: { script: { etag: id } } },
});

function settingsOf({ versions, secrets }: Script) {
  const names = Array.from(secrets.keys(), (name) => ({ type: "secret_text", name }));
  return { bindings: [...(versions.at(-1)?.bindings ?? []), ...names], tags: [] };
}

type Metadata = {
  readonly main_module: string;
  readonly bindings: readonly Binding[];
  readonly migrations?: { readonly new_tag?: string };
  readonly annotations?: Record<string, string>;
};

async function upload(account: Account, { found: [name = ""], form }: Found): Promise<Version> {
  const parts = await form();
  const metadata = JSON.parse(String(await textOf(parts.get("metadata")))) as Metadata;
  for (const binding of metadata.bindings) assertThere(account, name, binding);
  const known = account.scripts.get(name);
  const script: Script = known ?? {
    ...{ name, versions: [], secrets: new Map(), schedules: [], isOnWorkersDev: false, migrationTag: undefined },
  };
  const bindings = metadata.bindings
    .filter(({ type }) => type !== "secret_text")
    .flatMap((one) => resolved(script, one) ?? []);
  keepSecrets(script, metadata.bindings);
  const modules = new Map<string, string>();
  for (const [part, value] of parts) if (part !== "metadata") modules.set(part, String(await textOf(value)));
  const made = { id: randomUUID(), atMs: Date.now(), bindings, annotations: metadata.annotations ?? {}, modules };
  script.versions.push(made);
  script.migrationTag = metadata.migrations?.new_tag ?? script.migrationTag;
  account.scripts.set(name, script);
  return made;
}

/** A binding that is inherited is that of the version before. */
function resolved({ versions, secrets, name }: Script, binding: Binding): Binding | null {
  if (binding.type !== "inherit") return binding;
  if (secrets.has(binding.name)) return null;
  const before = versions.at(-1)?.bindings.find((one) => one.name === binding.name);
  if (before === undefined) throw new Refusal(400, 10_021, `${name} has no binding ${binding.name} to inherit`);
  return before;
}

function assertThere({ databases, buckets, queues }: Account, script: string, binding: Binding): void {
  const { type, name } = binding;
  const isThere = {
    d1: () => databases.some(({ uuid }) => uuid === (binding["id"] ?? binding["database_id"])),
    r2_bucket: () =>
      buckets.some(
        (bucket) => bucket.name === binding["bucket_name"] && bucket.jurisdiction === (binding["jurisdiction"] ?? null),
      ),
    queue: () => queues.some(({ queue_name }) => queue_name === binding["queue_name"]),
  }[type];
  if (isThere?.() === false) throw new Refusal(400, 10_021, `${script}: what ${name} (${type}) binds does not exist`);
}

function keepSecrets({ secrets }: Script, bindings: readonly Binding[]): void {
  for (const { type, name, text } of bindings) if (type === "secret_text") secrets.set(name, String(text));
}

function putSecrets(account: Account, call: Found): unknown {
  const script = scriptOf(account, call.found[0]);
  const { secrets } = call.json() as { secrets: Record<string, { type: string; name: string; text: string } | null> };
  for (const [name, secret] of Object.entries(secrets)) {
    if (secret === null) script.secrets.delete(name);
    else script.secrets.set(name, secret.text);
  }
  return {};
}

function textOf(value: FormDataEntryValue | null): Promise<string> | string {
  return typeof value === "string" || value === null ? (value ?? "") : value.text();
}
