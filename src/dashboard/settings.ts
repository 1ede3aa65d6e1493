/**
 * What is known of a campaign or an ad beside its figures: its settings as the catalogue has them.
 *
 *   advertiser   /v1/catalog/…, from just before the id, one row        operator   /v1/admin/<campaigns or ads>/<id>
 *   publisher    has no catalogue: what it may know stands in its reports
 *
 * Keeps: an id of another tenant and one that does not exist are the same, null: the catalogue of a key has its own
 * alone.
 */
import { isId } from "../core/claims.ts";
import type { Dimension } from "../report/query/fields.ts";
import { type ApiClient, type Query, readOne } from "./api-client.ts";
import type { View } from "./view.ts";
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
  readonly currency?: string | null;
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

/** Where the names of a dimension's ids are. */
const LISTS: Readonly<Partial<Record<Dimension, List | "advertisers" | "publishers">>> = {
  ...{ campaign_id: "campaigns", ad_id: "ads", ad_group_id: "ad-groups", creative_id: "creatives" },
  ...{ advertiser_id: "advertisers", publisher_id: "publishers" },
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
  if (viewer.kind === "operator") return readRecord(api, list, id);
  return list === "campaigns" ? readNamed(api, { list, id }) : findAd(api, id);
}

/** What ids are called, by dimension and id: an ad may have the id of a campaign. */
export type Names = ReadonlyMap<string, string>;
export const nameKey = (dimension: Dimension, id: string) => `${dimension} ${id}`;
/** So many ids of filters are looked up. */
const NAMED_MAX = 8;

/** The names of what a view is filtered by, where the viewer's catalogue has them. */
export async function readNames(api: ApiClient, viewer: Pick<Viewer, "kind">, view: View): Promise<Names> {
  const campaignId = onlyCampaignOf(view);
  const known = view.filters.filter(({ value }) => isId(value)).slice(0, NAMED_MAX);
  const named = await Promise.all(
    known.map(async ({ dimension, value: id }): Promise<[string, string][]> => {
      const list = LISTS[dimension];
      if (list === undefined || viewer.kind === "publisher") return [];
      const found = await (viewer.kind === "operator"
        ? readRecord(api, list, id)
        : readOwn(api, list, { id, campaignId }));
      return found === null ? [] : [[nameKey(dimension, id), found.name]];
    }),
  );
  return new Map(named.flat());
}

function onlyCampaignOf({ subject, filters }: View): string | undefined {
  const terms = [...(subject === null ? [] : [subject]), ...filters];
  const campaigns = terms.filter(({ dimension, isExcluded }) => dimension === "campaign_id" && !isExcluded);
  return campaigns.length === 1 ? campaigns[0]?.value : undefined;
}

async function readOwn(
  api: ApiClient,
  list: keyof typeof MEMBERS | "advertisers" | "publishers",
  { id, campaignId }: { id: string; campaignId: string | undefined },
): Promise<Pick<Settings, "name"> | null> {
  if (list === "advertisers" || list === "publishers") return null;
  const found = await readNamed(api, { list, id, campaignId });
  return found ?? (list === "ads" ? findAd(api, id, 1) : null);
}

async function readRecord(api: ApiClient, list: string, id: string): Promise<Settings | null> {
  const found = await readOne<Settings>(api, `/v1/admin/${list}`, id);
  return found?.ok === true ? found.value : null;
}

/** In which currency the price of an ad is; '' where that is not set. */
export async function readCurrencyOf(
  api: ApiClient,
  viewer: Pick<Viewer, "currency">,
  { advertiserId, campaignId }: Settings,
): Promise<string> {
  if (viewer.currency !== null) return viewer.currency;
  const ownerId = advertiserId ?? (await readRecord(api, "campaigns", campaignId ?? ""))?.advertiserId;
  return (await readRecord(api, "advertisers", ownerId ?? ""))?.currency ?? "";
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

async function findAd(api: ApiClient, id: string, pagesMax = PAGES_MAX): Promise<Settings | null> {
  let after: string | null = null;
  for (let page = 0; page < pagesMax; page++) {
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
