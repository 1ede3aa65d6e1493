/**
 * Who may call a route: the holder of the request's key, or the answer to one who may not.
 *
 * Keeps: first who it is, then how often, then what for, so that an unknown caller learns nothing of the rest.
 */
import { err, ok, type Result } from "../core/result.ts";
import { problemResponse } from "../problem.ts";
import { authenticate, type Principal } from "./api-keys.ts";
import { refuseHaste } from "./rate-limit.ts";

export type Admission = {
  readonly adminApiKey: string;
  /** Whether this holder may call the route. */
  readonly isAllowed: (principal: Principal) => boolean;
  /** What the key lacks, as a sentence for the caller: the detail of the refusal. */
  readonly lacks: string;
};

/** The caller, or 401, 429 or 403. */
export async function admit(
  request: Request,
  env: Env,
  { adminApiKey, isAllowed, lacks }: Admission,
): Promise<Result<Principal, Response>> {
  const principal = await authenticate(request.headers.get("Authorization"), { database: env.REPORT_DB, adminApiKey });
  if (principal === null) {
    const problem = { reason: "authentication_required", status: 401, title: "A valid API key is required." };
    return err(problemResponse(problem, { "WWW-Authenticate": "Bearer" }));
  }
  const hasty = await refuseHaste(principal, env.API_RATE);
  if (hasty !== null) return err(hasty);
  if (isAllowed(principal)) return ok(principal);
  return err(problemResponse({ reason: "insufficient_scope", status: 403, title: lacks }));
}
