/**
 * What an advertiser's profile says of its conversions: how many days after its click one is credited to it, and which
 * epoch of its postback secret is in force.
 *
 * Keeps: an advertiser that nobody configured has the defaults. What is changed is in force within a minute, for
 * conversions that arrive from then on; each logged conversion says which window it was judged by. When the database
 * does not answer, the last known windows stay in force, and the last known epochs for ten minutes; without any, the
 * fault is the caller's to answer.
 */
import { ATTRIBUTION_WINDOW_DAYS_DEFAULT, MINUTE_MS } from "../core/limits.ts";
import { logFault } from "../log.ts";
import { PLATFORM_TIMING, within } from "../timing.ts";

/** A revoked secret is believed for so long at most. */
export const CACHE_MS = MINUTE_MS;
const CACHED_MAX = 10_000;
const READ_TIMEOUT_MS = 5_000;
/** Epochs are believed so long after they were read when they cannot be read again. */
const EPOCH_STALE_MAX_MS = 10 * MINUTE_MS;
/** A signature that does not fit may be of an epoch that began since; it is looked up again no more often than this. */
const REREAD_MS = 2_000;

const SELECT_TERMS = `
SELECT advertiser_id, attribution_window_days, postback_epoch, postback_previous_until_ms
FROM advertiser_profiles
WHERE advertiser_id IN (SELECT value FROM json_each(?1))`;

/** Epochs of an advertiser's postback secret. */
export type PostbackEpochs = {
  readonly epoch: number;
  /** Until then the epoch before is in force too. */
  readonly previousUntilMs: number;
};

type TermsRow = {
  readonly advertiser_id: string;
  readonly attribution_window_days: number;
  readonly postback_epoch: number;
  readonly postback_previous_until_ms: number;
};
type Terms = { readonly days: number; readonly epochs: PostbackEpochs; readonly readAtMs: number };

export class AttributionWindows {
  readonly #database: D1Database;
  readonly #known = new Map<string, Terms>();

  constructor(database: D1Database) {
    this.#database = database;
  }

  /** Days by advertiser id, for each of the ids. */
  async of(advertiserIds: ReadonlySet<string>, nowMs: number): Promise<Map<string, number>> {
    const terms = await this.#termsOf(advertiserIds, nowMs);
    return new Map(Array.from(terms, ([id, { days }]) => [id, days]));
  }

  /** The epochs of an advertiser's secret. Rejects when they were not read for ten minutes. */
  async epochsOf(advertiserId: string, nowMs: number): Promise<PostbackEpochs> {
    const terms = (await this.#termsOf(new Set([advertiserId]), nowMs)).get(advertiserId);
    if (terms === undefined || nowMs - terms.readAtMs > EPOCH_STALE_MAX_MS) {
      throw new Error("the epoch of the postback secret was not read for too long");
    }
    return terms.epochs;
  }

  /** The epochs as they are now, where they were not read just before; null where they were. Rejects with the fault. */
  async newerEpochsOf(advertiserId: string, nowMs: number): Promise<PostbackEpochs | null> {
    const ageMs = nowMs - (this.#known.get(advertiserId)?.readAtMs ?? 0);
    return ageMs < REREAD_MS ? null : this.currentEpochsOf(advertiserId, nowMs);
  }

  /** The epochs as the database has them. Rejects with its fault; what was known of the advertiser then stays. */
  async currentEpochsOf(advertiserId: string, nowMs: number): Promise<PostbackEpochs> {
    const read = await this.#read([advertiserId], nowMs);
    return (read.get(advertiserId) ?? toTerms(undefined, nowMs)).epochs;
  }

  /** The terms of each of the ids. What is forgotten while others are read is none of this call's. */
  async #termsOf(advertiserIds: ReadonlySet<string>, nowMs: number): Promise<Map<string, Terms>> {
    const terms = new Map<string, Terms>();
    for (const id of advertiserIds) {
      const known = this.#known.get(id);
      if (known !== undefined) terms.set(id, known);
    }
    const stale = Array.from(advertiserIds).filter((id) => nowMs - (terms.get(id)?.readAtMs ?? 0) > CACHE_MS);
    if (stale.length === 0) return terms;
    try {
      for (const [id, read] of await this.#read(stale, nowMs)) terms.set(id, read);
    } catch (fault) {
      if (!stale.every((id) => terms.has(id))) throw fault;
      logFault("attribution_windows_not_read", fault);
    }
    return terms;
  }

  async #read(ids: readonly string[], nowMs: number): Promise<Map<string, Terms>> {
    const reading = this.#database.prepare(SELECT_TERMS).bind(JSON.stringify(ids)).all<TermsRow>();
    const { results } = await within(PLATFORM_TIMING, READ_TIMEOUT_MS, reading);
    const found = new Map(results.map((row) => [row.advertiser_id, row]));
    const read = new Map(ids.map((id) => [id, toTerms(found.get(id), nowMs)]));
    if (this.#known.size > CACHED_MAX) this.#known.clear();
    for (const [id, terms] of read) this.#known.set(id, terms);
    return read;
  }
}

function toTerms(row: TermsRow | undefined, readAtMs: number): Terms {
  return {
    days: row?.attribution_window_days ?? ATTRIBUTION_WINDOW_DAYS_DEFAULT,
    epochs: { epoch: row?.postback_epoch ?? 0, previousUntilMs: row?.postback_previous_until_ms ?? 0 },
    readAtMs,
  };
}
