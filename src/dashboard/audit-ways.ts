/**
 * What an audit can find, in words: its name, what mends it, and where somebody can do that.
 *
 * Keeps: each kind has a way out; where its own is more than how it is mended (core/discrepancy.ts), it stands here.
 */
const MENDINGS: Readonly<Record<string, string>> = {
  accepted_loss: "bringing the object back, or accepting the loss below",
  revision: "a revision in the shard's log",
  repair: "a repair of the report database",
  operator: "hand: see the instructions for operators",
};

/** Kinds of which more can be said than by what they are mended. */
const WAYS: Readonly<Record<string, string>> = {
  foreign_shard: "handing it to the shard that owns it, which counts it once",
  free_claim: "a revision in the shard's log, or accepting it below where its first event was lost",
  rules_unknown: "bringing the rules back, or accepting it below as it was logged",
  leftover: "replaying it, or bringing it to its shard",
};
/** Where somebody can do it. */
const PLACES: Readonly<Record<string, readonly [path: string, label: string]>> = {
  leftover: ["/dead-letters", "Dead letters"],
};

export function wayOf(kind: string, mendedBy: string): string {
  return WAYS[kind] ?? MENDINGS[mendedBy] ?? mendedBy;
}

export function placeOf(kind: string): readonly [path: string, label: string] | undefined {
  return PLACES[kind];
}

export function wordsOf(kind: string): string {
  return kind.replaceAll("_", " ");
}
