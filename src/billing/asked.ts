/**
 * Whose statements or evidence a request asks for.
 *
 * Keeps: a key with an owner reads its own only; the operator names an advertiser or a publisher.
 */
import type * as z from "zod";
import type { Keyed } from "../access/asked.ts";
import type { Tenant } from "../access/looks.ts";
import { parseSearch } from "../admin/parse.ts";
import { err, ok, type Result } from "../core/result.ts";
import type { ReportProblem } from "../report/problems.ts";
import type { Owner } from "./owner.ts";
import { type advertiserQuery, type manifestQuery, ownerQuery, type tenantQuery } from "./schemas.ts";

type Searched = z.output<typeof manifestQuery> & z.output<typeof ownerQuery>;
type Taken = typeof advertiserQuery | typeof tenantQuery | typeof ownerQuery | typeof manifestQuery;

export type { Tenant };

/** Whose statements are asked for. */
export function tenantOf(
  { principal, search, whose }: Keyed,
  taken: Taken,
): Result<{ tenant: Tenant; search: Searched }, ReportProblem> {
  const parsed = parseSearch(search(), taken);
  if (!parsed.ok) return parsed;
  const given: Searched = parsed.value;
  const { advertiser_id: advertiserId, publisher_id: publisherId } = given;
  const own = { advertiser_id: principal.advertiserId, publisher_id: principal.publisherId };
  const isOwned = own.advertiser_id !== null || own.publisher_id !== null;
  for (const [field, asked] of [["advertiser_id", advertiserId] as const, ["publisher_id", publisherId] as const]) {
    if (!isOwned || asked === undefined || asked === own[field]) continue;
    return err({ reason: "invalid_value", field, detail: "This key reads the statements of its own tenant." });
  }
  const [ofAdvertiser, ofPublisher] = isOwned ? [own.advertiser_id, own.publisher_id] : [advertiserId, publisherId];
  if (ofAdvertiser && ofPublisher) {
    return err({ reason: "invalid_value", field: "publisher_id", detail: "Name an advertiser or a publisher." });
  }
  const tenant = ofAdvertiser ? { advertiserId: ofAdvertiser } : ofPublisher ? { publisherId: ofPublisher } : null;
  if (tenant !== null) {
    whose.note(tenant);
    return ok({ tenant, search: given });
  }
  return err({ reason: "missing_parameter", field: "advertiser_id" });
}

const NO_CURRENCY = "A publisher has statements for each currency that it earned: name one, like currency=EUR.";

/** Which chain of statements is asked for. */
export function ownerOf(asked: Keyed): Result<Owner, ReportProblem> {
  const found = tenantOf(asked, ownerQuery);
  if (!found.ok) return found;
  const { tenant, search } = found.value;
  const { currency } = search;
  if ("publisherId" in tenant) {
    return currency === undefined
      ? err({ reason: "missing_parameter", field: "currency", detail: NO_CURRENCY })
      : ok({ ...tenant, currency });
  }
  const detail = "An advertiser has statements in its own currency alone; leave it out.";
  return currency === undefined ? ok(tenant) : err({ reason: "invalid_value", field: "currency", detail });
}
