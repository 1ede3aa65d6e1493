/**
 * The event shard of a local run: the deployed one, which can also live through the demonstration's past. What it logs
 * then, it decides as ever; only the clock is that of the past.
 */
import { DAY_MS } from "../../core/limits.ts";
import { assert } from "../../core/result.ts";
import { eventShardName, shardOf } from "../../core/routing.ts";
import { EventShard } from "../../shard/event-shard.ts";
import { type Arrival, ingest, openArrivals } from "../../shard/ingest.ts";
import { type ReviewRequest, reviewLate } from "../../shard/review.ts";
import { rulesInForce } from "../../shard/rules-record.ts";
import { SqliteLateStore } from "../../shard/sqlite-late-store.ts";
import { SqliteRevisedStore } from "../../shard/sqlite-revised-store.ts";
import { LogStore } from "../../shard/sqlite-shard-log.ts";
import { topologyInForce } from "../../shard/topology-keeper.ts";
import { edgeOf } from "../../track/edge.ts";
import { byLogging, liveThrough } from "./life.ts";
import { type HistorySpan, plannedClicks } from "./plan.ts";
import { strandMessages } from "./strays.ts";
import { encodeClick, eventIdOf, HISTORY_ACTOR } from "./wire.ts";

/** An event is looked for in the archive for a day after its receipt. */
const LOGGED_EVERY_MS = DAY_MS;

type Logging = {
  readonly nowMs: number;
  readonly arrivals: readonly Arrival[];
  readonly reviews: readonly ReviewRequest[];
};

export class HistoricEventShard extends EventShard {
  /** Lives through this shard's part of the history; idempotent. */
  async liveThrough(span: HistorySpan): Promise<void> {
    const { ctx, env } = this;
    const { sql } = ctx.storage;
    const { config } = await edgeOf(env);
    const log = new LogStore(sql, rulesInForce(config));
    const loggings = log.life().read() === null ? await this.#loggings(span) : [];
    const { late: policy } = config;
    const lateStore = new SqliteLateStore(sql);
    const ports = { log, index: this.index, lateStore, revised: new SqliteRevisedStore(sql) };
    const write = () => {
      for (const { nowMs, arrivals, reviews } of loggings) {
        ingest(arrivals, { ...ports, policy, nowMs });
        for (const request of reviews) reviewLate(request, ports, { by: HISTORY_ACTOR, nowMs });
      }
    };
    const { endMs } = span;
    const carry = () => this.archiveNow();
    const transaction = (closure: () => void) => this.index.transaction(closure);
    await liveThrough({ ctx, env, endMs, log, write, transaction, carry, status: () => this.status() });
    await strandMessages(span, env);
  }

  async #loggings(span: HistorySpan): Promise<Logging[]> {
    const { ring, config } = await edgeOf(this.env);
    const topology = await topologyInForce(this.env, config);
    const clicks = plannedClicks(span);
    for (const { ad, jti, iatS: iat } of clicks) {
      const index = shardOf("click", { ad: ad.id, jti, iat }, topology);
      assert(eventShardName("click", index) === this.ctx.id.name, "the topology has one shard for the history");
    }
    const reviewed = clicks.filter(({ review }) => review !== null);
    const decidedBy = byLogging(
      reviewed,
      { endMs: span.endMs, everyMs: LOGGED_EVERY_MS },
      ({ review }) => review?.atMs ?? span.endMs,
    );
    const loggings: Logging[] = [];
    for (const [loggedAtMs, items] of byLogging(
      clicks,
      { endMs: span.endMs, everyMs: LOGGED_EVERY_MS },
      ({ receivedAtMs }) => receivedAtMs,
    )) {
      const encoded = await Promise.all(items.map((click) => encodeClick(click, { ring, policy: config.token })));
      const reviews = (decidedBy.get(loggedAtMs) ?? []).map((click): ReviewRequest => {
        return { event: eventIdOf(click), choice: click.review?.choice ?? "reject" };
      });
      loggings.push({ nowMs: loggedAtMs, arrivals: openArrivals(encoded), reviews });
    }
    return loggings;
  }
}
