/**
 * The calls that the stand-in answers, each by method and path below the account: what wrangler 4.156 sends for `deploy`,
 * `d1 migrations apply` and `secret bulk`, and what the scripts of deployment ask.
 *
 * Keeps: shapes are those of the platform's API reference; what nobody here reads is left out.
 */
import type { Account, Bucket, Database, Place, Queue, Rule } from "./account.ts";
import { Refusal } from "./refusal.ts";
import { WORKER_ROUTES } from "./worker-routes.ts";

export type Call = {
  readonly method: string;
  /** Below the account: `/d1/database`; `/account` is the account itself. */
  readonly path: string;
  readonly name: string;
  readonly query: URLSearchParams;
  readonly token: string;
  /** In which buckets are looked for and made. */
  readonly jurisdiction: Place;
  readonly body: Buffer;
  // biome-ignore lint/suspicious/noExplicitAny: what a test's server is sent is read field by field.
  json(): any;
  form(): Promise<FormData>;
};
export type Found = Call & { readonly found: readonly string[] };
export type Handler = (call: Found) => unknown;
export type Route = { readonly method: string; readonly path: RegExp; readonly handle: Handler };
export type Routes = Readonly<Record<string, (account: Account) => Handler>>;

export function routesOf(account: Account): Route[] {
  return Object.entries({ ...ABOUT, ...D1_ROUTES, ...R2_ROUTES, ...QUEUE_ROUTES, ...WORKER_ROUTES }).map(
    ([name, make]) => {
      const [method = "", path = ""] = name.split(" ");
      return { method, path: new RegExp(`^${path.replaceAll(/:\w+/g, "([^/]+)")}$`), handle: make(account) };
    },
  );
}

const ABOUT: Routes = {
  "GET /account": () => () => ({ name: "Acme", settings: {} }),
  "GET /user/tokens/verify": () => () => ({ id: "t", status: "active" }),
  "GET /subscriptions": (account) => () =>
    account.isPaid ? [{ rate_plan: { id: "workers_paid" }, state: "Paid" }] : [],
};

const shownDatabase = ({ uuid, name, jurisdiction }: Database) => ({
  ...{ uuid, name, jurisdiction, version: "production", created_at: "2026-11-01" },
});

const PLACES: readonly unknown[] = [null, "eu", "us", "fedramp"];

/** A place that the platform has. */
function placeIn({ jurisdiction = null }: { readonly jurisdiction?: Place }): Place {
  if (!PLACES.includes(jurisdiction)) throw new Refusal(400, 10_001, `There is no jurisdiction ${jurisdiction}`);
  return jurisdiction;
}

const D1_ROUTES: Routes = {
  "GET /d1/database":
    ({ databases }) =>
    ({ query }) => {
      const named = query.get("name");
      return databases.filter(({ name }) => named === null || name.includes(named)).map(shownDatabase);
    },
  "POST /d1/database": (account) => (call) => {
    const { name, ...more } = call.json() as { name: string; jurisdiction?: string };
    if (account.databases.some((one) => one.name === name)) throw new Refusal(400, 7502, "Database already exists");
    return shownDatabase(account.addDatabase(name, placeIn(more)));
  },
  "GET /d1/database/:id":
    (account) =>
    ({ found: [id] }) =>
      shownDatabase(databaseOf(account, id)),
  "POST /d1/database/:id/query": (account) => (call) => query(databaseOf(account, call.found[0]), call.json()),
};

function databaseOf({ databases }: Account, id = ""): Database {
  const found = databases.find(({ uuid, name }) => uuid === id || name === id);
  if (found === undefined) throw new Refusal(404, 7404, "The database could not be found");
  return found;
}

type Query = { readonly sql: string; readonly params?: readonly (string | number | null)[] };

/** All of it or nothing, as D1's batches are. */
function query({ sqlite }: Database, { batch, ...one }: Query & { readonly batch?: readonly Query[] }): unknown[] {
  sqlite.exec("BEGIN");
  try {
    const results = (batch ?? [one]).flatMap(({ sql, params = [] }): object[] => {
      if (params.length === 0 && /;\s*\S/.test(sql)) {
        sqlite.exec(sql);
        return [{ results: [], success: true, meta: {} }];
      }
      return [{ results: sqlite.prepare(sql).all(...params), success: true, meta: { duration: 1 } }];
    });
    sqlite.exec("COMMIT");
    return results;
  } catch (cause) {
    if (sqlite.isTransaction) sqlite.exec("ROLLBACK");
    throw new Refusal(400, 7500, (cause as Error).message);
  }
}

