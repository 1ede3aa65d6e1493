/**
 * Postings into D1: one `batch()`, which is one transaction, that begins with the ledger row.
 *
 *   move the ledger → INSERT OR IGNORE advertisers → upsert minutes → rolled hours → rolled days → their sums
 *   → which days have changed → that figures moved (outbox) → late clicks
 *
 * Keeps: the contract of facts-store.ts. The ledger rejects a repeat before any delta is applied, and the transaction
 * takes everything back. Rows written: one for the ledger, one per facts row, for a day that is summed one per sum that
 * it adds to, in five minutes one for each ad and day that has changed, and in ten seconds at most one
 * event an advertiser.
 */
import { cellDimensionsOf, type Facts, type FactsRow, totalsOf, widenFacts } from "../core/facts.ts";
import type { LateClicks } from "../core/late-click.ts";
import { CELLS_PER_DELTA_MAX } from "../core/limits.ts";
import { advertiserBucketOf } from "../core/routing.ts";
import { Sketch } from "../core/sketch.ts";
import { NAME_CHANGED, tick } from "./changed-days-sql.ts";
import { UPSERT_SUMS } from "./day-sums-sql.ts";
import type { Tier } from "./facts-schema.ts";
import {
  MOVE_LEDGER,
  REGISTER_ADVERTISERS,
  SELECT_LEDGER,
  TIER_MINUTES,
  UPSERT_FACTS,
  UPSERT_LATE_CLICKS,
} from "./facts-sql.ts";
import type { FactsStore, LedgerRow, Posting } from "./facts-store.ts";
import { tellMoved } from "./outbox-sql.ts";
import { stretchesOf } from "./touched.ts";

const TIERS = ["minute", "hour", "day"] as const satisfies readonly Tier[];

export class D1Facts implements FactsStore {
  readonly #database: D1Database;
  readonly #clock: () => number;

  constructor(database: D1Database, clock: () => number) {
    this.#database = database;
    this.#clock = clock;
  }

  async post({ source, shard, from, to, facts, lates }: Posting): Promise<void> {
    const nowMs = this.#clock();
    const before = from === null ? [0, null, null, null] : [1, from.seq, from.chain, from.part];
    const move = [
      source,
      to.seq,
      to.chain,
      to.loggedAtMs,
      to.part,
      nowMs,
      ...before,
      JSON.stringify(stretchesOf(facts)),
    ];
    const statements = [this.#database.prepare(MOVE_LEDGER).bind(...move)];
    if (facts.size > 0) {
      statements.push(this.#database.prepare(REGISTER_ADVERTISERS).bind(encodeAdvertisers(facts), nowMs));
      for (const tier of TIERS) {
        const deltas = encodeDeltas(tier === "minute" ? facts : widenFacts(facts, TIER_MINUTES[tier]));
        statements.push(this.#database.prepare(UPSERT_FACTS[tier]).bind(deltas));
        const posting = [source, to.seq, to.part].join(":");
        if (tier === "day") statements.push(...this.#ofDays(deltas, { posting, nowMs }));
      }
    }
    if (lates.size > 0) statements.push(this.#database.prepare(UPSERT_LATE_CLICKS).bind(encodeLates(lates, shard)));
    await this.#database.batch(statements);
  }

  #ofDays(deltas: string, { posting, nowMs }: { posting: string; nowMs: number }): D1PreparedStatement[] {
    return [
      this.#database.prepare(UPSERT_SUMS).bind(deltas),
      tick(this.#database, nowMs),
      this.#database.prepare(NAME_CHANGED).bind(deltas),
      tellMoved(this.#database, deltas, { posting, nowMs }),
    ];
  }

  async ledger(shard: string): Promise<ReadonlyMap<string, LedgerRow>> {
    const { results } = await this.#database.prepare(SELECT_LEDGER).bind(shard).all<StoredLedgerRow>();
    return new Map(
      results.map(({ source, seq, chain, logged_at_ms, part }) => [
        source,
        { seq, chain, loggedAtMs: logged_at_ms, part },
      ]),
    );
  }
}

type StoredLedgerRow = { source: string; seq: number; chain: string; logged_at_ms: number; part: string };

function encodeAdvertisers(facts: Facts): string {
  const ids = new Set(Array.from(facts.values(), (row) => row.advertiserId));
  return JSON.stringify(Array.from(ids, (id) => [id, advertiserBucketOf(id)]));
}

function encodeLates(lates: LateClicks, shard: string): string {
  const rows = Array.from(lates.values(), (late) => [
    late.advertiserId,
    late.eventId,
    late.campaignId,
    late.adId,
    late.publisherId,
    shard,
    late.clicks,
    late.cpcMicros,
    late.occurredAtMs,
    late.receivedAtMs,
    late.verdict,
    late.reason,
    late.review?.by ?? null,
    late.review?.atMs ?? null,
  ]);
  return JSON.stringify(rows);
}

/** The JSON that the upserts read (facts-sql.ts). */
export function encodeDeltas(facts: Facts): string {
  return JSON.stringify(Array.from(facts.values()).flatMap(encodeRow));
}

/** One row, or several by ordinal where its cells are more than one row may gain at once. */
function encodeRow(row: FactsRow): unknown[] {
  const cells = Array.from(row.cells);
  const rows: unknown[] = [];
  for (let at = 0; at === 0 || at < cells.length; at += CELLS_PER_DELTA_MAX) {
    const page = cells.slice(at, at + CELLS_PER_DELTA_MAX);
    rows.push([
      row.advertiserId,
      advertiserBucketOf(row.advertiserId),
      row.window,
      row.campaignId,
      row.adGroupId,
      row.adId,
      rows.length,
      page.map(([key, counts]) => [cellDimensionsOf(key), counts]),
      at === 0 ? Object.fromEntries(row.reasons) : {},
      at === 0 ? encodeUsers(row) : null,
      ...totalsOf({ cells: new Map(page) }),
    ]);
  }
  return rows;
}

/** The stored sketch of a row's users, at most 4 096 characters; null when there are none. */
function encodeUsers({ users, sketches }: FactsRow): string | null {
  if (sketches === undefined) return users.size === 0 ? null : Sketch.of(users).encode();
  const sketch = Sketch.decode(sketches);
  for (const user of users) sketch.add(user);
  return sketch.encode();
}
