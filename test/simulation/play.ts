/**
 * Plays a world to its end: traffic, the faults that come by themselves, cron, operators and reviewers; then everything
 * calms down and must come to rest.
 *
 *   start ── traffic and faults ── end ── calm ── rest ── the keys are forgotten ── the letters that were held ── rest
 *         ── an audit hands over what went astray, and settles what is deferred ── rows that are lost with their storage ── rest ── settled
 *
 * Keeps: after the calm nothing fails any more, so whatever is left anywhere then has been forgotten by somebody.
 */
import type { EventId } from "../../src/core/event-id.ts";
import { DAY_MS, HOUR_MS, MINUTE_MS, SECOND_MS } from "../../src/core/limits.ts";
import { decodeMessage } from "../../src/core/message.ts";
import { countsShardNames, orderShardNames } from "../../src/core/routing.ts";
import { minuteOf } from "../../src/core/time.ts";
import { DEAD_PREFIX, parseLetter } from "../../src/queue/dead-letter.ts";
import { deliver, groupByShard } from "../../src/queue/route.ts";
import { SPOOL_PREFIX } from "../../src/queue/spool.ts";
import { scheduleReadings } from "./check-reading.ts";
import { SHARD_NAMES, SUBMISSION_SHARDS } from "./faults.ts";
import { loseRows } from "./lossy-restore.ts";
import type { Keeper } from "./parts.ts";
import { ISOLATES } from "./request.ts";
import { scheduleRestores } from "./restores.ts";
import { settleDeferred } from "./settle.ts";
import { isDrained, type ShardHost } from "./shard-host.ts";
import { SEALER, type World } from "./world.ts";

/** Clocks beside those of shards. */
const STATIONS = ["edge-0", "edge-1", "edge-2", "click-queue-0", "impression-queue-0"];
const SUBMISSION_SWEEP_MINUTES = 60;
/** Names of objects of submissions by the minute of their turn. */
const SUBMISSION_TURNS = Array.from({ length: SUBMISSION_SWEEP_MINUTES }, (_, turn) =>
  [...orderShardNames(), ...countsShardNames()].filter((_, at) => at % SUBMISSION_SWEEP_MINUTES === turn),
);
const FRUITLESS_MINUTES_MAX = 180;
const OPERATOR_EVERY_MS = 7 * MINUTE_MS;
const REVIEWER_EVERY_MS = 4 * MINUTE_MS;

export async function play(world: World): Promise<void> {
  const { scheduler, faults } = world;
  const staff = new Staff(world);
  scheduleTraffic(world);
  world.submitters.schedule();
  world.revisers.schedule();
  scheduleMishaps(world);
  scheduleRestores(world);
  scheduleReadings(world);
  staff.work();
  await scheduler.run(world.endMs);
  const mayLoseRows = faults.rate("restore") > 0;
  faults.calm();
  world.setClocksRight();
  await rest(world, staff);
  if (staff.held.size > 0) {
    await scheduler.run(scheduler.nowMs + world.settings.dedupHorizonMs + 2 * HOUR_MS);
    for (const name of SHARD_NAMES)
      if (faults.stream("horizon").is(0.7)) void world.eventHosts.get(name)?.object().sweep();
    await scheduler.run(scheduler.nowMs + MINUTE_MS);
    staff.held.clear();
    await rest(world, staff);
  }
  await world.strays.handOver(() => rest(world, staff));
  await settleDeferred(world, () => rest(world, staff));
  if (!mayLoseRows) return;
  await loseRows(world);
  await rest(world, staff);
  await settleDeferred(world, () => rest(world, staff));
}

/**
 * Lets minutes pass until nothing is left anywhere, then stops the staff and lets the last happenings happen. What still
 * was under way may bring new work, which the staff then sees to.
 */
async function rest(world: World, staff: Staff): Promise<void> {
  const { scheduler } = world;
  for (let round = 0; round < 3; round++) {
    staff.work();
    await restWhileItGetsLess(world, staff);
    staff.stop();
    // Bounded, so that an alarm that is set again for ever ends as a complaint.
    await scheduler.run(scheduler.nowMs + DAY_MS);
    if (whatIsLeft(world, staff).length === 0) return;
  }
  for (const name of whatIsLeft(world, staff)) world.witness.complain("G3", `not at rest: ${name}`, null);
}

