/**
 * The desk: where people decide what the machine may not. The review list of late clicks, and the dead letters. Loaded at
 * its first request.
 *
 * Keeps: authenticate, then authorise, then act; the same problems as reports. Reading the review list needs scope
 * report and sees the tenant's own rows; every act needs scope admin.
 */
import { type Context, Hono } from "hono";
import { authenticate, type Principal } from "../access/api-keys.ts";
import { readConfig } from "../config.ts";
import { err, ok, type Result } from "../core/result.ts";
import { logFault } from "../log.ts";
import { DatabaseFault, fromDatabase } from "../report/facts-reader.ts";
import { type ReportProblem, toProblemResponse } from "../report/problems.ts";
import { readScopeOf } from "../report/tenancy.ts";
import { listDeadLetters, replayDeadLetters, showDeadLetter } from "./dead-letters.ts";
import { bodyOf, decideLateClicks, listLateClicks } from "./late-clicks.ts";

/** What a handler finds in its context: the bindings of the Worker. */
export type DeskEnv = { Bindings: Env };
type OperationContext = Context<DeskEnv>;
type Act = (context: OperationContext, principal: Principal) => Promise<Result<Record<string, unknown>, ReportProblem>>;
type Operation = {
  readonly method: "GET" | "POST";
  readonly path: string;
  readonly needs: "report" | "admin";
  readonly act: Act;
};

const searchOf = (context: OperationContext) => new URL(context.req.url).searchParams;

const OPERATIONS: readonly Operation[] = [
  {
    method: "GET",
    path: "/v1/late-clicks",
    needs: "report",
    act: async (context, principal) => {
      const scope = readScopeOf(principal);
      return scope.ok ? listLateClicks(searchOf(context), context.env.REPORT_DB, scope.value) : scope;
    },
  },
  {
    method: "POST",
    path: "/v1/late-clicks",
    needs: "admin",
    act: async (context, { keyId }) => decideLateClicks(await bodyOf(context), context.env, keyId),
  },
  {
    method: "GET",
    path: "/v1/admin/dead-letters",
    needs: "admin",
    act: (context) => listDeadLetters(searchOf(context), context.env.ARCHIVE),
  },
  {
    method: "GET",
    path: "/v1/admin/dead-letters/show",
    needs: "admin",
    act: (context) => showDeadLetter(searchOf(context), context.env.ARCHIVE),
  },
  {
    method: "POST",
    path: "/v1/admin/dead-letters/replay",
    needs: "admin",
    act: async (context) => replayDeadLetters(await bodyOf(context), context.env),
  },
];

/** The desk's routes, each also under `/api`. */
export function deskApp(): Hono<DeskEnv> {
  const app = new Hono<DeskEnv>();
  for (const operation of OPERATIONS) {
    for (const prefix of ["", "/api"]) {
      app.on(operation.method, prefix + operation.path, (context) => answer(context, operation));
    }
  }
  app.notFound(() => toProblemResponse({ reason: "not_found" }));
  app.onError((error) => {
    const reason = error instanceof DatabaseFault ? "database_unavailable" : "internal_error";
    logFault("desk_failed", error, { reason });
    return toProblemResponse({ reason });
  });
  return app;
}

let app: ReturnType<typeof deskApp> | undefined;

/** Answers one request at the desk. The app lives as long as the isolate. */
export async function handleDesk(request: Request, env: Env, ctx: ExecutionContext): Promise<Response> {
  app ??= deskApp();
  return app.fetch(request, env, ctx);
}

async function answer(context: OperationContext, { needs, act }: Operation): Promise<Response> {
  const principal = await authorize(context, needs);
  if (!principal.ok) return toProblemResponse(principal.error);
  const result = await act(context, principal.value);
  if (!result.ok) return toProblemResponse(result.error);
  return Response.json(result.value, {
    headers: { "Cache-Control": "private, no-store", "X-Content-Type-Options": "nosniff" },
  });
}

async function authorize(
  { env, req }: OperationContext,
  needs: Operation["needs"],
): Promise<Result<Principal, ReportProblem>> {
  const { adminApiKey } = readConfig(env);
  const access = { database: env.REPORT_DB, adminApiKey };
  const principal = await fromDatabase(() => authenticate(req.header("Authorization") ?? null, access));
  if (principal === null) return err({ reason: "authentication_required" });
  if (principal.scopes.has("admin") || principal.scopes.has(needs)) return ok(principal);
  return err({ reason: "insufficient_scope", detail: `The key needs the scope ${needs}.` });
}
