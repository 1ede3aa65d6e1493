/**
 * What is known of a campaign or an ad beside its figures: its settings as the catalogue has them.
 *
 *   advertiser   /v1/catalog/…, from just before the id, one row        operator   /v1/admin/<campaigns or ads>/<id>
 *   publisher    has no catalogue: what it may know stands in its reports
 *
 * Keeps: an id of another tenant and one that does not exist are the same, null: the catalogue of a key has its own
 * alone.
 */
import type { ApiClient, Query } from "./api-client.ts";
import type { Viewer } from "./viewer.ts";

export type Settings = {
  readonly id: string;
  readonly name: string;
  readonly status: string;
  readonly advertiserId?: string;
  readonly campaignId?: string;
  readonly adGroupId?: string | null;
  readonly creativeId?: string;
  /** What the operator is told besides. */
  readonly cpcMicros?: number;
  readonly createdAt?: string | null;
  readonly updatedAt?: string | null;
};

type List = "campaigns" | "ads" | "ad-groups" | "creatives";
const MEMBERS: Readonly<Record<List, string>> = {
  campaigns: "campaigns",
  ads: "ads",
  "ad-groups": "adGroups",
  creatives: "creatives",
};

/** Ids in the order of the catalogue, which is that of bytes. */
const LEAST = "-";
const GREATEST = "z";
const ID_LENGTH_MAX = 64;
const PAGE_MAX = 1_000;
/** An ad is sought among as many of its advertiser's, where nothing says its campaign. */
const PAGES_MAX = 5;

export async function readSettings(
  api: ApiClient,
  viewer: Pick<Viewer, "kind">,
  { list, id }: { list: "campaigns" | "ads"; id: string },
): Promise<Settings | null> {
  if (viewer.kind === "publisher") return null;
  if (viewer.kind === "operator") {
    const found = await api.get<Settings>(`/v1/admin/${list}/${encodeURIComponent(id)}`);
    return found.ok ? found.value : null;
  }
  return list === "campaigns" ? readNamed(api, { list, id }) : findAd(api, id);
}

/** A row of the catalogue by its id; below a campaign, by both. */
export async function readNamed(
  api: ApiClient,
  { list, id, campaignId }: { list: List; id: string; campaignId?: string | undefined },
): Promise<Settings | null> {
  const before = justBefore(id);
  const isBelow = list === "ads" || list === "ad-groups";
  if (isBelow && campaignId === undefined) return null;
  const query: Query = isBelow
    ? { campaign_id: campaignId ?? "", after: `${campaignId}/${before}`, limit: "1" }
    : { after: before, limit: "1" };
  const [first] = await readPage(api, list, query);
  return first?.id === id ? first : null;
}

async function findAd(api: ApiClient, id: string): Promise<Settings | null> {
  let after: string | null = null;
  for (let page = 0; page < PAGES_MAX; page++) {
    const query: Query = { limit: String(PAGE_MAX), ...(after === null ? {} : { after }) };
    const ads = await readPage(api, "ads", query);
    const found = ads.find((ad) => ad.id === id);
    if (found !== undefined) return found;
    const last = ads.at(-1);
    if (ads.length < PAGE_MAX || last === undefined) return null;
    after = `${last.campaignId}/${last.id}`;
  }
  return null;
}

async function readPage(api: ApiClient, list: List, query: Query): Promise<readonly Settings[]> {
  const page = await api.get<Record<string, Settings[]>>(`/v1/catalog/${list}`, query);
  return page.ok ? (page.value[MEMBERS[list]] ?? []) : [];
}

/** The greatest text below an id that may be one, so that a list which begins after it begins with the id. */
export function justBefore(id: string): string {
  const last = id.at(-1) ?? "";
  const rest = id.slice(0, -1);
  if (last === LEAST) return rest === "" ? LEAST : rest;
  const below = String.fromCharCode(last.charCodeAt(0) - 1).replace(/[^A-Za-z0-9_.-]/, BELOW_GAP[last] ?? LEAST);
  return (rest + below).padEnd(ID_LENGTH_MAX, GREATEST);
}

/** Characters of ids whose neighbour below is none, with the next one that is. */
const BELOW_GAP: Readonly<Record<string, string>> = { "0": ".", A: "9", _: "Z", a: "_" };
