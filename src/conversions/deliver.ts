/**
 * Conversions on their way to the objects that decide on them: at once where they answer, else by way of R2.
 *
 *   orders-<i>                          by RPC, bounded
 *   spool-submissions/v1/<advertiser>/  what a call could not have decided (queue/submission-spool.ts), until cron
 *                                       brings it there (drain.ts)
 *
 * Keeps: a conversion that was accepted is decided, once, or kept as a dead letter that says why not: its line stays
 * until its object has answered, and deciding twice changes no figure.
 */
import { type ConversionEvent, encodeConversion } from "../core/conversion.ts";
import { orderKeyOf } from "../core/order.ts";
import { orderShardName } from "../core/routing.ts";
import { logFault } from "../log.ts";
import { putSpooled, submissionSpoolKey } from "../queue/submission-spool.ts";
import { convertIn, type OrderNamespace } from "../shard/stub.ts";
import { type SubmissionHash, submissionHashOf } from "../shard/submission-routing.ts";
import type { ConversionOutcome } from "../shard/submit-conversions.ts";
import { PLATFORM_TIMING, within } from "../timing.ts";

const SHARD_TIMEOUT_MS = 5_000;
const SPOOL_TIMEOUT_MS = 5_000;

export type DeliveryPorts = { readonly orders: OrderNamespace; readonly archive: R2Bucket };

/** What became of a conversion: decided, accepted to be decided later, or not taken at all. */
export type Delivery = Decided | { readonly status: "accepted" } | "not_taken";

/** Delivers conversions; one outcome each, in their order. Rejects with R2's fault while no object can be found. */
export async function deliverConversions(
  events: readonly ConversionEvent[],
  { orders, archive }: DeliveryPorts,
): Promise<Delivery[]> {
  const hash = await within(PLATFORM_TIMING, SHARD_TIMEOUT_MS, submissionHashOf(archive));
  const outcomes = await decideAll(events, { orders, hash });
  const undecided = events.filter((_, index) => !isDecided(outcomes[index]));
  const spooled = await spool(undecided, archive);
  return events.map((event, index) => {
    const outcome = outcomes[index] ?? null;
    if (isDecided(outcome)) return outcome;
    return spooled.has(event.click.advertiserId) ? ACCEPTED : "not_taken";
  });
}

const ACCEPTED: Delivery = { status: "accepted" };

/** What an object said; it says nothing while it is down, and a failure while it cannot decide. */
export type Decided = Exclude<ConversionOutcome, { readonly failure: unknown }>;

export function isDecided(outcome: ConversionOutcome | null | undefined): outcome is Decided {
  return outcome !== null && outcome !== undefined && !("failure" in outcome);
}

export type DecidePorts = {
  readonly orders: OrderNamespace;
  readonly hash: SubmissionHash;
  /** Objects that did not answer this run: they are not asked again, and each that does not is added. */
  readonly silent?: Set<string>;
};

/** Has each event's object decide on it; null where it did not answer. Never rejects. */
export async function decideAll(
  events: readonly ConversionEvent[],
  { orders, hash, silent }: DecidePorts,
): Promise<(ConversionOutcome | null)[]> {
  const decided: (ConversionOutcome | null)[] = events.map(() => null);
  const groups = Array.from(groupByShard(events, hash)).filter(([name]) => silent?.has(name) !== true);
  await Promise.all(
    groups.map(async ([name, indexes]) => {
      const encoded = indexes.map((index) => encodeConversion(events[index] as ConversionEvent));
      try {
        const outcomes = await within(PLATFORM_TIMING, SHARD_TIMEOUT_MS, convertIn(orders, name, encoded));
        for (const [at, index] of indexes.entries()) decided[index] = outcomes[at] ?? null;
      } catch (fault) {
        silent?.add(name);
        logFault("conversions_not_decided", fault, { shard: name, conversions: encoded.length });
      }
    }),
  );
  return decided;
}

/** The advertisers whose events are durable now, all of an advertiser's or none. Never rejects. */
async function spool(events: readonly ConversionEvent[], archive: R2Bucket): Promise<Set<string>> {
  const spooled = new Set<string>();
  await Promise.all(
    Array.from(
      Map.groupBy(events, ({ click }) => click.advertiserId),
      async ([advertiserId, own]) => {
        try {
          const putting = putSpooled(archive, submissionSpoolKey(own), own, { tries: 0, dueMs: 0 });
          await within(PLATFORM_TIMING, SPOOL_TIMEOUT_MS, putting);
          spooled.add(advertiserId);
        } catch (fault) {
          logFault("conversions_not_spooled", fault, { conversions: own.length });
        }
      },
    ),
  );
  return spooled;
}

/** Indexes of the events by the object that decides on them. */
function groupByShard(events: readonly ConversionEvent[], hash: SubmissionHash): Map<string, number[]> {
  const groups = new Map<string, number[]>();
  for (const [index, event] of events.entries()) {
    const name = orderShardName(hash(orderKeyOf(event)));
    const group = groups.get(name);
    if (group === undefined) groups.set(name, [index]);
    else group.push(index);
  }
  return groups;
}
