/**
 * The currencies of advertisers' profiles, for whoever adds up money of several of them: they are fixed as soon as an
 * advertiser that has one has had an event.
 */
import { SELECT_BILLED, SELECT_CURRENCIES, SELECT_PUBLISHER_IDS } from "./resources-sql.ts";

/** By advertiser, of those that have a profile; null where it names none. */
export async function readCurrencies(primary: D1Database, ids: readonly string[]): Promise<Map<string, string | null>> {
  const { results } = await primary
    .prepare(SELECT_CURRENCIES)
    .bind(JSON.stringify(ids))
    .all<{ advertiser_id: string; currency: string | null }>();
  return new Map(results.map(({ advertiser_id: id, currency }) => [id, currency]));
}

export type BilledProfile = {
  readonly advertiserId: string;
  readonly currency: string;
  readonly timeZone: string;
};

/** Whom statements can be issued to: advertisers that have a currency, and all publishers. */
export async function readBilled(
  primary: D1Database,
): Promise<{ advertisers: readonly BilledProfile[]; publisherIds: readonly string[] }> {
  const advertisers = await primary.prepare(SELECT_BILLED).all<BilledProfile>();
  const publishers = await primary.prepare(SELECT_PUBLISHER_IDS).all<{ id: string }>();
  return { advertisers: advertisers.results, publisherIds: publishers.results.map(({ id }) => id) };
}
