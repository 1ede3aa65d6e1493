/**
 * In which currency the money of an advertiser is: of a tenant its own, for the operator from the list of advertisers.
 *
 * Keeps: one request. What is not known is '': the money is then a number without a name. Nothing is converted.
 */
import type { ApiClient } from "./api-client.ts";
import type { Viewer } from "./viewer.ts";

const LISTED_MAX = "1000";
type Advertisers = { readonly advertisers: readonly { readonly id: string; readonly currency: string | null }[] };

export async function readCurrencies(viewer: Viewer, api: ApiClient): Promise<(advertiserId: string) => string> {
  if (viewer.kind !== "operator") return () => viewer.currency ?? "";
  const answer = await api.get<Advertisers>("/v1/admin/advertisers", { limit: LISTED_MAX });
  const known = new Map(answer.ok ? answer.value.advertisers.map(({ id, currency }) => [id, currency ?? ""]) : []);
  return (id) => known.get(id) ?? "";
}
