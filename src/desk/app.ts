/**
 * The desk: where people look into single events, and decide what the machine may not. What happened to a click, the
 * review list of late clicks, and the dead letters. Loaded at its first request.
 *
 * Keeps: authenticate, then the rate, then authorise, then act; the same problems as reports. Reading the review list
 * needs scope report and sees the advertiser's own rows; a publisher's key reads traffic, not this list. Every act
 * needs scope admin without an owner, and is in the audit log before it is done: what it does is in another store, so
 * the entry says what was asked for, and is there even when only a part was done.
 */
import { type Context, Hono } from "hono";
import { identify } from "../access/admit.ts";
import { isOperator, type Principal } from "../access/api-keys.ts";
import type { Actor } from "../access/audit.ts";
import { DatabaseFault } from "../access/database.ts";
import { readJsonBody } from "../body.ts";
import { readConfig } from "../config.ts";
import type { Refusal } from "../core/refusal.ts";
import { AssertionError, err, ok, type Result } from "../core/result.ts";
import { Directory } from "../facts/directory.ts";
import { logFault } from "../log.ts";
import { problemResponse } from "../problem.ts";
import { type ReportProblem, toProblemResponse } from "../report/problems.ts";
import { EXPLAIN, EXPLAIN_ROWS, LATE_CLICKS, passPrimaryRead, passRead } from "../report/read-pass.ts";
import { readScopeOf } from "../report/tenancy.ts";
import { topologyInForce } from "../shard/topology-keeper.ts";
import { listDeadLetters, replayDeadLetters, showDeadLetter } from "./dead-letters.ts";
import { type ExplainPorts, explainClick, explainToken } from "./explain.ts";
import { decideLateClicks, listLateClicks } from "./late-clicks.ts";
import { rebuildDatabase } from "./rebuild.ts";
import { ringOf } from "./ring.ts";

/** What a handler finds in its context: the bindings of the Worker. */
export type DeskEnv = { Bindings: Env };
type OperationContext = Context<DeskEnv>;
type Asked = { readonly principal: Principal; readonly actor: Actor; readonly body: Readonly<Record<string, unknown>> };
/** What an act answers: a body, a problem, or the answer to one who has asked for too much. */
type Acted = Result<Record<string, unknown>, ReportProblem | Refusal | Response>;
type Act = (context: OperationContext, asked: Asked) => Promise<Acted>;
type Operation = {
  readonly method: "GET" | "POST";
  readonly path: string;
  /** `events`: like report, and a publisher's key sees its own. */
  readonly needs: "report" | "events" | "admin";
  readonly act: Act;
};

/** Runs an explanation within the budget of the key's owner. */
async function explain(
  context: OperationContext,
  principal: Principal,
  work: (ports: ExplainPorts) => Promise<Result<Record<string, unknown>, ReportProblem | Refusal>>,
): Promise<Acted> {
  const { REPORT_DB: primary, READ_GATE: gates } = context.env;
  const passed = await passPrimaryRead(primary, { gates, principal }, EXPLAIN, async (_, pass) => {
    pass.charge(EXPLAIN_ROWS);
    return work(await portsOf(context));
  });
  return passed.ok ? passed.value : passed;
}

async function portsOf({ env }: OperationContext): Promise<ExplainPorts> {
  const config = readConfig(env);
  const [topology, ring] = await Promise.all([topologyInForce(env, config), ringOf(config)]);
  return { shards: env.EVENT_SHARD, archive: env.ARCHIVE, topology, ring, policy: config.token, nowMs: Date.now() };
}

/** 1 000 decisions or 100 keys of letters, twice over. */
const BODY_BYTES_MAX = 262_144;

const searchOf = (context: OperationContext) => new URL(context.req.url).searchParams;

