/**
 * The administration: tenants, keys and the audit log for the operator, and the catalogue of names for tenants. Loaded
 * at its first request.
 *
 * Keeps: authenticate, then the rate, then authorise, then parse, then act; the same problems as reports. `/v1/admin`
 * needs scope admin without an owner. The catalogue needs scope report and shows a tenant its own; a publisher's key
 * reads traffic, not catalogues. Answers are never cached: one of them holds a secret.
 */
import { type Context, Hono } from "hono";
import { identify } from "../access/admit.ts";
import { isOperator, type Principal } from "../access/api-keys.ts";
import type { Actor } from "../access/audit.ts";
import { DatabaseFault } from "../access/database.ts";
import { readJsonBody } from "../body.ts";
import { readConfig } from "../config.ts";
import { BODY_BYTES_MAX } from "../core/limits.ts";
import { err, ok, type Result } from "../core/result.ts";
import { logFault } from "../log.ts";
import { type ReportProblem, toProblemResponse } from "../report/problems.ts";
import { CATALOG, passPrimaryRead } from "../report/read-pass.ts";
import { readScopeOf } from "../report/tenancy.ts";
import { listAuditLog } from "./audit-log.ts";
import { type CatalogScope, listAds, listCampaigns } from "./catalog.ts";
import { createKey, listKeys, revokeKey, rotateKey, showKey } from "./keys.ts";
import { endPostbackSecret } from "./postback-secret.ts";
import { type Answer, createRecord, listRecords, patchRecord, showRecord } from "./records.ts";
import { RESOURCES, type Resource } from "./resources.ts";

type AdminEnv = { Bindings: Env };
type AdminContext = Context<AdminEnv>;

/** What an act finds: the request, and who asks. */
type Asked = {
  readonly database: D1Database;
  readonly actor: Actor;
  readonly scope: CatalogScope;
  readonly search: URLSearchParams;
  readonly id: string;
  readonly body: object;
};
type Route = {
  readonly method: "GET" | "POST" | "PATCH" | "DELETE";
  readonly path: string;
  readonly needs: "admin" | "report";
  readonly act: (asked: Asked) => Promise<Answer>;
};

const ONE_KEY = "/v1/admin/keys/:id";

const ROUTES: readonly Route[] = [
  ...RESOURCES.flatMap(routesOf),
  { method: "POST", path: "/v1/admin/keys", needs: "admin", act: (asked) => createKey(asked.body, asked) },
  {
    method: "GET",
    path: "/v1/admin/keys",
    needs: "admin",
    act: ({ search, database }) => listKeys(search, database),
  },
  { method: "GET", path: ONE_KEY, needs: "admin", act: ({ id, database }) => showKey(id, database) },
  { method: "DELETE", path: ONE_KEY, needs: "admin", act: (asked) => revokeKey(asked.id, asked.body, asked) },
  {
    method: "POST",
    path: `${ONE_KEY}/revoke`,
    needs: "admin",
    act: (asked) => revokeKey(asked.id, asked.body, asked),
  },
  {
    method: "POST",
    path: `${ONE_KEY}/rotate`,
    needs: "admin",
    act: (asked) => rotateKey(asked.id, asked.body, asked),
  },
  {
    method: "POST",
    path: "/v1/admin/advertisers/:id/postback-secret/revoke",
    needs: "admin",
    act: (asked) => endPostbackSecret(asked.id, asked.body, asked),
  },
  {
    method: "GET",
    path: "/v1/admin/audit-log",
    needs: "admin",
    act: ({ search, database }) => listAuditLog(search, database),
  },
  {
    method: "GET",
    path: "/v1/catalog/campaigns",
    needs: "report",
    act: ({ search, database, scope }) => listCampaigns(search, database, scope),
  },
  {
    method: "GET",
    path: "/v1/catalog/ads",
    needs: "report",
    act: ({ search, database, scope }) => listAds(search, database, scope),
  },
];

