/**
 * The platform's API, as deployment and the doctor ask it. What wrangler does well is left to wrangler (wrangler.ts).
 *
 * Keeps: no token or secret is in an error. A call that may be repeated is, when the platform is busy or fails: reading,
 * and replacing a whole thing. Sources: https://developers.cloudflare.com/api
 */
import { setTimeout as sleep } from "node:timers/promises";

const BASE = "https://api.cloudflare.com/client/v4";
const TRIES = 4;
const TRY_MAX_MS = 30_000;
const PAGE = 100;
const PAGES_MAX = 100;

/** Which permission of a token a path needs, as the dashboard names it. */
const PERMISSIONS = [
  ["/d1/", "Account › D1 › Edit"],
  ["/r2/", "Account › Workers R2 Storage › Edit"],
  ["/queues", "Account › Queues › Edit"],
  ["/subscriptions", "Account › Billing › Read"],
  ["/work", "Account › Workers Scripts › Edit"],
] as const;

/** The platform refused or failed; the message says what to do where that is known. */
export class PlatformError extends Error {
  override readonly name = "PlatformError";
  readonly status: number;
  readonly code: number | null;

  constructor(message: string, about: { status: number; code: number | null }) {
    super(message);
    this.status = about.status;
    this.code = about.code;
  }
}

type Envelope = {
  readonly success?: boolean;
  readonly result?: unknown;
  readonly errors?: readonly { readonly code: number; readonly message: string }[];
};

export type PlatformApi = {
  readonly accountId: string;
  /** The same, for buckets of a jurisdiction: those of another are not there for it. */
  within(jurisdiction: string | null): PlatformApi;
  /** A path below the account. */
  get<T>(path: string): Promise<T>;
  /** The same, or null where it is not there. */
  find<T>(path: string): Promise<T | null>;
  /** All pages of a list. */
  all<T>(path: string): Promise<T[]>;
  /** The bytes of an object, or null. */
  bytes(path: string): Promise<Buffer | null>;
  post<T>(path: string, body: unknown): Promise<T>;
  put<T>(path: string, body: unknown): Promise<T>;
  patch<T>(path: string, body: unknown): Promise<T>;
};

export type Access = { readonly token: string; readonly accountId: string; readonly base: string };

export function platformApi(access: Access, pause = sleep): PlatformApi {
  return apiWithin(access, pause, null);
}

function apiWithin(access: Access, pause: typeof sleep, jurisdiction: string | null): PlatformApi {
  const { token, accountId, base } = access;
  const place = jurisdiction === null ? {} : { "cf-r2-jurisdiction": jurisdiction };
  const ask = async (method: string, path: string, body?: unknown): Promise<Response> => {
    const isRepeatable = method === "GET" || method === "PUT";
    for (let tried = 1; ; tried++) {
      const response = await fetch(`${base}/accounts/${accountId}${path}`, {
        method,
        headers: { Authorization: `Bearer ${token}`, "Content-Type": "application/json", ...place },
        signal: AbortSignal.timeout(TRY_MAX_MS),
        ...(body === undefined ? {} : { body: JSON.stringify(body) }),
      }).catch((cause: Error) => {
        if (isRepeatable && tried < TRIES) return null;
        throw new PlatformError(`${method} ${path}: the platform's API cannot be reached (${reasonOf(cause)})`, {
          ...{ status: 0, code: null },
        });
      });
      const isBusy = response === null || response.status === 429 || response.status >= 500;
      if (response !== null && !(isBusy && isRepeatable && tried < TRIES)) return response;
      await pause(250 * 4 ** (tried - 1));
    }
  };
  const result = async <T>(method: string, path: string, body?: unknown): Promise<T> => {
    const response = await ask(method, path, body);
    const text = await response.text();
    const envelope = readEnvelope(text);
    if (!response.ok || envelope?.success !== true) throw refusalOf(method, path, response.status, envelope);
    return envelope.result as T;
  };
  return {
    accountId,
    within: (of) => apiWithin(access, pause, of),
    get: (path) => result("GET", path),
    find: (path) => result<never>("GET", path).catch(nullWhenMissing),
    all: async <T>(path: string) => {
      const found: T[] = [];
      for (let page = 1; page <= PAGES_MAX; page++) {
        const more = await result<T[]>("GET", `${path}${path.includes("?") ? "&" : "?"}page=${page}&per_page=${PAGE}`);
        found.push(...more);
        if (more.length < PAGE) break;
      }
      return found;
    },
    bytes: async (path) => {
      const response = await ask("GET", path);
      if (response.ok) return Buffer.from(await response.arrayBuffer());
      return nullWhenMissing(refusalOf("GET", path, response.status, readEnvelope(await response.text())));
    },
    post: (path, body) => result("POST", path, body),
    put: (path, body) => result("PUT", path, body),
    patch: (path, body) => result("PATCH", path, body),
  };
}

/** Whose account it is: of the environment, or the only one of the token. */
export async function findAccess(env: NodeJS.ProcessEnv, token: string): Promise<Access> {
  const base = env["CLOUDFLARE_API_BASE_URL"] ?? BASE;
  const given = env["CLOUDFLARE_ACCOUNT_ID"];
  if (given !== undefined && given !== "") return { token, accountId: given, base };
  const response = await fetch(`${base}/accounts?per_page=50`, { headers: { Authorization: `Bearer ${token}` } });
  const envelope = readEnvelope(await response.text());
  if (!response.ok || envelope?.success !== true) throw refusalOf("GET", "/accounts", response.status, envelope);
  const accounts = envelope.result as readonly { id: string; name: string }[];
  const [only, ...others] = accounts;
  if (only !== undefined && others.length === 0) return { token, accountId: only.id, base };
  const list = accounts.map(({ id, name }) => `  ${id}  ${name}`).join("\n");
  throw new PlatformError(`set CLOUDFLARE_ACCOUNT_ID to one of the token's ${accounts.length} accounts\n${list}`, {
    ...{ status: 200, code: null },
  });
}

function readEnvelope(text: string): Envelope | null {
  try {
    return JSON.parse(text) as Envelope;
  } catch (cause) {
    if (cause instanceof SyntaxError) return null;
    throw cause;
  }
}

function refusalOf(method: string, path: string, status: number, envelope: Envelope | null): PlatformError {
  const { code = null, message = `HTTP ${status}` } = envelope?.errors?.[0] ?? {};
  const permission = PERMISSIONS.find(([part]) => path.startsWith(part))?.[1];
  const isScope = status === 403 && permission !== undefined;
  const advice =
    status === 401
      ? "; the token is unknown or has ended: make another, and set CLOUDFLARE_API_TOKEN"
      : isScope
        ? `; the token lacks the permission “${permission}”: add it, and run the command again`
        : "";
  return new PlatformError(`${method} ${path}: ${message}${code === null ? "" : ` (${code})`}${advice}`, {
    status,
    code,
  });
}

function nullWhenMissing(refused: unknown): null {
  if (refused instanceof PlatformError && refused.status === 404 && refused.code !== 7003) return null;
  throw refused;
}

function reasonOf({ cause, message }: Error): string {
  return (cause as { code?: string } | undefined)?.code ?? message;
}
