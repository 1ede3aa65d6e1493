/**
 * The names behind the ids of an answer, from the primary database, for a query that asks for them.
 *
 *   names=true      {"campaignId":"cmp_7","campaignName":"Spring","clicks":3} CSV: campaign_id,campaign_name,clicks
 *
 * Keeps: a dimension that has names has one more field behind it, whatever was found, so the fields follow from the
 * query alone; what has no name is null. An advertiser's key learns the names of its own objects alone, though a token
 * of its may carry any id; those of publishers it learns for ids in its own rows. A publisher's key learns the name of
 * its advertisers and its own: what they call their campaigns is theirs.
 */

import { fromDatabase } from "../../access/database.ts";
import { type ReadScope, TenantSql } from "../../access/read-scope.ts";
import type { Dimension, NamedDimension } from "./fields.ts";
import type { ReportQuery } from "./query.ts";

/** ?1 the advertiser whose names they must be, or NULL for any, ?2 ids as a JSON list. */
const SELECT_NAMES = {
  advertiser_id: new TenantSql({
    advertiser: `
SELECT advertiser_id AS id, name
FROM advertiser_profiles
WHERE advertiser_id IN (SELECT value FROM json_each(?2)) AND +advertiser_id = ?1`,
    several: `
SELECT advertiser_id AS id, name
FROM advertiser_profiles
WHERE advertiser_id IN (SELECT value FROM json_each(?2))`,
  }),
  campaign_id: new TenantSql(`
SELECT campaign_id AS id, name
FROM campaigns
WHERE campaign_id IN (SELECT value FROM json_each(?2)) AND (?1 IS NULL OR +advertiser_id = ?1)`),
  ad_group_id: new TenantSql(`
SELECT ad_groups.ad_group_id AS id, ad_groups.name
FROM ad_groups
JOIN campaigns USING (campaign_id)
WHERE ad_groups.ad_group_id IN (SELECT value FROM json_each(?2)) AND (?1 IS NULL OR +campaigns.advertiser_id = ?1)`),
  ad_id: new TenantSql(`
SELECT ads.ad_id AS id, ads.name
FROM ads
JOIN campaigns USING (campaign_id)
WHERE ads.ad_id IN (SELECT value FROM json_each(?2)) AND (?1 IS NULL OR +campaigns.advertiser_id = ?1)`),
  creative_id: new TenantSql(`
SELECT creative_id AS id, name
FROM creatives
WHERE creative_id IN (SELECT value FROM json_each(?2)) AND (?1 IS NULL OR +advertiser_id = ?1)`),
  publisher_id: new TenantSql({
    everybody: `
SELECT publisher_id AS id, name
FROM publishers
WHERE publisher_id IN (SELECT value FROM json_each(?2))`,
  }),
} as const satisfies Partial<Record<Dimension, TenantSql>>;
type Named = keyof typeof SELECT_NAMES;

/** Dimension → id → name. */
export type Names = ReadonlyMap<Dimension, ReadonlyMap<string, string>>;

export const NO_NAMES: Names = new Map();

function isNamed(dimension: Dimension): dimension is Named {
  return Object.hasOwn(SELECT_NAMES, dimension);
}

/** The name of the field that holds the names of a dimension: `campaign_name`. */
export function nameField(dimension: string): string {
  return dimension.replace(/_id$/, "_name");
}

/** The names of the ids in some rows, one statement for each dimension. Throws DatabaseFault. */
export async function readNames(
  primary: D1Database,
  { query, scope, keys }: { query: ReportQuery; scope: ReadScope; keys: Iterable<readonly string[]> },
): Promise<Names> {
  if (!query.wantsNames) return NO_NAMES;
  const ids = query.dimensions.map(() => new Set<string>());
  for (const key of keys) for (const [at, id] of key.entries()) ids[at]?.add(id);
  const asked = query.dimensions.flatMap(({ dimension }, at) =>
    isNamed(dimension) && isVisible(dimension, scope) ? [{ dimension, ids: ids[at] ?? new Set() }] : [],
  );
  if (asked.length === 0) return NO_NAMES;
  const statements = asked.map(({ dimension, ids: some }) =>
    SELECT_NAMES[dimension].in(primary, scope, JSON.stringify([...some])),
  );
  const answers = await fromDatabase(() => primary.batch<{ id: string; name: string }>(statements));
  return new Map(
    asked.map(({ dimension }, at) => [
      dimension,
      new Map((answers[at]?.results ?? []).map(({ id, name }) => [id, name] as const)),
    ]),
  );
}

function isVisible(dimension: Named, { publisherId }: ReadScope): boolean {
  return publisherId === null || dimension === "advertiser_id" || dimension === "publisher_id";
}

/** The fields of the dimensions, each with that of its names where they are asked. */
export function keyFields({ dimensions, wantsNames }: Pick<ReportQuery, "dimensions" | "wantsNames">): string[] {
  return dimensions.flatMap(({ dimension, name }: NamedDimension) =>
    wantsNames && isNamed(dimension) ? [name, nameField(name)] : [name],
  );
}

/** Spells the values of the dimensions for `keyFields`. */
export function keyValues(
  { dimensions, wantsNames }: Pick<ReportQuery, "dimensions" | "wantsNames">,
  names: Names,
): (key: readonly string[]) => (string | null)[] {
  return (key) =>
    dimensions.flatMap(({ dimension }, at) => {
      const id = key[at] ?? "";
      return wantsNames && isNamed(dimension) ? [id, names.get(dimension)?.get(id) ?? null] : [id];
    });
}