function routesOf(resource: Resource): Route[] {
  const { path } = resource;
  const onePath = `${path}/:id`;
  const needs = "admin";
  return [
    { method: "POST", path, needs, act: (asked) => createRecord(resource, asked.body, asked) },
    { method: "GET", path, needs, act: ({ search, database }) => listRecords(resource, search, database) },
    { method: "GET", path: onePath, needs, act: ({ id, database }) => showRecord(resource, id, database) },
    {
      method: "PATCH",
      path: onePath,
      needs,
      act: (asked) => patchRecord(resource, { ofId: asked.id, body: asked.body }, asked),
    },
  ];
}

/** The routes, each also under `/api`; a known path with another method is 405. */
export function adminApp(): Hono<AdminEnv> {
  const app = new Hono<AdminEnv>();
  for (const prefix of ["", "/api"]) {
    for (const route of ROUTES) {
      app.on(route.method, prefix + route.path, (context) => answer(context, route));
    }
    for (const path of new Set(ROUTES.map((route) => route.path))) {
      const allowed = ROUTES.filter((route) => route.path === path).map(({ method }) => method);
      app.all(prefix + path, () => refuseMethod(allowed));
    }
  }
  app.notFound(() => toProblemResponse({ reason: "not_found" }));
  app.onError((error) => {
    const reason = error instanceof DatabaseFault ? "database_unavailable" : "internal_error";
    logFault("admin_failed", error, { reason });
    return toProblemResponse({ reason });
  });
  return app;
}

let app: ReturnType<typeof adminApp> | undefined;

/** Answers one request to the administration. The app lives as long as the isolate. */
export async function handleAdmin(request: Request, env: Env, ctx: ExecutionContext): Promise<Response> {
  app ??= adminApp();
  return app.fetch(request, env, ctx);
}

async function answer(context: AdminContext, { needs, act }: Route): Promise<Response> {
  const { env, req } = context;
  const { adminApiKey } = readConfig(env);
  const identified = await identify(req.raw, env, adminApiKey);
  if (!identified.ok) return identified.error;
  const principal = identified.value;
  const scope = authorize(principal, needs);
  if (!scope.ok) return toProblemResponse(scope.error);
  const body = await readJsonBody(req.raw, BODY_BYTES_MAX, { whenEmpty: {} });
  if (!body.ok) return toProblemResponse(body.error);
  const asked = {
    actor: { keyId: principal.keyId, nowMs: Date.now() },
    scope: scope.value,
    search: new URL(req.url).searchParams,
    id: req.param("id") ?? "",
    body: body.value,
  };
  // The operator's own records are few, and are the way in when reports are busy.
  if (needs === "admin") return toResponse(await act({ ...asked, database: env.REPORT_DB }));
  const way = { gates: env.READ_GATE, principal };
  const passed = await passPrimaryRead(env.REPORT_DB, way, CATALOG, (database) => act({ ...asked, database }));
  return passed.ok ? toResponse(passed.value) : passed.error;
}

function toResponse(result: Answer): Response {
  if (!result.ok) return toProblemResponse(result.error);
  return Response.json(result.value.body, {
    status: result.value.status,
    headers: { "Cache-Control": "private, no-store", "X-Content-Type-Options": "nosniff" },
  });
}

function authorize(principal: Principal, needs: Route["needs"]): Result<CatalogScope, ReportProblem> {
  if (isOperator(principal)) return ok({ advertiserId: null });
  if (needs === "admin")
    return err({ reason: "insufficient_scope", detail: "This takes a key of scope admin that belongs to no tenant." });
  if (principal.publisherId !== null) {
    return err({
      reason: "insufficient_scope",
      detail: "A publisher's key reads traffic; the catalogue is read by the advertiser's.",
    });
  }
  return readScopeOf(principal);
}

function refuseMethod(allowed: readonly string[]): Response {
  const response = toProblemResponse({ reason: "method_not_allowed" });
  response.headers.set("Allow", allowed.join(", "));
  return response;
}
