/**
 * The statements of the resources, made of their columns. A row goes in as one JSON object, with the names of answers.
 *
 *   one     ?1 id
 *   list    ?1 after, ?2 limit                    listOf   ?1 after, ?2 limit, ?3 parent
 *   insert  ?1 row                                update   ?1 row, ?2 the version that it changes
 *
 * Keeps: an update of another version than the one that was read violates NOT NULL, which undoes its batch: neither the
 * change nor its audit entry stays. Every list runs along an index.
 */
export type ResourceSql = {
  readonly one: string;
  readonly list: string;
  readonly listOf?: string;
  readonly insert: string;
  readonly update: string;
};

const TIMES = ["created_at_ms", "updated_at_ms"];

/** What a resource's table is: `id` and `parent` never change, the others do. */
type Shape = { readonly id: string; readonly parent?: string; readonly changing: readonly string[] };

function statementsOf(table: string, { id, parent, changing }: Shape): ResourceSql {
  const columns = [...(parent === undefined ? [] : [parent]), ...changing, ...TIMES];
  const select = `
SELECT ${[`${id} AS id`, ...columns.map(asMember)].join(", ")}
FROM ${table}`;
  const page = `
ORDER BY ${id}
LIMIT ?2`;
  return {
    one: `${select}
WHERE ${id} = ?1`,
    list: `${select}
WHERE ${id} > ?1${page}`,
    ...(parent === undefined ? {} : { listOf: `${select}\nWHERE ${parent} = ?3 AND ${id} > ?1${page}` }),
    insert: `
INSERT INTO ${table} (${[id, ...columns].join(", ")})
VALUES (${["id", ...columns.map(memberOf)].map((member) => `?1 ->> '${member}'`).join(", ")})`,
    update: `
UPDATE ${table}
SET ${changing.map((column) => `${column} = ?1 ->> '${memberOf(column)}'`).join(", ")},
  updated_at_ms = CASE WHEN updated_at_ms = ?2 THEN ?1 ->> 'updatedAtMs' END
WHERE ${id} = ?1 ->> 'id'`,
  };
}

/** `cpc_micros` → `cpcMicros`, as answers write it. */
function memberOf(column: string): string {
  return column.replace(/_(.)/g, (_, letter: string) => letter.toUpperCase());
}

function asMember(column: string): string {
  const member = memberOf(column);
  return member === column ? column : `${column} AS ${member}`;
}

const NAMED = ["name", "status"];

export const ADVERTISER_SQL = statementsOf("advertiser_profiles", {
  id: "advertiser_id",
  changing: ["name", "currency", "time_zone", "attribution_window_days", "status"],
});
export const CAMPAIGN_SQL = statementsOf("campaigns", {
  ...{ id: "campaign_id", parent: "advertiser_id" },
  changing: NAMED,
});
export const AD_GROUP_SQL = statementsOf("ad_groups", {
  ...{ id: "ad_group_id", parent: "campaign_id" },
  changing: NAMED,
});
export const AD_SQL = statementsOf("ads", {
  ...{ id: "ad_id", parent: "campaign_id" },
  changing: ["ad_group_id", "creative_id", "name", "cpc_micros", "status"],
});
export const CREATIVE_SQL = statementsOf("creatives", {
  ...{ id: "creative_id", parent: "advertiser_id" },
  changing: NAMED,
});
export const PUBLISHER_SQL = statementsOf("publishers", { id: "publisher_id", changing: NAMED });

/** Of the advertisers in the JSON list ?1. */
export const SELECT_CURRENCIES = `
SELECT advertiser_id, currency
FROM advertiser_profiles
WHERE advertiser_id IN (SELECT value FROM json_each(?1))`;

export const SELECT_BILLED = `
SELECT advertiser_id AS advertiserId, currency, time_zone AS timeZone
FROM advertiser_profiles
WHERE currency IS NOT NULL`;

export const SELECT_PUBLISHER_IDS = `
SELECT publisher_id AS id
FROM publishers`;
