/**
 * Who may call a route: the holder of the request's key, or the answer to one who may not.
 *
 *   identify   the holder, or 401, 429 or 503
 *   admit      the same, and 403 by what the route needs (needs.ts)
 *   admitHolder   of a session of the dashboard, whose key is known
 *
 * Keeps: first who it is, then how often, then what for, so that an unknown caller learns nothing of the rest. A
 * database that does not answer is 503 by name, never an unknown key: who has the right key is not told to look for
 * another.
 */
import { err, ok, type Result } from "../core/result.ts";
import { logFault } from "../log.ts";
import { problemResponse } from "../problem.ts";
import { authenticate, bearerOf, CONFIGURED_KEY_ID, hashApiKey, isKeyOf, type Principal } from "./api-keys.ts";
import { lacksFor, type Needs } from "./needs.ts";
import { refuseIfTooFast } from "./rate-limit.ts";
import { networkHashOf, WrongKeys } from "./wrong-keys.ts";

export type Admission = { readonly adminApiKey: string; readonly needs: Needs };

const wrongKeys = new WrongKeys();

/** The caller, or 401, 429 or 503. */
export function identify(request: Request, env: Env, adminApiKey: string): Promise<Result<Principal, Response>> {
  return identifyKey(request, request.headers.get("Authorization"), env, adminApiKey);
}

/** The same for a key that does not come in the request's header. */
export async function identifyKey(
  request: Request,
  header: string | null,
  env: Env,
  adminApiKey: string,
): Promise<Result<Principal, Response>> {
  const key = bearerOf(header);
  if (key === null) return err(unknownKey(header));
  const isOperators = isKeyOf(key, adminApiKey);
  const nowMs = Date.now();
  const hash = hashApiKey(key);
  const network = isOperators ? "" : networkHashOf(request, adminApiKey);
  const resting = isOperators ? null : wrongKeys.refuse(network, hash, nowMs);
  if (resting !== null) return err(resting);
  const found = await lookUp(header, env.REPORT_DB, adminApiKey);
  if (!found.ok) return found;
  const principal = found.value;
  if (principal === null) return err((await wrongKeys.count(network, env.WRONG_KEY_RATE, nowMs)) ?? unknownKey(header));
  if (principal.keyId !== CONFIGURED_KEY_ID) wrongKeys.accept(hash);
  const hasty = await refuseIfTooFast(principal, env.API_RATE);
  return hasty === null ? ok(principal) : err(hasty);
}

/** The caller, or 401, 403, 429 or 503. */
export async function admit(
  request: Request,
  env: Env,
  { adminApiKey, needs }: Admission,
): Promise<Result<Principal, Response>> {
  const identified = await identify(request, env, adminApiKey);
  return identified.ok ? allow(identified.value, needs) : identified;
}

/** The holder of a key that was looked up already, or 403 or 429. */
export async function admitHolder(principal: Principal, env: Env, needs: Needs): Promise<Result<Principal, Response>> {
  const hasty = await refuseIfTooFast(principal, env.API_RATE);
  return hasty === null ? allow(principal, needs) : err(hasty);
}

function allow(principal: Principal, needs: Needs): Result<Principal, Response> {
  const lacks = lacksFor(needs, principal);
  return lacks === null ? ok(principal) : err(problemResponse({ reason: "insufficient_scope", detail: lacks }));
}

async function lookUp(
  header: string | null,
  database: D1Database,
  adminApiKey: string,
): Promise<Result<Principal | null, Response>> {
  try {
    return ok(await authenticate(header, { database, adminApiKey }));
  } catch (fault) {
    logFault("key_not_read", fault);
    return err(problemResponse({ reason: "database_unavailable" }));
  }
}

function unknownKey(header: string | null): Response {
  const detail =
    header === null
      ? "Send the header Authorization: Bearer clk_…"
      : "The header Authorization must hold one key that is in force, whole and alone: Bearer clk_…";
  return problemResponse({ reason: "authentication_required", detail });
}
