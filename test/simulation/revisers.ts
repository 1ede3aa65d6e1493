/**
 * Whoever revises events while a run goes on: an audit that mends, a second look, and one who asks twice, under a number
 * that is taken or skipped, from a verdict that the event has not, or for the promotion of a stranger. And who seals logs.
 *
 *   known    event → its shard, its last verdict and the number of its last change, as the log was committed
 *
 * Keeps: it asks only for what the shard still remembers: past the horizon whoever asks is believed, and would have to be
 * right. A log is sealed minutes behind the present and only where no storage is set back: in production a day's grace
 * lies between.
 */
import type { EventId } from "../../src/core/event-id.ts";
import { HOUR_MS, MINUTE_MS, SECOND_MS } from "../../src/core/limits.ts";
import { isTokenEntry, type LogEntry, type LoggedEvent } from "../../src/core/log-line.ts";
import type { TokenEvent } from "../../src/core/token-event.ts";
import type { Decision } from "../../src/core/verdict.ts";
import type { Promotion, RevisionRequest } from "../../src/shard/revise.ts";
import type { Chance } from "./chance.ts";
import type { World } from "./world.ts";

type Standing = {
  readonly shard: string;
  readonly key: string;
  /** As a revision has to name it: a late click with all that joined it. */
  readonly event: TokenEvent;
  readonly decision: Decision;
  readonly n: number;
  readonly hasJoined: boolean;
};

type Asked = { readonly shard: string; readonly request: RevisionRequest; readonly moves: readonly Move[] };
type Move = { readonly event: EventId; readonly n: number; readonly from: Decision; readonly to: Decision };

const NAMED: Decision = { verdict: "invalid", reason: "high_frequency" };
const UNSIGNED: Decision = { verdict: "invalid", reason: "signature_invalid" };
const DUPLICATE: Decision = { verdict: "duplicate", reason: "same_impression" };
const VALID: Decision = { verdict: "valid", reason: null };

const ASKED_PER_HOUR = 150;
const SEALS_PER_HOUR = 12;
const RECENT = 20;
/** Clocks differ by minutes, and a call may hang. */
const HORIZON_RESERVE_MS = 15 * MINUTE_MS;

export class Revisers {
  readonly #world: World;
  readonly #chance: Chance;
  readonly #known = new Map<EventId, Standing>();
  readonly #events: EventId[] = [];
  readonly #byKey = new Map<string, EventId[]>();
  readonly #asked: Asked[] = [];

  constructor(world: World) {
    this.#world = world;
    this.#chance = world.faults.stream("revise");
  }

