/**
 * What an auditor looks at, on record: a row of the audit log for each answer, before the answer is sent.
 *
 *   {"action":"look","subjectKind":"advertiser","subjectId":"adv_1",
 *    "after":{"request":"GET /v1/statements/3?advertiser_id=adv_1","status":200}}
 *
 *   subject   the tenant whose rows were asked for, or `tenants`, `all` where it is not one
 *
 * Keeps: no answer leaves without its row: where that cannot be written, the answer is 503 and tells nothing. What is
 * not there, or is refused once the route was reached, is on record as well. A row is bounded by the length of what is
 * asked; a request that is longer is refused before anything is read.
 */
import { logFault } from "../log.ts";
import { problemResponse } from "../problem.ts";
import { isAuditor, type Principal } from "./api-keys.ts";
import { type Actor, auditStatement } from "./audit.ts";
import { fromDatabase } from "./database.ts";

/** Characters of an auditor's path and query. */
export const LOOK_CHARS_MAX = 2_000;

export type Tenant = { readonly advertiserId: string } | { readonly publisherId: string };

/** Whose rows an answer is made of, as its handler learns it. */
export class Whose {
  readonly #tenants = new Map<string, { readonly subjectKind: string; readonly subjectId: string }>();

  /** The answer is about this tenant. */
  note(tenant: Tenant): void {
    const [subjectKind, subjectId] =
      "advertiserId" in tenant ? ["advertiser", tenant.advertiserId] : ["publisher", tenant.publisherId];
    this.#tenants.set(`${subjectKind} ${subjectId}`, { subjectKind, subjectId });
  }

  /** The one tenant, or all. */
  subject(): { readonly subjectKind: string; readonly subjectId: string } {
    const [first, second] = this.#tenants.values();
    return first === undefined || second !== undefined ? { subjectKind: "tenants", subjectId: "all" } : first;
  }
}

/** Why an auditor's request is not even looked at; null where it is. */
export function refuseLook({ url }: Pick<Request, "url">): Response | null {
  return askedIn(url).length > LOOK_CHARS_MAX ? problemResponse({ reason: "look_too_long" }) : null;
}

/** The answer, once it stands in the log that this key has looked. Of others' keys, the answer as it is. */
export async function recordLook(
  answer: Response,
  {
    principal,
    actor,
    request,
    whose,
    database,
  }: {
    readonly principal: Principal;
    readonly actor: Actor;
    readonly request: Pick<Request, "method" | "url">;
    readonly whose: Whose;
    readonly database: D1Database;
  },
): Promise<Response> {
  if (!isAuditor(principal)) return answer;
  const after = { request: `${request.method} ${askedIn(request.url)}`, status: answer.status };
  const entry = { action: "look", ...whose.subject(), before: null, after } as const;
  try {
    await fromDatabase(() => auditStatement(database, actor, entry).run());
    return answer;
  } catch (fault) {
    logFault("look_not_recorded", fault);
    await answer.body?.cancel();
    return problemResponse({ reason: "look_not_recorded" });
  }
}

function askedIn(url: string): string {
  const { pathname, search } = new URL(url);
  return pathname + search;
}