/** A shard with a very small log takes a few letters at each visit: what becomes less is on its way, however long it is. */
async function restWhileItGetsLess(world: World, staff: Staff): Promise<void> {
  const { scheduler } = world;
  let fewest = Number.POSITIVE_INFINITY;
  for (let minute = 0; minute < FRUITLESS_MINUTES_MAX; minute++) {
    const left = whatIsLeft(world, staff).length;
    if (left === 0) return;
    if (left < fewest) [fewest, minute] = [left, 0];
    await scheduler.run(scheduler.nowMs + MINUTE_MS);
  }
}

function whatIsLeft(world: World, staff: Staff): string[] {
  const queues = [...world.queues.click, ...world.queues.impression, world.deadQueue].filter(({ size }) => size > 0);
  const letters = world.bucket.keysUnder(DEAD_PREFIX).filter((key) => !staff.held.has(key));
  return [
    ...queues.map(({ name, size }) => `${size} messages in ${name}`),
    ...world.bucket.keysUnder(SPOOL_PREFIX).map((key) => `spool object ${key}`),
    ...letters.map((key) => `dead letter ${key}`),
    ...(world.facts.setBacks > world.facts.setBacksSeen ? ["a database that was set back"] : []),
    ...(world.submitters.pending > 0 ? [`${world.submitters.pending} submissions without an answer`] : []),
    ...world
      .hosts()
      .filter((host) => !isDrained(host))
      .map(({ name, log }) => `${log.rows.length} rows in the log of ${name}`),
  ];
}

function scheduleTraffic({ scheduler, workload, faults, isolates }: World): void {
  const { requests } = workload;
  const chance = faults.stream("death");
  let next = 0;
  // One happening at a time, so that the queue of happenings stays short.
  const arrive = () => {
    const request = requests[next++];
    if (request === undefined) return;
    const diesAfterMs = faults.strikes("death", 0.5) ? chance.unit() ** 4 * 4 * SECOND_MS : null;
    isolates[request.isolate]?.take(request, diesAfterMs);
    plan();
  };
  const plan = () => {
    const request = requests[next];
    if (request !== undefined) scheduler.at(request.atMs, request.type, arrive);
  };
  plan();
}

/** Evictions, deaths of isolates and steps of clocks at any moment. */
function scheduleMishaps(world: World): void {
  const { scheduler, faults, endMs } = world;
  const { requests } = world.workload;
  const spanMs = endMs - scheduler.nowMs;
  const often = (kind: "evict" | "death" | "clock", perHour: number, happen: () => void) => {
    const chance = faults.stream(kind);
    const times = Math.round(faults.rate(kind) * 4 * perHour * (spanMs / HOUR_MS));
    for (let time = 0; time < times; time++) scheduler.after(chance.unit() * spanMs, kind, happen);
  };
  // Mishaps gather where the traffic is: half of them strike while a request is under way.
  const busy = (kind: "evict" | "death", perHour: number, happen: () => void) => {
    const chance = faults.stream(kind);
    const times = Math.round(faults.rate(kind) * 4 * perHour * (spanMs / HOUR_MS));
    for (let time = 0; time < times && requests.length > 0; time++) {
      scheduler.at(chance.pick(requests).atMs + chance.unit() * 4 * SECOND_MS, kind, happen);
    }
  };
  const killIsolate = () => {
    const at = faults.stream("death").between(0, ISOLATES);
    world.isolates[at]?.die();
    world.isolates[at] = world.makeIsolate(at);
  };
  busy("evict", 60, () => {
    const chance = faults.stream("evict");
    const hosts = chance.is(0.7) ? Array.from(world.eventHosts.values()) : world.hosts();
    if (hosts.length > 0) chance.pick(hosts).evict();
  });
  busy("death", 20, killIsolate);
  often("clock", 12, () => {
    const chance = faults.stream("clock");
    world.stepClock(chance.pick([...SHARD_NAMES, SUBMISSION_SHARDS, ...STATIONS]), chance);
  });
}

/** Cron, the operator who replays dead letters, and the reviewer of late clicks. */
class Staff {
  /** Letters that wait until the keys are forgotten. */
  readonly held = new Set<string>();
  readonly #world: World;
  readonly #keeper: Keeper;
  readonly #seen = new Set<string>();
  #isWorking = false;

  constructor(world: World) {
    this.#world = world;
    this.#keeper = world.parts.makeKeeper(world.bucket.bound(() => true));
  }

