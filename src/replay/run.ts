/**
 * The three acts of a replay, step by step: look, apply, undo. A step is one shard's log of one day.
 *
 *   look    plan → a part each → the report          apply, undo    a part each → the tally
 *
 * Keeps: state between steps stands in R2; a step that runs again writes the same. The phase moves on at the end, once.
 */
import { segmentsOfDay } from "../archive/segments.ts";
import { getJson, getLines, putJson, putLines } from "../audit/objects.ts";
import type { Steps } from "../audit/steps.ts";
import { DAY_MS } from "../core/limits.ts";
import { assert } from "../core/result.ts";
import { outlyingPublishers } from "../core/second-look.ts";
import { isoDay } from "../core/time.ts";
import { type ActPorts, applyChanges, undoChanges } from "./act.ts";
import { type Looked, type LookPorts, lookAgain, type PublisherSum } from "./look.ts";
import {
  type AppliedChange,
  appliedKey,
  changesKey,
  moveReplay,
  type PlannedChange,
  partKey,
  planKey,
  type Replay,
  type ReplayPart,
  type ReplayPhase,
  type ReplayReport,
  type ReplaySum,
  type ReplayTally,
  readReplay,
  reportKey,
  tallyKey,
} from "./replay.ts";

export type ReplayAct = "look" | "apply" | "undo";
export type ReplayPorts = LookPorts & Omit<ActPorts, "by"> & { readonly clock: () => number };

const EXAMPLES_MAX = 20;
/** Rows of a report, those that move most first. */
const SUMS_MAX = 1_000;

const ENDS: Readonly<Record<ReplayAct, { readonly from: ReplayPhase; readonly to: ReplayPhase }>> = {
  look: { from: "looking", to: "looked" },
  apply: { from: "applying", to: "applied" },
  undo: { from: "undoing", to: "undone" },
};

/** Runs an act of a replay to its end, from wherever it was left. */
export async function runReplay(ports: ReplayPorts, id: string, act: ReplayAct, steps: Steps): Promise<void> {
  const { bucket, clock } = ports;
  const replay = (await readReplay(bucket, id))?.replay;
  assert(replay !== undefined, "a replay that runs has its state");
  if (act === "look") await look(ports, replay, steps);
  else await revise(ports, replay, { act, steps });
  await steps.do(`end of ${act}`, async () => {
    await moveReplay(bucket, id, { ...ENDS[act], nowMs: clock() });
    return null;
  });
}

async function look(ports: ReplayPorts, replay: Replay, steps: Steps): Promise<void> {
  const { bucket } = ports;
  const { id } = replay;
  await steps.do("plan", async () => {
    await putJson(bucket, planKey(id), await partsOf(bucket, replay));
    return null;
  });
  const parts = (await getJson<ReplayPart[]>(bucket, planKey(id))) ?? [];
  for (const part of parts) {
    await steps.do(`look ${part.day} ${part.shard}`, async () => {
      const { changes, publishers, baited } = await lookAgain(ports, part, replay.rules);
      await putLines(bucket, changesKey(id, part), changes);
      await putJson(bucket, partKey(id, part), { publishers, baited } satisfies PartSums);
      return null;
    });
  }
  await steps.do("report", async () => {
    await putJson(bucket, reportKey(id), await reportOf(bucket, id, parts));
    return null;
  });
}

/** Shards' logs by day: of clicks, and of impressions where a rule asks for them. */
async function partsOf(bucket: R2Bucket, { from, to, rules }: Replay): Promise<ReplayPart[]> {
  const isWanted = (shard: string) => shard.startsWith("clicks-") || rules.includes("outlying_ctr");
  const parts: ReplayPart[] = [];
  for (let atMs = Date.parse(from); atMs < Date.parse(to); atMs += DAY_MS) {
    const day = isoDay(atMs);
    const shards = new Set((await segmentsOfDay(bucket, day)).map(({ owner }) => owner.shard));
    for (const shard of Array.from(shards).filter(isWanted).sort()) parts.push({ day, shard });
  }
  return parts;
}

type PartSums = Pick<Looked, "publishers" | "baited">;
type SumOf = Pick<ReplaySum, "reason" | "advertiserId" | "publisherId">;
/** Micros are of one click, or a sum as text. */
type Moved = { readonly clicks: number; readonly micros: number | string };
const NOTHING: Moved = { clicks: 0, micros: 0 };

/** What rules would move, by rule, advertiser and publisher: so each amount is of one currency. */
class MovedSums {
  readonly #rows = new Map<string, SumOf & { clicks: number; micros: bigint; promoted: number; back: bigint }>();

