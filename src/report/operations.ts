/**
 * Routes beside the reports: the review list of late clicks, and the operator's desk for dead letters.
 *
 * Keeps: authenticate, then authorise, then act; the same problems as reports. Reading the review list needs scope
 * report and sees the tenant's own rows; every act needs scope admin.
 */
import type { Context, Hono } from "hono";
import { authenticate, type Principal } from "../access/api-keys.ts";
import { readConfig } from "../config.ts";
import { err, ok, type Result } from "../core/result.ts";
import { listDeadLetters, replayDeadLetters, showDeadLetter } from "./dead-letters.ts";
import { fromDatabase } from "./facts-store.ts";
import { bodyOf, decideLateClicks, listLateClicks } from "./late-clicks.ts";
import { type ReportProblem, toProblemResponse } from "./problems.ts";
import type { ReportEnv } from "./report-env.ts";
import { readScopeOf } from "./tenancy.ts";

type OperationContext = Context<ReportEnv>;
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

/** Adds the routes, each also under `/api`. */
export function addOperations(app: Hono<ReportEnv>): void {
  for (const operation of OPERATIONS) {
    for (const prefix of ["", "/api"]) {
      app.on(operation.method, prefix + operation.path, (context) => answer(context, operation));
    }
  }
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