  work(): void {
    if (this.#isWorking) return;
    this.#isWorking = true;
    this.#every(MINUTE_MS, "cron", () => this.#cron());
    this.#every(OPERATOR_EVERY_MS, "operator", () => this.#replayLetters());
    this.#every(REVIEWER_EVERY_MS, "reviewer", () => this.#review());
  }

  stop(): void {
    this.#isWorking = false;
  }

  #every(ms: number, kind: string, duty: () => Promise<void>): void {
    this.#world.scheduler.after(ms, kind, () => {
      if (!this.#isWorking) return;
      this.#world.scheduler.touch();
      // A duty that fails has its turn again later.
      duty().catch((fault: unknown) => {
        if ((fault as Error).name === "AssertionError") this.#world.witness.bug(String(fault));
      });
      this.#every(ms, kind, duty);
    });
  }

  #topology() {
    return this.#world.inForce("cron", this.#keeper, this.#world.scheduler.nowMs);
  }

  async #cron(): Promise<void> {
    const { bucket, carrier, parts, faults } = this.#world;
    this.#visitAll();
    for (const host of this.#visited()) if (!faults.isDown(host.name, host.nowMs)) void host.object().sweep();
    if (bucket.keysUnder(SPOOL_PREFIX).length === 0) return;
    const shards = this.#world.namespace(() => true);
    await parts.drain({
      shards,
      topology: await this.#topology(),
      archive: bucket.bound(() => true),
      seal: SEALER,
      codec: carrier,
    });
  }

  /** As src/batch/set-back.ts: after a database was set back, everybody, until all have compared it. */
  #visitAll(): void {
    const { facts, faults } = this.#world;
    const seen = facts.setBacks;
    if (seen === facts.setBacksSeen) return;
    const visits = this.#world
      .hosts()
      .map((host) => (faults.isDown(host.name, host.nowMs) ? Promise.resolve(false) : host.object().sweep()));
    Promise.all(visits).then((swept) => {
      if (!swept.includes(false)) facts.setBacksSeen = Math.max(facts.setBacksSeen, seen);
    });
  }

  /** Every event shard, and each object of submissions once in a while; as src/batch/cron.ts. */
  #visited(): ShardHost[] {
    const { eventHosts, orderHosts, countsHosts, scheduler } = this.#world;
    const turn = minuteOf(scheduler.nowMs) % SUBMISSION_SWEEP_MINUTES;
    const submissions = SUBMISSION_TURNS[turn] ?? [];
    return [
      ...eventHosts.values(),
      ...submissions.flatMap((name) => orderHosts.get(name) ?? countsHosts.get(name) ?? []),
    ];
  }

  /** As src/queue/replay.ts, without the seal and the signatures, which have their own tests. */
  async #replayLetters(): Promise<void> {
    const { bucket, carrier, faults } = this.#world;
    for (const key of bucket.keysUnder(DEAD_PREFIX)) {
      if (!this.#seen.has(key) && faults.rate("horizon") > 0 && faults.stream("horizon").is(0.5)) this.held.add(key);
      this.#seen.add(key);
      if (this.held.has(key)) continue;
      const archive = bucket.bound(() => true);
      const object = await archive.get(key);
      const sealed = object === null ? null : parseLetter(await object.text());
      if (sealed === null) continue;
      const message = decodeMessage(sealed.letter.payload, carrier);
      if (!message.ok) throw new Error("a dead letter is unreadable");
      const events = message.value.flatMap((event) => (event.ok ? [event.value] : []));
      const shards = this.#world.namespace(() => true);
      for (const [name, group] of groupByShard(events, await this.#topology(), carrier)) {
        await deliver({ shards }, name, group);
      }
      await archive.delete(key);
    }
  }

  async #review(): Promise<void> {
    const { faults, facts } = this.#world;
    const chance = faults.stream("review");
    if (chance.is(0.3) || faults.rate("review") === 0) return;
    for (const { eventId, verdict } of Array.from(facts.lates.values())) {
      // Some are left alone; some that are decided are decided again, perhaps against the first decision.
      if (chance.is(verdict === "late" ? 0.4 : 0.9)) continue;
      const times = chance.is(0.3) ? 2 : 1;
      for (let time = 0; time < times; time++) this.#decide(eventId, chance.is(0.6) ? "accept" : "reject");
    }
  }

  #decide(event: EventId, choice: "accept" | "reject"): void {
    const { network, witness, lateAt } = this.#world;
    const shard = lateAt.get(event);
    if (shard === undefined) {
      witness.complain("G11", `the review list names ${event}, which nobody logged`, event);
      return;
    }
    const apply = () => this.#world.eventHost(shard).object().review([{ event, choice }], "reviewer");
    network
      .call({ kind: "rpc", service: shard, label: "review", latencyMs: 20, apply, isCallerAlive: () => true })
      .then(([outcome]) => outcome !== undefined && witness.reviewTold(event, outcome))
      .catch(() => {});
  }
}
