/**
 * Looking again at one shard's log of a day: first which clicks the rules name, then, in a second pass, those clicks
 * themselves, and for each the duplicate of another user that would take its impression over.
 *
 * Keeps: nothing is changed. Memory: one segment, the clicks that are named, and what the rules hold.
 * A run over midnight UTC is looked at in two parts. Clicks of a segment are looked at by their receipt, since a queue
 * may have turned them round.
 */
import { openSegment, segmentsOfDay } from "../archive/segments.ts";
import { BaitLook, type PlacedClick } from "../core/bait.ts";
import { encodeBase64url } from "../core/base64url.ts";
import type { EventId } from "../core/event-id.ts";
import { addExact, type Exact } from "../core/exact.ts";
import { type ImpressionKey, impressionKeyOf } from "../core/impression-key.ts";
import { DAY_MS, SECOND_MS } from "../core/limits.ts";
import { isTokenEntry, type LogEntry, type LoggedEvent } from "../core/log-line.ts";
import type { OpenedEvent } from "../core/message.ts";
import { judgeUnder, type RuleSet } from "../core/rules.ts";
import { type PublisherCounts, SecondLook, type SecondLookRule } from "../core/second-look.ts";
import { isoDay } from "../core/time.ts";
import { encodeTokenEvent } from "../core/token-event.ts";
import { userKeyOf } from "../core/user-key.ts";
import type { VerdictReason } from "../core/verdict.ts";
import type { PlannedChange, ReplayPart } from "./replay.ts";

type CountsOf = PublisherCounts & { readonly advertiserId: string };
/** What is known of a publisher in a part; what its clicks cost as decimal text, which JSON does not round. */
export type PublisherSum = CountsOf & { readonly micros: string };
type Tally = CountsOf & { readonly micros: Exact };

export type Looked = {
  readonly changes: readonly PlannedChange[];
  readonly publishers: readonly PublisherSum[];
  /** By advertiser and publisher, the clicks that bait placements show. */
  readonly baited: readonly PublisherSum[];
};

export type LookPorts = { readonly bucket: R2Bucket; readonly current: RuleSet };

export async function lookAgain(
  { bucket, current }: LookPorts,
  part: ReplayPart,
  rules: readonly SecondLookRule[],
): Promise<Looked> {
  const named = new Map<EventId, VerdictReason>();
  const publishers = new Map<string, Tally>();
  const baited = new Map<string, Tally>();
  const look = new SecondLook(rules);
  const baits = rules.includes("bait_placement") ? new BaitLook<PlacedEntry>() : null;
  for await (const entries of segments(bucket, part)) {
    if (rules.includes("outlying_ctr")) for (const entry of entries) countPublisher(publishers, entry);
    const events = entries.filter(isTokenEntry);
    // What is not valid any more, or not for the reason that it was, is not looked at.
    for (const { event, revision } of events) if (revision?.from.verdict === "valid") named.delete(event.id);
    const clicks = events.filter(({ event, verdict }) => event.type === "click" && verdict === "valid");
    for (const click of clicks.sort((a, b) => a.event.receivedAtMs - b.event.receivedAtMs)) {
      const judged = rules.includes("current_rules") ? judgeUnder(current, click) : null;
      if (judged?.verdict === "invalid" && judged.reason !== null) named.set(click.event.id, judged.reason);
      const seen = seenOf(click);
      for (const { entry } of baits?.add({ ...seen, placementId: click.claims.plc, entry: click }) ?? []) {
        countPublisher(baited, entry);
      }
      for (const { event, reason } of look.add(seen)) if (!named.has(event)) named.set(event, reason);
    }
  }
  const changes = named.size === 0 ? [] : await plannedOf(bucket, part, named);
  return { changes, publishers: sumsOf(publishers), baited: sumsOf(baited) };
}

type PlacedEntry = PlacedClick & { readonly entry: LoggedEvent };

function seenOf({ event, claims }: LoggedEvent) {
  const { id, receivedAtMs } = event;
  const who = { advertiserId: claims.adv, adId: claims.ad, userKey: userOf({ event, claims }) };
  return { event: id, ...who, receivedAtMs, issuedAtMs: claims.iat * SECOND_MS };
}

