/**
 * What an audit can find: one named difference between the archive, the verdicts in it and what stands in the report
 * databases, each with the way in which it is mended (docs/OPERATIONS.md, Audits).
 *
 *   the archive    segment_missing segment_changed late_segment chain_broken foreign_shard leftover
 *   one event      signature verdict double_claim free_claim unsettled rules_unknown line_unreadable
 *   the figures    fact_missing fact_extra tier
 *
 * Keeps: closed. A day with one that is neither mended nor accepted by name is not closed.
 */
import type { EventId } from "./event-id.ts";
import type { Decision } from "./verdict.ts";

/** What mends it: a loss accepted by name, a revision in the shard's log, a repair posting, or somebody's work. */
export type Mending = "accepted_loss" | "revision" | "repair" | "operator";

export const DISCREPANCY_KINDS = {
  /** Rows that the log went through are in no segment. */
  segment_missing: "accepted_loss",
  /** A segment does not hold what its metadata and the chain say. */
  segment_changed: "accepted_loss",
  /** A segment stands under a day that was sealed without it. */
  late_segment: "accepted_loss",
  /** Segments that are whole, and do not follow one another. */
  chain_broken: "accepted_loss",
  /** A line that belongs into another shard's log: its owner takes the event over. */
  foreign_shard: "revision",
  /** Dead letters, spooled events and buried postings that wait for somebody. */
  leftover: "operator",
  /** A token, or a conversion's click id, that no key of any state verifies, or that breaks its key's limits. */
  signature: "revision",
  /** The rules of that version say something else. */
  verdict: "revision",
  /** A valid event whose impression had its valid event already. */
  double_claim: "revision",
  /** A duplicate of an impression that had no valid event. */
  free_claim: "revision",
  /** An event that waits for the batch side to say what it is. */
  unsettled: "revision",
  /** Judged by rules that this code does not have, or that are recorded nowhere. */
  rules_unknown: "operator",
  line_unreadable: "accepted_loss",
  /** The database has less than the log. */
  fact_missing: "repair",
  /** The database has more than the log. */
  fact_extra: "repair",
  /** Hours, days or sums that are not the sum of what they are made of. */
  tier: "repair",
} as const satisfies Record<string, Mending>;

/**
 * Whether a person may accept it by name, with a reason: what nothing else mends. Of an event that is so where nobody
 * can say what it should be, and of a duplicate whose first was lost with its segment: its shard remembers that claim,
 * and gives it to nobody. Letters that wait have ways of their own.
 */
export function isAcceptable({ kind, to }: { readonly kind: DiscrepancyKind; readonly to?: Decision | null }): boolean {
  const mending = DISCREPANCY_KINDS[kind];
  if (mending === "accepted_loss" || kind === "rules_unknown" || kind === "free_claim") return true;
  return mending === "revision" && (to ?? null) === null;
}

export type DiscrepancyKind = keyof typeof DISCREPANCY_KINDS;

export type Discrepancy = {
  readonly kind: DiscrepancyKind;
  /** An object's key, `<source>/<seq>/<line>`, or `<database>/<table>/<key of the row>`. */
  readonly where: string;
  /** A plain sentence: what was found, and what should be there. */
  readonly detail: string;
  readonly advertiserId?: string;
  readonly event?: EventId;
  /** Whether a person may accept it by name. */
  readonly acceptable?: boolean;
};
