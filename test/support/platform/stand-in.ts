/**
 * A stand-in of the platform's API on this machine: it answers what wrangler and the scripts of deployment call, keeps
 * what they make, and records every call.
 *
 *   const platform = await startPlatform();      platform.env → CLOUDFLARE_API_BASE_URL, …_API_TOKEN, …_ACCOUNT_ID
 *   platform.calls                               ["POST /d1/database", …], the account's path left out
 *   platform.fail("PUT /workers/scripts/*", …)   the next such call fails, once
 *
 * Keeps: what is read was written by a call or planted by a test. A call that it does not know is answered 404 with code
 * 7003, as the platform does, and stands in `unknown`, which tests want empty.
 */
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { Account } from "./account.ts";
import { Refusal } from "./refusal.ts";
import { type Call, routesOf } from "./routes.ts";

export const ACCOUNT_ID = "0123456789abcdef0123456789abcdef";
const TOKEN = "stand-in-token";

type Planned = { readonly call: RegExp; readonly status: number; readonly code: number; readonly message: string };

export type Platform = {
  readonly account: Account;
  readonly env: Readonly<Record<string, string>>;
  readonly calls: string[];
  readonly unknown: string[];
  /** Calls that change something, which is none where nothing was to be done. */
  changes(): string[];
  /** The next call of this method and path (`*` stands for anything) fails. */
  fail(call: string, refusal?: Partial<Omit<Planned, "call">>): void;
  stop(): Promise<void>;
};

export async function startPlatform(account = new Account()): Promise<Platform> {
  const calls: string[] = [];
  const unknown: string[] = [];
  const planned: Planned[] = [];
  const routes = routesOf(account);

  const answer = async (call: Call): Promise<unknown> => {
    const at = planned.findIndex(({ call: pattern }) => pattern.test(call.name));
    if (at !== -1) {
      const [{ status, code, message } = {} as Planned] = planned.splice(at, 1);
      throw new Refusal(status, code, message);
    }
    if (call.token !== TOKEN) throw new Refusal(401, 10_000, "Authentication error");
    account.assertScope(call);
    for (const { method, path, handle } of routes) {
      const found = method === call.method ? path.exec(call.path) : null;
      if (found !== null) return handle({ ...call, found: found.slice(1).map(decodeURIComponent) });
    }
    unknown.push(call.name);
    throw new Refusal(404, 7003, `Could not route to ${call.path}`);
  };

  const server = createServer(async (request, response) => {
    const call = await readCall(request);
    calls.push(call.name);
    await respond(response, () => answer(call));
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const { port } = server.address() as AddressInfo;
  return {
    account,
    env: {
      CLOUDFLARE_API_BASE_URL: `http://127.0.0.1:${port}`,
      CLOUDFLARE_API_TOKEN: TOKEN,
      CLOUDFLARE_ACCOUNT_ID: ACCOUNT_ID,
    },
    calls,
    unknown,
    changes: () => calls.filter((call) => !call.startsWith("GET ") && !/ \/d1\/database\/\*\/query:read$/.test(call)),
    fail: (call, { status = 500, code = 10_013, message = "An internal error occurred" } = {}) => {
      planned.push({ call: new RegExp(`^${call.replaceAll("*", ".*")}$`), status, code, message });
    },
    stop: async () => {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
      account.close();
    },
  };
}

async function readCall(request: IncomingMessage): Promise<Call> {
  const chunks: Buffer[] = [];
  for await (const chunk of request) chunks.push(chunk as Buffer);
  const body = Buffer.concat(chunks);
  const url = new URL(request.url ?? "/", "http://stand.in");
  const method = request.method ?? "GET";
  const path = url.pathname.replace(`/accounts/${ACCOUNT_ID}`, "") || "/account";
  const type = request.headers["content-type"] ?? "";
  const isRead = path.endsWith("/query") && isReading(body);
  return {
    method,
    path,
    name: `${method} ${isRead ? "/d1/database/*/query:read" : path}`,
    query: url.searchParams,
    token: (request.headers.authorization ?? "").replace(/^Bearer /, ""),
    jurisdiction: request.headers["cf-r2-jurisdiction"]?.toString() ?? null,
    body,
    json: () => JSON.parse(body.toString("utf8")),
    form: () => new Response(body, { headers: { "content-type": type } }).formData(),
  };
}

/** Whether a query only looks. */
function isReading(body: Buffer): boolean {
  const { sql = "", batch = [] } = JSON.parse(body.toString("utf8")) as { sql?: string; batch?: { sql: string }[] };
  return [sql, ...batch.map((one) => one.sql)].every((text) => /^\s*(SELECT\b|$)/i.test(text));
}

async function respond(response: ServerResponse, answer: () => Promise<unknown>): Promise<void> {
  const send = (status: number, body: unknown) => {
    const isRaw = Buffer.isBuffer(body);
    response.writeHead(status, { "content-type": isRaw ? "application/octet-stream" : "application/json" });
    response.end(isRaw ? body : JSON.stringify(body));
  };
  try {
    const result = await answer();
    if (Buffer.isBuffer(result)) return send(200, result);
    const count = Array.isArray(result) ? result.length : 1;
    const info = { page: 1, per_page: 100, count, total_count: count, total_pages: 1 };
    send(200, { success: true, errors: [], messages: [], result, result_info: info });
  } catch (cause) {
    const { status, code, message } =
      cause instanceof Refusal ? cause : new Refusal(500, 10_013, (cause as Error).message);
    send(status, { success: false, errors: [{ code, message }], messages: [], result: null });
  }
}