function userOf(opened: OpenedEvent): string | null {
  const key = userKeyOf(opened);
  return key === null ? null : encodeBase64url(key);
}

const sumsOf = (tallies: ReadonlyMap<string, Tally>): PublisherSum[] =>
  Array.from(tallies.values(), (tally) => ({ ...tally, micros: String(tally.micros) }));

function countPublisher(publishers: Map<string, Tally>, entry: LogEntry): void {
  const counted = countedOf(entry);
  if (counted === null) return;
  const name = `${counted.advertiserId} ${counted.publisherId}`;
  const { clicks, impressions, micros } = publishers.get(name) ?? { clicks: 0, impressions: 0, micros: 0 };
  publishers.set(name, {
    ...counted,
    clicks: clicks + counted.clicks,
    impressions: impressions + counted.impressions,
    micros: addExact(micros, counted.micros),
  });
}

function countedOf(entry: LogEntry): Tally | null {
  if ("batch" in entry) {
    const { advertiserId, publisherId, impressions } = entry.event;
    return { advertiserId, publisherId, clicks: 0, impressions, micros: 0 };
  }
  if (!isTokenEntry(entry) || entry.verdict !== "valid") return null;
  const { claims, event } = entry;
  const isClick = event.type === "click";
  const of = { advertiserId: claims.adv, publisherId: claims.pub };
  return { ...of, clicks: isClick ? 1 : 0, impressions: isClick ? 0 : 1, micros: isClick ? claims.cpc : 0 };
}

type Taken = { readonly user: string | null; readonly change: PlannedChange };

/** The named clicks as they were logged last, with the duplicates that would take over. */
async function plannedOf(
  bucket: R2Bucket,
  part: ReplayPart,
  named: ReadonlyMap<EventId, VerdictReason>,
): Promise<PlannedChange[]> {
  const taken = new Map<ImpressionKey, Taken>();
  const next = { ...part, day: isoDay(Date.parse(part.day) + DAY_MS) };
  for (const each of [part, next]) {
    for await (const entries of segments(bucket, each)) {
      for (const entry of entries.filter(isTokenEntry)) {
        const reason = each === part ? named.get(entry.event.id) : undefined;
        const key = impressionKeyOf(entry.event.type, entry.claims);
        if (reason !== undefined && entry.verdict === "valid") taken.set(key, takenOf(entry, reason));
        else if (entry.verdict === "duplicate" && entry.revision == null) promote(taken, key, entry);
      }
    }
  }
  return Array.from(taken.values(), ({ change }) => change);
}

function takenOf(entry: LoggedEvent, reason: VerdictReason): Taken {
  const { event, claims, verdict } = entry;
  const change: PlannedChange = {
    ...{ event: event.id, encoded: encodeTokenEvent(event), from: { verdict, reason: entry.reason } },
    to: { verdict: "invalid", reason },
    ...{ advertiserId: claims.adv, publisherId: claims.pub, micros: claims.cpc, promote: null },
  };
  return { user: userOf(entry), change };
}

/** The first duplicate of another user takes over; one's own second click is as good as the first. */
function promote(taken: Map<ImpressionKey, Taken>, key: ImpressionKey, entry: LoggedEvent): void {
  const known = taken.get(key);
  const user = userOf(entry);
  if (known === undefined || known.change.promote !== null || user === null || user === known.user) return;
  const { event, claims, verdict, reason } = entry;
  const promoted = { event: event.id, encoded: encodeTokenEvent(event), n: 1, from: { verdict, reason } };
  taken.set(key, { ...known, change: { ...known.change, promote: { ...promoted, micros: claims.cpc } } });
}

async function* segments(bucket: R2Bucket, { day, shard }: ReplayPart): AsyncGenerator<LogEntry[]> {
  for (const { key, isClosed } of await segmentsOfDay(bucket, day, { shard })) {
    const rows = isClosed ? null : await openSegment(bucket, key);
    if (rows !== null) yield rows.flatMap((row) => row.entries());
  }
}
