/**
 * Attribution windows: how many days after its click a conversion is credited to it, by advertiser.
 *
 * Keeps: an advertiser that nobody configured has the default. A changed window is in force within a minute, for
 * conversions that arrive from then on; each logged conversion says which window it was judged by. When the database
 * does not answer, the last known windows stay in force; without any, the fault is the caller's to answer.
 */
import { ATTRIBUTION_WINDOW_DAYS_DEFAULT, MINUTE_MS } from "../core/limits.ts";
import { logFault } from "../log.ts";
import { PLATFORM_TIMING, within } from "../queue/timing.ts";

const CACHE_MS = MINUTE_MS;
const CACHED_MAX = 10_000;
const READ_TIMEOUT_MS = 5_000;

const SELECT_WINDOWS = `
SELECT advertiser_id, attribution_window_days
FROM advertiser_profiles
WHERE advertiser_id IN (SELECT value FROM json_each(?1))`;

export class AttributionWindows {
  readonly #database: D1Database;
  readonly #known = new Map<string, { readonly days: number; readonly readAtMs: number }>();

  constructor(database: D1Database) {
    this.#database = database;
  }

  /** Days by advertiser id, for each of the ids. */
  async of(advertiserIds: ReadonlySet<string>, nowMs: number): Promise<Map<string, number>> {
    if (this.#known.size > CACHED_MAX) this.#known.clear();
    const stale = Array.from(advertiserIds).filter((id) => nowMs - (this.#known.get(id)?.readAtMs ?? 0) > CACHE_MS);
    if (stale.length > 0) await this.#read(stale, nowMs);
    return new Map(
      Array.from(advertiserIds, (id) => [id, this.#known.get(id)?.days ?? ATTRIBUTION_WINDOW_DAYS_DEFAULT]),
    );
  }

  async #read(ids: readonly string[], nowMs: number): Promise<void> {
    try {
      const reading = this.#database
        .prepare(SELECT_WINDOWS)
        .bind(JSON.stringify(ids))
        .all<{ advertiser_id: string; attribution_window_days: number }>();
      const { results } = await within(PLATFORM_TIMING, READ_TIMEOUT_MS, reading);
      const found = new Map(results.map((row) => [row.advertiser_id, row.attribution_window_days]));
      for (const id of ids) {
        this.#known.set(id, { days: found.get(id) ?? ATTRIBUTION_WINDOW_DAYS_DEFAULT, readAtMs: nowMs });
      }
    } catch (fault) {
      if (!ids.every((id) => this.#known.has(id))) throw fault;
      logFault("attribution_windows_not_read", fault);
    }
  }
}
