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
type Sum = { clicks: number; micros: bigint };

async function reportOf(bucket: R2Bucket, id: string, parts: readonly ReplayPart[]): Promise<ReplayReport> {
  const sums = new Map<string, Sum & Pick<ReplaySum, "reason" | "advertiserId" | "publisherId">>();
  const add = (of: Pick<ReplaySum, "reason" | "advertiserId" | "publisherId">, clicks: number, micros: number) => {
    const name = `${of.reason} ${of.advertiserId} ${of.publisherId}`;
    const sum = sums.get(name) ?? { ...of, clicks: 0, micros: 0n };
    sums.set(name, { ...sum, clicks: sum.clicks + clicks, micros: sum.micros + BigInt(micros) });
  };
  const promoted: Sum = { clicks: 0, micros: 0n };
  const examples: ReplayReport["examples"][number][] = [];
  const publishers: PublisherSum[] = [];
  for (const part of parts) {
    const sums = await getJson<PartSums>(bucket, partKey(id, part));
    publishers.push(...(sums?.publishers ?? []));
    for (const { advertiserId, publisherId, clicks, micros } of sums?.baited ?? []) {
      add({ reason: "bait_placement", advertiserId, publisherId }, clicks, micros);
    }
    for (const change of await getLines<PlannedChange>(bucket, changesKey(id, part))) {
      const { event, to, advertiserId, publisherId, micros, promote } = change;
      add({ reason: to.reason ?? "", advertiserId, publisherId }, 1, micros);
      promoted.clicks += promote === null ? 0 : 1;
      promoted.micros += BigInt(promote?.micros ?? 0);
      if (examples.length < EXAMPLES_MAX) examples.push({ eventId: event, reason: to.reason, advertiserId });
    }
  }
  for (const { advertiserId, publisherId, clicks, micros } of outlying(publishers)) {
    add({ reason: "outlying_ctr", advertiserId, publisherId }, clicks, micros);
  }
  const rows = Array.from(sums.values()).sort((a, b) => (a.micros < b.micros ? 1 : -1));
  return {
    clicks: rows.reduce((sum, { clicks }) => sum + clicks, 0),
    micros: String(rows.reduce((sum, { micros }) => sum + micros, 0n)),
    promoted: { clicks: promoted.clicks, micros: String(promoted.micros) },
    sums: rows.slice(0, SUMS_MAX).map((row) => ({ ...row, micros: String(row.micros) })),
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
