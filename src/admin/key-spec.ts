/**
 * What a new API key may be: an owner, scopes that fit it, and limits on minting.
 *
 *   owner        scopes                              limits on minting
 *   advertiser   report, mint, convert, bill, hook   publishers, price, landing hosts
 *   publisher    report, mint, bill                  advertisers, price, landing hosts
 *   none         mint                                advertisers or publishers, or both; price, landing hosts
 *   none         admin, and any but audit            any
 *   none         audit                               none
 *   none         operate                             none: it reads metrics alone
 *
 * Keeps: a key without owner that is no admin's mints within a list. A publisher reports no conversions: it is paid by
 * them. Who checks for a third party takes no part: scope audit stands alone. Limits without scope mint are refused, so
 * that none is given in vain.
 */
import * as z from "zod";
import { SCOPES } from "../access/api-keys.ts";
import { isLandingHost } from "../core/key-ring.ts";
import { err, ok, type Result } from "../core/result.ts";
import type { ReportProblem } from "../report/problems.ts";
import { id, micros, name } from "./parse.ts";
import { ADVERTISERS, PUBLISHERS, readOne } from "./resources.ts";

const LISTED_MAX = 100;
const ids = z.array(id).min(1).max(LISTED_MAX);
const hosts = z
  .array(z.string().refine(isLandingHost, "A host in lower case, like shop.example or *.shop.example."))
  .min(1)
  .max(LISTED_MAX);
const scopes = z
  .array(z.enum(SCOPES))
  .min(1)
  // Stored in one order, so that the same scopes are the same text.
  .transform((given) => SCOPES.filter((scope) => given.includes(scope)));

export const keySchema = z.strictObject({
  label: name,
  advertiserId: id.nullable().default(null),
  publisherId: id.nullable().default(null),
  scopes,
  mint: z
    .strictObject({
      advertisers: ids.optional(),
      publishers: ids.optional(),
      cpcMicrosMax: micros.optional(),
      hosts: hosts.optional().describe("Hosts of landing URLs; `*.shop.example` is every host below that name."),
    })
    .optional(),
});
export type KeySpec = z.output<typeof keySchema>;

/** Whether the parts of a specification fit together, and its owner exists. */
export async function checkOwner(spec: KeySpec, database: D1Database): Promise<Result<null, ReportProblem>> {
  const { advertiserId, publisherId } = spec;
  const misfit = misfitOf(spec);
  if (misfit !== null) return err({ reason: "invalid_value", ...misfit });
  if (advertiserId !== null && (await readOne(database, ADVERTISERS.sql, advertiserId)) === null) {
    return err({ reason: "unknown_parent", field: "advertiserId" });
  }
  if (publisherId !== null && (await readOne(database, PUBLISHERS.sql, publisherId)) === null) {
    return err({ reason: "unknown_parent", field: "publisherId" });
  }
  return ok(null);
}

function misfitOf({
  advertiserId,
  publisherId,
  scopes,
  mint,
}: KeySpec): { readonly field: string; readonly detail: string } | null {
  const hasOwner = advertiserId !== null || publisherId !== null;
  if (advertiserId !== null && publisherId !== null) {
    return { field: "publisherId", detail: "A key belongs to an advertiser or to a publisher." };
  }
  const forOperators = (["admin", "operate"] as const).find((scope) => scopes.includes(scope));
  if (hasOwner && forOperators !== undefined) {
    return { field: "scopes", detail: `A key with an owner cannot have the scope ${forOperators}.` };
  }
  if (scopes.includes("audit") && (hasOwner || scopes.length > 1)) {
    return { field: "scopes", detail: "The scope audit stands alone, in a key without an owner." };
  }
  const forAdvertisers = (["convert", "hook"] as const).find((scope) => scopes.includes(scope));
  if (publisherId !== null && forAdvertisers !== undefined) {
    return { field: "scopes", detail: `A publisher's key cannot have the scope ${forAdvertisers}.` };
  }
  const isAdmin = scopes.includes("admin");
  const isAlone = ["mint", "audit", "operate"].includes(scopes.join());
  if (!hasOwner && !isAdmin && !isAlone) {
    return {
      field: "advertiserId",
      detail: "Without an owner a key has one of the scopes mint, audit and operate, or admin and others.",
    };
  }
  const hasList = mint?.advertisers !== undefined || mint?.publishers !== undefined;
  if (!hasOwner && !isAdmin && scopes.includes("mint") && !hasList) {
    return { field: "mint", detail: "A key without owner mints for listed advertisers or publishers." };
  }
  if (mint !== undefined && !scopes.includes("mint")) {
    return { field: "mint", detail: "Limits on minting need the scope mint." };
  }
  if (advertiserId !== null && mint?.advertisers !== undefined) {
    return { field: "mint.advertisers", detail: "The key mints for its own advertiser." };
  }
  if (publisherId !== null && mint?.publishers !== undefined) {
    return { field: "mint.publishers", detail: "The key mints for its own publisher." };
  }
  return null;
}
