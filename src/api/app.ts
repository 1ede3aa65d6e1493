/**
 * The front of the API: one Hono app over the table of routes (routes.ts), each loaded at its first request.
 *
 *   path ─▶ method ─▶ key ─▶ rate ─▶ scope ─▶ query ─▶ body ─▶ the route's handler ─▶ what it throws ─▶ a look's record
 *   404     405       401    429     403      400      413 415 400                    503 or 500, by name  503
 *
 * Keeps: one guard, so that no route can forget a step, and an unknown caller learns nothing of the rest; a parameter
 * that is given twice is refused before any handler could choose between the two; one bounded reader of bodies; one
 * place where a failure becomes an answer: a database and a store that do not answer are 503, what is wrong with our
 * own code is 500, and either is logged. A path stands also under `/api`, and with a slash more at its end. Loaded at
 * the first request that is no click, no pixel and no token.
 */
import { type Handler, Hono, type MiddlewareHandler } from "hono";
import { admit, admitHolder } from "../access/admit.ts";
import { isAuditor, type Principal } from "../access/api-keys.ts";
import type { ApiEnv, Keyed } from "../access/asked.ts";
import { DatabaseFault, isBug } from "../access/database.ts";
import { recordLook, refuseLook, Whose } from "../access/looks.ts";
import { AUDITORS_READ } from "../access/needs.ts";
import { readForm, readJson, readJsonBody } from "../body.ts";
import { readConfig } from "../config.ts";
import { logFault } from "../log.ts";
import { problemResponse } from "../problem.ts";
import type { Reason } from "../problems/catalog.ts";
import { pathOf } from "../track/router.ts";
import { type ApiPorts, apiRoutes, ELSEWHERE, PAGE_ROUTES, REPEATS, type Route } from "./routes.ts";

const CORS = { "Access-Control-Allow-Origin": "*" } as const;

/** The API; one app holds its own caches. Tests give ports of their own. */
export function apiApp(ports: ApiPorts = {}): Hono<ApiEnv> {
  /** Requests of our own pages, which come without a header, and whom they come from. */
  const known = new WeakMap<Request, Principal>();
  const app = new Hono<ApiEnv>({ getPath: ({ url }) => withoutSlash(pathOf(url)) });
  const routes: readonly Route[] = [...apiRoutes(ports), ...PAGE_ROUTES.map((route) => ({ ...route, ...REPEATS }))];
  const answer =
    (route: Route): Handler<ApiEnv> =>
    async (context) => {
      const { env, req } = context;
      const principal = context.get("principal");
      const nowMs = Date.now();
      const asked: Keyed = {
        request: req.raw,
        env,
        config: readConfig(env),
        nowMs,
        param: (name) => req.param(name) ?? "",
        search: () => new URL(req.url).searchParams,
        body: context.get("body"),
        context,
        principal,
        actor: { keyId: principal?.keyId ?? "", nowMs },
        whose: new Whose(),
        askAs: async (holder, request) => {
          known.set(request, holder);
          return app.fetch(request, env, context.executionCtx);
        },
      };
      const answered = await handle(route, asked);
      // Who asks what the own key is looks at nobody.
      return principal === undefined || route.needs === "any"
        ? answered
        : recordLook(answered, { ...asked, database: env.REPORT_DB });
    };
  for (const route of routes) app.on(route.method, route.path, guard(route, known), answer(route));
  for (const [path, ofPath] of Map.groupBy(routes, ({ path }) => path)) {
    const methods = ofPath.flatMap(({ method }) => (method === "GET" ? ["GET", "HEAD"] : [method]));
    const headers = { Allow: methods.join(", "), ...(ofPath.some(({ isOpen }) => isOpen) ? CORS : {}) };
    app.all(path, () => problemResponse({ reason: "method_not_allowed" }, headers));
  }
  const answerElsewhere = answer(ELSEWHERE);
  app.notFound(async (context) => {
    if (!isNavigation(context.req.raw)) return problemResponse({ reason: "not_found" });
    return (await answerElsewhere(context, async () => undefined)) ?? problemResponse({ reason: "not_found" });
  });
  app.onError((fault) => failed(fault, null));
  return app;
}

let app: ReturnType<typeof apiApp> | undefined;

/** Answers one request to the API. The app lives as long as the isolate. */
export async function handleApi(request: Request, env: Env, ctx: ExecutionContext): Promise<Response> {
  app ??= apiApp();
  return app.fetch(request, env, ctx);
}

async function handle(route: Route, asked: Keyed): Promise<Response> {
  try {
    return await (await route.load())(asked);
  } catch (fault) {
    return failed(fault, route);
  }
}

/** Who may not call a route, or sends more than it takes, gets no further. */
function guard(
  { needs, body, method, isOpen, mayRepeat }: Route,
  known: WeakMap<Request, Principal>,
): MiddlewareHandler<ApiEnv> {
  return async (context, next) => {
    const { env, req } = context;
    if (needs !== null) {
      const holder = known.get(req.raw);
      const admitted =
        holder === undefined
          ? await admit(req.raw, env, { adminApiKey: readConfig(env).adminApiKey, needs })
          : await admitHolder(holder, env, needs);
      if (!admitted.ok) return admitted.error;
      const refused = isAuditor(admitted.value) ? refuseAuditor(method, req.raw) : null;
      if (refused !== null) return refused;
      context.set("principal", admitted.value);
    }
    const repeated = isOpen || mayRepeat ? null : repeatedIn(new URL(req.url).searchParams);
    if (repeated !== null) return problemResponse({ reason: "repeated_parameter", field: repeated.slice(0, 64) });
    if (body !== undefined) {
      const read = await readAs(req.raw, body);
      if (!read.ok) return problemResponse(read.error);
      context.set("body", read.value);
    }
    return next();
  };
}

/** The first parameter that is given again. */
function repeatedIn(search: URLSearchParams): string | null {
  const seen = new Set<string>();
  for (const name of search.keys()) {
    if (seen.has(name)) return name;
    seen.add(name);
  }
  return null;
}

/** Of a route that an auditor's key opens: it may be read alone, and in words that can be recorded. */
function refuseAuditor(method: Route["method"], request: Request): Response | null {
  return method === "GET"
    ? refuseLook(request)
    : problemResponse({ reason: "insufficient_scope", detail: AUDITORS_READ });
}

/** A person's browser that opens an address; no program, and nothing of the API. */
function isNavigation({ method, headers, url }: Request): boolean {
  return method === "GET" && headers.get("Sec-Fetch-Dest") === "document" && !/^\/(?:api\/)?v1\//.test(pathOf(url));
}

async function readAs(request: Request, { bytesMax, isAnyJson, isForm, ...options }: NonNullable<Route["body"]>) {
  if (isForm === true) return readForm(request, bytesMax);
  return isAnyJson === true ? readJson(request, bytesMax) : readJsonBody(request, bytesMax, options);
}

/** What became of a request whose handler threw. */
function failed(fault: unknown, route: Route | null): Response {
  const reason = route?.whenFailed ?? reasonOf(fault);
  logFault("request_failed", fault, { reason, route: route === null ? "none" : `${route.method} ${route.path}` });
  return problemResponse({ reason });
}

/** What else is thrown than by the database and by mistakes of ours comes from a shard or from R2. */
function reasonOf(fault: unknown): Reason {
  if (fault instanceof DatabaseFault) return "database_unavailable";
  return isBug(fault) ? "internal_error" : "store_unavailable";
}

function withoutSlash(path: string): string {
  return path.length > 1 && path.endsWith("/") ? path.slice(0, -1) : path;
}