const R2_ROUTES: Routes = {
  "GET /r2/buckets":
    ({ buckets }) =>
    ({ jurisdiction }) => ({
      buckets: buckets.filter((one) => one.jurisdiction === jurisdiction).map(({ name }) => ({ name })),
    }),
  "POST /r2/buckets": (account) => (call) => {
    const { name } = call.json() as { name: string };
    const jurisdiction = placeIn(call);
    if (account.buckets.some((one) => one.name === name && one.jurisdiction === jurisdiction)) {
      throw new Refusal(409, 10_004, "The bucket already exists");
    }
    return { name: account.addBucket(name, jurisdiction).name };
  },
  "GET /r2/buckets/:name": (account) => (call) => ({ name: bucketOf(account, call).name }),
  "GET /r2/buckets/:name/lifecycle": (account) => (call) => ({ rules: bucketOf(account, call).lifecycle }),
  "PUT /r2/buckets/:name/lifecycle": (account) => (call) => {
    bucketOf(account, call).lifecycle = rulesOf(call.json());
    return {};
  },
  "GET /r2/buckets/:name/lock": (account) => (call) => ({ rules: bucketOf(account, call).locks }),
  "PUT /r2/buckets/:name/lock": (account) => (call) => {
    bucketOf(account, call).locks = rulesOf(call.json());
    return {};
  },
  "GET /r2/buckets/:name/objects/(.+)": (account) => (call) => {
    const object = bucketOf(account, call).objects.get(call.found[1] ?? "");
    if (object === undefined) throw new Refusal(404, 10_007, "The specified key does not exist.");
    return object;
  },
};

/** Buckets of another jurisdiction than the call's are not there. */
function bucketOf({ buckets }: Account, { found: [named], jurisdiction }: Found): Bucket {
  const found = buckets.find((one) => one.name === named && one.jurisdiction === jurisdiction);
  if (found === undefined) throw new Refusal(404, 10_006, "The specified bucket does not exist.");
  return found;
}

function rulesOf({ rules }: { rules?: Rule[] }): Rule[] {
  const ids = (rules ?? []).map(({ id }) => id);
  if (new Set(ids).size !== ids.length) throw new Refusal(400, 10_040, "Rule ids must be unique");
  return rules ?? [];
}

const QUEUE_ROUTES: Routes = {
  "GET /queues":
    ({ queues }) =>
    ({ query: asked }) => {
      const named = asked.getAll("name");
      return queues.filter(({ queue_name }) => named.length === 0 || named.includes(queue_name)).map(shownQueue);
    },
  "POST /queues": (account) => (call) => {
    const { queue_name, settings, ...more } = call.json() as Pick<Queue, "queue_name" | "settings">;
    if (account.queues.some((one) => one.queue_name === queue_name)) {
      throw new Refusal(400, 11_009, `Queue name '${queue_name}' is already taken`);
    }
    return shownQueue(account.addQueue(queue_name, settings, placeIn(more)));
  },
  "PATCH /queues/:id": (account) => (call) => {
    const queue = queueOf(account, call.found[0]);
    queue.settings = { ...queue.settings, ...call.json().settings };
    return shownQueue(queue);
  },
  "GET /queues/:id/consumers":
    (account) =>
    ({ found: [id] }) =>
      queueOf(account, id).consumers,
  "POST /queues/:id/consumers": (account) => (call) => {
    const made = { ...call.json(), consumer_id: crypto.randomUUID().replaceAll("-", "") };
    queueOf(account, call.found[0]).consumers.push(made);
    return made;
  },
  "PUT /queues/:id/consumers/:consumer": (account) => (call) => {
    const queue = queueOf(account, call.found[0]);
    queue.consumers = queue.consumers.map((one) =>
      one.consumer_id === call.found[1] ? { ...one, ...call.json() } : one,
    );
    return {};
  },
};

const shownQueue = ({ queue_id, queue_name, jurisdiction, settings, consumers }: Queue) => ({
  ...{ queue_id, queue_name, jurisdiction, settings, consumers, producers: [] },
  ...{ producers_total_count: 0, consumers_total_count: consumers.length },
});

function queueOf({ queues }: Account, id = ""): Queue {
  const found = queues.find(({ queue_id }) => queue_id === id);
  if (found === undefined) throw new Refusal(404, 11_000, "Queue does not exist");
  return found;
}
