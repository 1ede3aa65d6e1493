/**
 * Events that a fault delivers to a shard that does not own them, alone or beside their owner; and the audit that hands
 * them over at the end, by the code of production (src/audit/hand-over.ts).
 *
 * Keeps: none of them is late, which a person would decide first, and nobody else revises one. Only where no storage is
 * set back, as seals.
 */
import type { Foreign, HandOverPorts } from "../../src/audit/hand-over.ts";
import type { EventId } from "../../src/core/event-id.ts";
import { SECOND_MS } from "../../src/core/limits.ts";
import { isTokenEntry, type LoggedEvent } from "../../src/core/log-line.ts";
import { isSameDecision, WITHDRAWN } from "../../src/core/revision.ts";
import { judge } from "../../src/core/verdict.ts";
import { SHARD_NAMES } from "./faults.ts";
import type { ShardCalls } from "./parts.ts";
import type { World } from "./world.ts";

const AUDIT = { cause: "audit/sim", by: "auditor" };
/** A shard with a very small log refuses often, and is asked again: nobody gives up while less is left each time. */
const IDLE_ROUNDS_MAX = 3;

export class Strays {
  readonly #world: World;
  /** Which shard owns an event that went astray. */
  readonly #owners = new Map<EventId, string>();

  constructor(world: World) {
    this.#world = world;
  }

  has(event: EventId): boolean {
    return this.#owners.has(event);
  }

  /** Has some deliveries end in another shard, or there as well. */
  route({ ingest }: ShardCalls): ShardCalls {
    const { faults } = this.#world;
    return {
      ingest: async (name, encoded, isAwaited) => {
        if (faults.rate("restore") > 0 || !faults.strikes("stray")) return ingest(name, encoded, isAwaited);
        const chance = faults.stream("stray");
        const type = name.split("-")[0] ?? "";
        const other = chance.pick(SHARD_NAMES.filter((each) => each !== name && each.startsWith(type)).slice(0, 2));
        const isAlone = chance.is(0.5);
        if (!this.#note(name, encoded)) return ingest(name, encoded, isAwaited);
        const counted = await ingest(other, encoded, isAwaited);
        return isAlone ? counted : ingest(name, encoded, isAwaited);
      },
    };
  }

  /** Whether all of these may go astray. */
  #note(owner: string, encoded: readonly string[]): boolean {
    const { carrier, settings } = this.#world;
    const opened = carrier.arrive(encoded).map(({ prepared }) => prepared.opened);
    if (opened.some((each) => judge(each, settings.policy).verdict === "late")) return false;
    for (const { event } of opened) this.#owners.set(event.id, owner);
    return true;
  }

  /** The copies that the logs of other shards still count, as their lines leave them. */
  foreign(): Foreign[] {
    const last = new Map<string, Foreign>();
    for (const { shard, entry } of copiesIn(this.#world)) {
      const { event, verdict, reason, revision } = entry;
      const owner = this.#owners.get(event.id);
      if (owner === undefined || owner === shard) continue;
      const copy = `${shard} ${event.id}`;
      const n = revision?.n ?? last.get(copy)?.stands.n ?? 0;
      const of = { shard, owner, event: event.id, encoded: this.#world.carrier.encode(event), isReviewed: false };
      last.set(copy, { ...of, stands: { n, decision: { verdict, reason } } });
    }
    return [...last.values()].filter(({ stands }) => !isSameDecision(stands.decision, WITHDRAWN));
  }

  /** Audits and mends until no log counts what it does not own; `rest` lets what was logged be carried. */
  async handOver(rest: () => Promise<void>): Promise<void> {
    const { scheduler, parts, witness } = this.#world;
    const done = new Set<string>();
    const left = () => this.foreign().filter(({ shard, event }) => !done.has(`${shard} ${event}`));
    for (let idle = 0; idle < IDLE_ROUNDS_MAX && left().length > 0; ) {
      const before = left().length;
      for (const each of left()) {
        parts
          .handOver(this.#ports(), each, AUDIT)
          .then((isDone) => isDone && done.add(`${each.shard} ${each.event}`))
          .catch(() => {});
        await scheduler.run(scheduler.nowMs + SECOND_MS);
      }
      await rest();
      idle = left().length < before ? 0 : idle + 1;
    }
    for (const { event, shard } of left()) witness.complain("G7", `${shard} still counts ${event}`, event);
  }

  #ports(): HandOverPorts {
    const { network } = this.#world;
    const call = <T>(shard: string, label: string, apply: () => Promise<T>) =>
      network.call({ kind: "rpc", service: shard, label, latencyMs: 20, apply, isCallerAlive: () => true });
    const of = (shard: string) => this.#world.eventHost(shard).object();
    return {
      ingest: (shard, encoded) => call(shard, "ingest", () => of(shard).ingest([encoded])),
      revise: (shard, requests, by) => call(shard, "revise", () => of(shard).revise(requests, by)),
      review: (shard, request, by) => call(shard, "review", () => of(shard).review([request], by)),
    };
  }
}

/** Lines of events by the shard that logged them, in the order of its log. */
export function* copiesIn({ archive }: Pick<World, "archive">): Iterable<{ shard: string; entry: LoggedEvent }> {
  const segments = Array.from(archive.segments.values()).filter((segment) => segment !== null);
  const logged = segments.sort((a, b) => a.from.loggedAtMs - b.from.loggedAtMs || a.from.seq - b.from.seq);
  for (const { owner, rows } of logged) {
    for (const row of rows) {
      for (const entry of row.entries()) if (isTokenEntry(entry)) yield { shard: owner.shard, entry };
    }
  }
}

/** The copies that a log gave up. */
export function withdrawnIn(world: Pick<World, "archive">): ReadonlySet<string> {
  const withdrawn = new Set<string>();
  for (const { shard, entry } of copiesIn(world)) {
    if (entry.revision && entry.verdict === "deferred") withdrawn.add(`${shard} ${entry.event.id}`);
  }
  return withdrawn;
}
