/**
 * Who looks: the holder of a session's key, what it may see, and how they read.
 *
 *   advertiser   its own figures        publisher   its own traffic        operator   everything
 *   auditor      the books of all, each look on record     finance   a tenant's statements alone
 *
 * Keeps: says what `GET /v1/me` says of the key, and nothing else is known of it here.
 */
import { isAuditor, isOperator, type Principal } from "../access/api-keys.ts";
import type { Asked } from "../access/asked.ts";
import { formTokenOf, type Session, type SessionSecrets } from "../access/session.ts";
import type { Me } from "./answers.ts";
import type { ApiClient } from "./api-client.ts";
import { localeOf } from "./figures.ts";
import type { ViewerKind } from "./navigation.ts";

export type Viewer = {
  readonly kind: ViewerKind;
  /** Of the tenant; null for the operator. */
  readonly ownerId: string | null;
  readonly name: string;
  readonly principal: Principal;
  readonly currency: string | null;
  readonly zone: string;
  readonly locale: string;
  /** What forms of this session send back. */
  readonly formToken: string;
};

/** The viewer, or the problem of one whose key may look at nothing. */
export async function readViewer(
  { request }: Asked,
  api: ApiClient,
  { session, principal, secrets }: { session: Session; principal: Principal; secrets: SessionSecrets },
): Promise<Viewer | null> {
  const kind = kindOf(principal);
  if (kind === null) return null;
  const me = await api.get<Me>("/v1/me");
  const known = me.ok ? me.value : null;
  const ownerId = principal.advertiserId ?? principal.publisherId;
  return {
    kind,
    ownerId,
    name: kind === "operator" ? "Operator" : kind === "auditor" ? "Auditor" : (known?.owner.name ?? ownerId ?? ""),
    principal,
    currency: known?.currency ?? principal.account?.currency ?? null,
    zone: known?.timezone ?? principal.account?.timeZone ?? "UTC",
    locale: localeOf(request.headers.get("Accept-Language")),
    formToken: formTokenOf(session, secrets),
  };
}

function kindOf(principal: Principal): ViewerKind | null {
  const { advertiserId, publisherId, scopes } = principal;
  if (advertiserId !== null || publisherId !== null) {
    if (scopes.has("report")) return advertiserId !== null ? "advertiser" : "publisher";
    return scopes.has("bill") ? "finance" : null;
  }
  if (isAuditor(principal)) return "auditor";
  return isOperator(principal) ? "operator" : null;
}
