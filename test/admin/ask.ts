/** One way for the tests to ask the administration, and to have tenants and keys. */
import { env } from "cloudflare:workers";
import { apiApp } from "../../src/api/app.ts";
import { TEST_SECRETS } from "../support/secrets.ts";
import { UNHURRIED } from "../support/unhurried.ts";

export const OPERATOR = TEST_SECRETS.ADMIN_API_KEY;
const app = apiApp();

export type Asked = {
  readonly key?: string;
  readonly body?: unknown;
  readonly database?: D1Database;
  /** Others than the platform's. */
  readonly bindings?: object;
};
export type Answered = { readonly status: number; readonly body: Record<string, unknown>; readonly headers: Headers };

/** `what` is a method and a path; the operator asks unless told. */
export async function ask(what: string, { key = OPERATOR, body, database, bindings }: Asked = {}): Promise<Answered> {
  const [method = "GET", path = "/"] = what.split(" ");
  const init = { method, headers: { Authorization: `Bearer ${key}` } };
  const sent = body === undefined ? init : { ...init, body: typeof body === "string" ? body : JSON.stringify(body) };
  const all = { ...UNHURRIED, ...bindings, ...(database === undefined ? {} : { REPORT_DB: database }) };
  const response = await app.request(`https://clicks.example${path}`, sent, all as Env);
  return { status: response.status, body: await response.json(), headers: response.headers };
}

/** An advertiser with a campaign, an ad group and an ad, all named after `name`. */
export async function seedTenant(name: string): Promise<void> {
  const id = (prefix: string) => `${prefix}_${name}`;
  const made = [
    await ask("POST /v1/admin/advertisers", { body: { id: id("adv"), name, currency: "EUR" } }),
    await ask("POST /v1/admin/campaigns", { body: { id: id("cmp"), advertiserId: id("adv"), name } }),
    await ask("POST /v1/admin/ad-groups", { body: { id: id("grp"), campaignId: id("cmp"), name } }),
    await ask("POST /v1/admin/ads", {
      body: { id: id("ad"), campaignId: id("cmp"), adGroupId: id("grp"), creativeId: id("crt"), name, cpcMicros: 1 },
    }),
    await ask("POST /v1/admin/publishers", { body: { id: id("pub"), name } }),
  ];
  const failed = made.find(({ status }) => status !== 201);
  if (failed !== undefined) throw new Error(JSON.stringify(failed));
}

/** A new key: its secret and its id. */
export async function seedKey(spec: Record<string, unknown>): Promise<{ key: string; id: string }> {
  const { status, body } = await ask("POST /v1/admin/keys", { body: { label: "test", ...spec } });
  if (status !== 201) throw new Error(JSON.stringify(body));
  return { key: String(body["key"]), id: String(body["id"]) };
}

export async function auditOf(subjectId: string): Promise<Record<string, unknown>[]> {
  const { body } = await ask(`GET /v1/admin/audit-log?subject_id=${subjectId}`);
  return body["entries"] as Record<string, unknown>[];
}

/** The database with every batch done by `batch` instead, which may call the real one. */
export function withBatch(batch: (real: () => Promise<D1Result[]>) => Promise<D1Result[]>): D1Database {
  return new Proxy(env.REPORT_DB, {
    get: (database, member) =>
      member === "batch"
        ? (statements: D1PreparedStatement[]) => batch(() => database.batch(statements))
        : Reflect.get(database, member).bind(database),
  });
}
