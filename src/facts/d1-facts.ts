/**
 * Postings into D1: one `batch()`, which is one transaction, that begins with the ledger row.
 *
 *   move the ledger → take away what was shown → INSERT OR IGNORE advertisers → upsert minutes → rolled hours
 *   → sums of hours → rolled days → their sums → which days have changed → that figures moved (outbox) → late clicks
 *
 * Between postings what is next is shown (open-sql.ts): one row, whatever is in it, and told like a posting.
 *
 * Keeps: the contract of facts-store.ts. The ledger rejects a repeat before any delta is applied, and the transaction
 * takes everything back. Rows written: one for the ledger, one where something was shown, one per facts row, for a day
 * that is summed one per sum that it adds to and one per advertiser and dimension, in five minutes one for each ad and
 * day that has changed, and in ten seconds at most one event an advertiser.
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
import type { FactsStore, LedgerRow, Opened, OpenPosting, Posting } from "./facts-store.ts";
import { UPSERT_HOUR_SUMS } from "./hour-sums-sql.ts";
import { CLOSE_OPEN, DELETE_OPEN, OPEN_POSTING, SELECT_OPENED, SELECT_STANDING } from "./open-sql.ts";
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
    const move = [
      source,
      to.seq,
      to.chain,
      to.loggedAtMs,
      to.part,
      nowMs,
      ...boundRow(from),
      JSON.stringify(stretchesOf(facts)),
    ];
    const statements = [
      this.#database.prepare(MOVE_LEDGER).bind(...move),
      this.#database.prepare(DELETE_OPEN).bind(source),
    ];
    if (facts.size > 0) {
      statements.push(this.#database.prepare(REGISTER_ADVERTISERS).bind(encodeAdvertisers(facts), nowMs));
      for (const tier of TIERS) {
        const deltas = encodeDeltas(tier === "minute" ? facts : widenFacts(facts, TIER_MINUTES[tier]));
        statements.push(this.#database.prepare(UPSERT_FACTS[tier]).bind(deltas));
        if (tier === "hour") statements.push(this.#database.prepare(UPSERT_HOUR_SUMS).bind(deltas));
        const posting = [source, to.seq, to.part].join(":");
        if (tier === "day") statements.push(...this.#ofDays(deltas, { posting, nowMs }));
      }
    }
    if (lates.size > 0) statements.push(this.#database.prepare(UPSERT_LATE_CLICKS).bind(encodeLates(lates, shard)));
    await this.#database.batch(statements);
  }

  async open({ source, from, to, facts }: OpenPosting): Promise<void> {
    const nowMs = this.#clock();
    const minutes = Array.from(facts.values(), ({ window }) => window);
    const advertisers = encodeAdvertisers(facts);
    const shown = [source, to.seq, to.chain, nowMs, ...boundRow(from), ...endsOf(minutes), encodeOpen(facts)];
    await this.#database.batch([
      this.#database.prepare(OPEN_POSTING).bind(...shown),
      this.#database.prepare(REGISTER_ADVERTISERS).bind(advertisers, nowMs),
      tellMoved(this.#database, advertisers, { posting: [source, to.seq, "open"].join(":"), nowMs }),
    ]);
  }

  async close(source: string): Promise<void> {
    await this.#database.prepare(CLOSE_OPEN).bind(source, this.#clock()).run();
  }

  async opened(shard: string): Promise<Opened> {
    return openedOf((await this.#database.prepare(SELECT_OPENED).bind(shard).all<StoredLedgerRow>()).results);
  }

  async standing(shard: string): Promise<{ rows: ReadonlyMap<string, LedgerRow>; opened: Opened }> {
    const { results } = await this.#database.prepare(SELECT_STANDING).bind(shard).all<StoredLedgerRow>();
    const { 0: ledger = [], 1: opened = [] } = Object.groupBy(results, ({ is_open: isOpen = 0 }) => isOpen);
    return { rows: rowsOf(ledger), opened: openedOf(opened) };
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
    return rowsOf((await this.#database.prepare(SELECT_LEDGER).bind(shard).all<StoredLedgerRow>()).results);
  }
}

function rowsOf(rows: readonly StoredLedgerRow[]): ReadonlyMap<string, LedgerRow> {
  return new Map(
    rows.map(({ source, seq, chain, logged_at_ms, part }) => [source, { seq, chain, loggedAtMs: logged_at_ms, part }]),
  );
}

function openedOf(rows: readonly StoredLedgerRow[]): Opened {
  return new Map(rows.map(({ source, seq, chain }) => [source, { seq, chain }]));
}

type StoredLedgerRow = {
  is_open?: number;
  source: string;
  seq: number;
  chain: string;
  logged_at_ms: number;
  part: string;
};

/** Whether there is a row of the ledger, and its place. */
function boundRow(row: LedgerRow | null): (string | number | null)[] {
  return row === null ? [0, null, null, null] : [1, row.seq, row.chain, row.part];
}

function endsOf(minutes: readonly number[]): [first: number, last: number] {
  const [any = 0] = minutes;
  return minutes.reduce(([first, last], minute) => [Math.min(first, minute), Math.max(last, minute)], [any, any]);
}

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

/** The JSON of an open posting (open-sql.ts): rows by advertiser, without what all rows of one have alike. */
function encodeOpen(facts: Facts): string {
  const byAdvertiser = Map.groupBy(facts.values(), ({ advertiserId }) => advertiserId);
  const rowsOf = (rows: readonly FactsRow[]) => rows.flatMap(encodeRow).map(([, , ...row]) => row);
  return JSON.stringify(Object.fromEntries(Array.from(byAdvertiser, ([id, rows]) => [id, rowsOf(rows)])));
}

/** One row, or several by ordinal where its cells are more than one row may gain at once. */
function encodeRow(row: FactsRow): unknown[][] {
  const cells = Array.from(row.cells);
  const rows: unknown[][] = [];
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