  add(of: SumOf, moved: Moved, promoted: Moved = NOTHING): void {
    const name = `${of.reason} ${of.advertiserId} ${of.publisherId}`;
    const row = this.#rows.get(name) ?? { ...of, clicks: 0, micros: 0n, promoted: 0, back: 0n };
    row.clicks += moved.clicks;
    row.micros += BigInt(moved.micros);
    row.promoted += promoted.clicks;
    row.back += BigInt(promoted.micros);
    this.#rows.set(name, row);
  }

  /** Those of the most clicks first. */
  rows(): ReplaySum[] {
    const rows = Array.from(this.#rows.values()).sort((a, b) => b.clicks - a.clicks);
    return rows.map(({ micros, promoted, back, ...row }) => {
      return { ...row, micros: String(micros), promotedClicks: promoted, promotedMicros: String(back) };
    });
  }
}

async function reportOf(bucket: R2Bucket, id: string, parts: readonly ReplayPart[]): Promise<ReplayReport> {
  const sums = new MovedSums();
  const examples: ReplayReport["examples"][number][] = [];
  const publishers: PublisherSum[] = [];
  for (const part of parts) {
    const looked = await getJson<PartSums>(bucket, partKey(id, part));
    publishers.push(...(looked?.publishers ?? []));
    for (const { advertiserId, publisherId, clicks, micros } of looked?.baited ?? []) {
      sums.add({ reason: "bait_placement", advertiserId, publisherId }, { clicks, micros });
    }
    for (const change of await getLines<PlannedChange>(bucket, changesKey(id, part))) {
      const { event, to, advertiserId, publisherId, micros, promote } = change;
      const promoted = promote === null ? NOTHING : { clicks: 1, micros: promote.micros };
      sums.add({ reason: to.reason ?? "", advertiserId, publisherId }, { clicks: 1, micros }, promoted);
      if (examples.length < EXAMPLES_MAX) examples.push({ eventId: event, reason: to.reason, advertiserId });
    }
  }
  for (const { advertiserId, publisherId, clicks, micros } of outlying(publishers)) {
    sums.add({ reason: "outlying_ctr", advertiserId, publisherId }, { clicks, micros });
  }
  const rows = sums.rows();
  return {
    clicks: rows.reduce((sum, { clicks }) => sum + clicks, 0),
    promotedClicks: rows.reduce((sum, { promotedClicks }) => sum + promotedClicks, 0),
    sums: rows.slice(0, SUMS_MAX),
    examples,
  };
}

/** The sums of publishers that lie far out, over all advertisers together. */
function outlying(sums: readonly PublisherSum[]): PublisherSum[] {
  const total = (of: readonly PublisherSum[], what: "clicks" | "impressions") =>
    of.reduce((sum, each) => sum + each[what], 0);
  const publishers = Array.from(
    Map.groupBy(sums, ({ publisherId }) => publisherId),
    ([publisherId, of]) => ({ publisherId, clicks: total(of, "clicks"), impressions: total(of, "impressions") }),
  );
  const named = new Set(outlyingPublishers(publishers));
  return sums.filter(({ publisherId, clicks }) => named.has(publisherId) && clicks > 0);
}

async function revise(
  ports: ReplayPorts,
  { id, by }: Replay,
  { act, steps }: { act: "apply" | "undo"; steps: Steps },
): Promise<void> {
  const { bucket, shards } = ports;
  const parts = (await getJson<ReplayPart[]>(bucket, planKey(id))) ?? [];
  let tally: ReplayTally = { revised: 0, skipped: 0 };
  for (const part of parts) {
    const on = { id, shard: part.shard };
    const done = await steps.do(`${act} ${part.day} ${part.shard}`, async (): Promise<ReplayTally> => {
      if (act === "undo") {
        return undoChanges({ shards, by }, on, await getLines<AppliedChange>(bucket, appliedKey(id, part)));
      }
      const changes = await getLines<PlannedChange>(bucket, changesKey(id, part));
      const applied = await applyChanges({ shards, by }, on, changes);
      await putLines(bucket, appliedKey(id, part), applied);
      return { revised: applied.length, skipped: changes.length - applied.length };
    });
    tally = { revised: tally.revised + done.revised, skipped: tally.skipped + done.skipped };
  }
  const last = tally;
  await steps.do(`tally of ${act}`, async () => {
    await putJson(bucket, tallyKey(id, act), last);
    return null;
  });
}