const OPERATIONS: readonly Operation[] = [
  {
    method: "GET",
    path: "/v1/late-clicks",
    needs: "report",
    act: async (context, { principal }) => {
      const scope = readScopeOf(principal);
      if (!scope.ok) return scope;
      const { env } = context;
      const way = { gates: env.READ_GATE, principal, scope: scope.value };
      const passed = await passRead(new Directory(env), way, LATE_CLICKS, ({ directory }) =>
        listLateClicks(searchOf(context), directory, scope.value),
      );
      return passed.ok ? passed.value : passed;
    },
  },
  {
    method: "POST",
    path: "/v1/late-clicks",
    needs: "admin",
    act: async (context, { actor, body }) => {
      const { env } = context;
      const places = { directory: new Directory(env), primary: env.REPORT_DB, shards: env.EVENT_SHARD };
      return decideLateClicks(body, places, actor);
    },
  },
  {
    method: "GET",
    path: "/v1/clicks/:id",
    needs: "events",
    act: async (context, { principal }) =>
      explain(context, principal, (ports) => explainClick(context.req.param("id") ?? "", principal, ports)),
  },
  {
    method: "POST",
    path: "/v1/explain",
    needs: "events",
    act: async (context, { principal, body }) => {
      const { token } = body;
      if (typeof token !== "string") return err({ reason: "missing_parameter", parameter: "token" });
      return explain(context, principal, (ports) => explainToken(token, principal, ports));
    },
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
    act: (context, { actor, body }) => replayDeadLetters(body, context.env, actor),
  },
  {
    method: "POST",
    path: "/v1/admin/rebuild",
    needs: "admin",
    act: (context, { actor, body }) =>
      rebuildDatabase(body, context.env, { actor, newTo: readConfig(context.env).newAdvertisersTo }),
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
  for (const path of new Set(OPERATIONS.map((operation) => operation.path))) {
    const methods = OPERATIONS.filter((operation) => operation.path === path).map(({ method }) => method);
    const allow = methods.flatMap((method) => (method === "GET" ? ["GET", "HEAD"] : [method])).join(", ");
    for (const prefix of ["", "/api"]) {
      app.all(prefix + path, () => toProblemResponse({ reason: "method_not_allowed" }, { Allow: allow }));
    }
  }
  app.notFound(() => toProblemResponse({ reason: "not_found" }));
  app.onError((error) => {
    const isBug = error instanceof TypeError || error instanceof AssertionError;
    // What else is thrown here comes from a shard or from R2.
    const reason =
      error instanceof DatabaseFault ? "database_unavailable" : isBug ? "internal_error" : "store_unavailable";
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

async function answer(context: OperationContext, operation: Operation): Promise<Response> {
  const { needs, act } = operation;
  const { env, req } = context;
  const { adminApiKey } = readConfig(env);
  const identified = await identify(req.raw, env, adminApiKey);
  if (!identified.ok) return identified.error;
  const principal = identified.value;
  const allowed = authorize(principal, needs);
  if (!allowed.ok) return toProblemResponse(allowed.error);
  const body = operation.method === "POST" ? await readJsonBody(req.raw, BODY_BYTES_MAX) : ok({});
  if (!body.ok) return toProblemResponse(body.error);
  const actor = { keyId: principal.keyId, nowMs: Date.now() };
  const result = await act(context, { principal, actor, body: body.value });
  if (!result.ok) return result.error instanceof Response ? result.error : toDeskResponse(result.error);
  return Response.json(result.value, {
    headers: { "Cache-Control": "private, no-store", "X-Content-Type-Options": "nosniff" },
  });
}

function toDeskResponse(problem: ReportProblem | Refusal): Response {
  return "parameter" in problem ? toProblemResponse(problem) : problemResponse(problem);
}

function authorize(principal: Principal, needs: Operation["needs"]): Result<null, ReportProblem> {
  if (isOperator(principal)) return ok(null);
  const refuse = (detail: string) => err({ reason: "insufficient_scope", detail } as const);
  if (needs === "admin") return refuse("This takes a key of scope admin that belongs to no tenant.");
  if (!principal.scopes.has("report")) return refuse("This takes a key with the scope report.");
  if (needs === "events" || principal.publisherId === null) return ok(null);
  return refuse("A publisher's key reads its traffic and its single clicks; this list is read by the advertiser's.");
}