  schedule(): void {
    const { scheduler, faults, endMs } = this.#world;
    const spanMs = endMs - scheduler.nowMs;
    const often = (perHour: number, happen: () => void) => {
      const times = Math.round(faults.rate("revise") * 4 * perHour * (spanMs / HOUR_MS));
      for (let time = 0; time < times; time++) scheduler.after(this.#chance.unit() * spanMs, "revise", happen);
    };
    often(ASKED_PER_HOUR, () => this.#ask());
    if (faults.rate("restore") === 0) often(SEALS_PER_HOUR, () => this.#seal());
  }

  /** A line that a shard committed. */
  noted(shard: string, entry: LogEntry): void {
    if (!isTokenEntry(entry) || this.#world.strays.has(entry.event.id)) return;
    const { event, verdict, reason, joins, revision } = entry;
    const before = this.#known.get(event.id);
    if (before !== undefined && verdict === "deferred") return;
    const key = `${event.type} ${event.token}`;
    const hasJoined = before?.hasJoined ?? (joins !== undefined && joins !== null);
    const n = revision?.n ?? before?.n ?? 0;
    this.#known.set(event.id, { shard, key, event, decision: { verdict, reason }, n, hasJoined });
    if (before !== undefined) return;
    this.#events.push(event.id);
    this.#byKey.set(key, [...(this.#byKey.get(key) ?? []), event.id]);
    const head = joins ? this.#known.get(joins.to) : undefined;
    if (head === undefined || head.decision.verdict !== "late") return;
    this.#known.set(head.event.id, { ...head, event: { ...head.event, count: head.event.count + event.count } });
  }

  /** Revises a deferred event to what an audit has found it to be; `onRevised` when the shard says that it is. */
  settle({ event, verdict, reason }: LoggedEvent, shard: string, to: Decision, onRevised: () => void): void {
    const n = (this.#known.get(event.id)?.n ?? 0) + 1;
    const from = { verdict, reason };
    const request = { encoded: this.#world.carrier.encode(event), n, from, to };
    this.#send({ shard, request, moves: [{ event: event.id, n, from, to }] }, onRevised);
  }

  #ask(): void {
    const chance = this.#chance;
    if (this.#asked.length > 0 && chance.is(0.25)) {
      const again = chance.pick(this.#asked);
      if (again.moves.every(({ event }) => this.#isRemembered(event))) this.#send(again);
      return;
    }
    const among = chance.is(0.7) ? this.#events.slice(-RECENT) : this.#events;
    const standing = among.length === 0 ? undefined : this.#known.get(chance.pick(among));
    if (standing === undefined || standing.decision.verdict === "deferred" || !this.#isRemembered(standing.event.id))
      return;
    const asked = this.#askedOf(standing, chance.is(0.25));
    this.#asked.push(asked);
    const times = chance.is(0.3) ? 2 : 1;
    for (let time = 0; time < times; time++) this.#send(asked);
  }

  #isRemembered(id: EventId): boolean {
    const { scheduler, witness, settings } = this.#world;
    const iatMs = (witness.sent.get(id)?.request.impression.claims.iat ?? 0) * SECOND_MS;
    const receivedAtMs = this.#known.get(id)?.event.receivedAtMs ?? 0;
    return Math.min(iatMs, receivedAtMs) > scheduler.nowMs - settings.dedupHorizonMs + HORIZON_RESERVE_MS;
  }

  #askedOf({ shard, key, event, decision, n: last }: Standing, isWrong: boolean): Asked {
    const chance = this.#chance;
    const isOther = ({ verdict, reason }: Decision) => verdict !== decision.verdict || reason !== decision.reason;
    const others = [NAMED, UNSIGNED, VALID].filter(isOther);
    const fault = isWrong ? chance.pick(["number", "from", "stranger"] as const) : null;
    const n = fault === "number" ? last + chance.pick([0, 2]) : last + 1;
    const isValid = decision.verdict === "valid";
    // Of an event that was never revised, a shard remembers no more than whether it is valid.
    const from = fault === "from" ? (isValid ? NAMED : VALID) : decision;
    const choice = chance.pick(others);
    const heir = isValid && chance.is(0.8) ? this.#heirOf(key, event.id, fault === "stranger") : undefined;
    // As the undoing of a second look does.
    const to = heir !== undefined && chance.is(0.3) ? DUPLICATE : choice;
    const promote: Promotion | null =
      heir === undefined ? null : { encoded: this.#encode(heir.event), n: heir.n + 1, from: heir.decision };
    const moves: Move[] = [{ event: event.id, n, from, to }];
    if (heir !== undefined) moves.push({ event: heir.event.id, n: heir.n + 1, from: heir.decision, to: VALID });
    return { shard, request: { encoded: this.#encode(event), n, from, to, promote }, moves };
  }

  /** The first duplicate of the impression; or an event of another one. */
  #heirOf(key: string, except: EventId, isStranger: boolean): Standing | undefined {
    const ids = isStranger ? [this.#chance.pick(this.#events)] : (this.#byKey.get(key) ?? []);
    const standings = ids.flatMap((id) => this.#known.get(id) ?? []);
    return standings.find(({ event, decision }) => {
      return event.id !== except && (isStranger || decision.verdict === "duplicate");
    });
  }

  #encode(event: TokenEvent): string {
    return this.#world.carrier.encode(event);
  }

  #send({ shard, request, moves }: Asked, onRevised = () => {}): void {
    const { network, witness } = this.#world;
    for (const move of moves) witness.moveAsked(move);
    const apply = () => this.#world.eventHost(shard).object().revise([request], { cause: "audit/sim", by: "auditor" });
    network
      .call({ kind: "rpc", service: shard, label: "revise", latencyMs: 20, apply, isCallerAlive: () => true })
      .then(([outcome]) => {
        if (outcome === undefined) return;
        if (outcome.outcome === "revised") onRevised();
        witness.revisionTold(moves, outcome);
      })
      .catch(() => {});
  }

  #seal(): void {
    const { scheduler, network, witness, eventHosts } = this.#world;
    if (eventHosts.size === 0) return;
    const host = this.#chance.pick(Array.from(eventHosts.values()));
    const untilMs = scheduler.nowMs - this.#chance.between(0, 2 * MINUTE_MS);
    const apply = () => host.object().seal(untilMs);
    network
      .call({ kind: "rpc", service: host.name, label: "seal", latencyMs: 20, apply, isCallerAlive: () => true })
      .then((isArchived) => isArchived && witness.sealed(host.name, untilMs))
      .catch(() => {});
  }
}
