import fc from "fast-check";
import { describe, expect, it } from "vitest";
import type { EventId } from "../../src/core/event-id.ts";
import {
  type Change,
  changeAsMoved,
  type KnownOfEvent,
  type Move,
  refusalOf,
  WITHDRAWN,
} from "../../src/core/revision.ts";
import type { Decision } from "../../src/core/verdict.ts";
import { NOON_MS } from "../support/builders.ts";

const EVENT = "0event" as EventId;
const OTHER = "0other" as EventId;
const VALID: Decision = { verdict: "valid", reason: null };
const DUPLICATE: Decision = { verdict: "duplicate", reason: "same_impression" };
const INVALID: Decision = { verdict: "invalid", reason: "high_frequency" };
const LATE: Decision = { verdict: "late", reason: "late" };
const DEFERRED: Decision = { verdict: "deferred", reason: "key_table_dropped" };

/** A claimant that nobody has changed. */
const CLAIMANT: KnownOfEvent = {
  changes: [],
  shelved: null,
  claimant: EVENT,
  isRepeat: false,
  isKeyKept: true,
  isRepeatKept: true,
  revisedToValid: null,
};
const REPEAT: KnownOfEvent = { ...CLAIMANT, claimant: OTHER, isRepeat: true };
const UNCLAIMED: KnownOfEvent = { ...REPEAT, claimant: undefined };
const PAST_HORIZON: KnownOfEvent = { ...UNCLAIMED, isRepeat: false, isKeyKept: false, isRepeatKept: false };
const UNKNOWN: KnownOfEvent = { ...UNCLAIMED, isRepeat: false };
const WAITING: KnownOfEvent = { ...UNCLAIMED, shelved: { clicks: 3, isWaiting: true } };

const aMove = (changes: Partial<Move> = {}): Move => ({
  ...{ event: EVENT, clicks: 1, n: 1, from: VALID, to: INVALID },
  ...changes,
});
const aChange = (n: number, from: Decision, to: Decision): Change => ({
  ...to,
  ...{ n, from, cause: "audit/2026-04-20/0001", by: "key_1", atMs: NOON_MS },
});
const ONCE: KnownOfEvent = { ...UNCLAIMED, changes: [aChange(1, VALID, INVALID)] };
const GIVEN_UP: KnownOfEvent = { ...UNCLAIMED, changes: [aChange(1, VALID, WITHDRAWN)] };

describe("a revision", () => {
  it.each([
    ["of the valid event", aMove(), CLAIMANT],
    ["of a duplicate", aMove({ from: DUPLICATE }), REPEAT],
    ["of a duplicate that was free, to valid", aMove({ from: DUPLICATE, to: VALID }), UNCLAIMED],
    ["of a second valid one, which no memory holds", aMove({ to: DUPLICATE }), { ...UNKNOWN, claimant: OTHER }],
    ["of a waiting late click, with all that joined it", aMove({ clicks: 3, from: LATE }), WAITING],
    ["of a deferred event", aMove({ from: DEFERRED, to: DUPLICATE }), UNKNOWN],
    ["past the horizon, whatever it was", aMove({ from: DEFERRED, to: VALID }), PAST_HORIZON],
    ["past the horizon, of a valid one", aMove(), PAST_HORIZON],
    ["of a revised event, with the next number", aMove({ n: 2, from: INVALID, to: VALID }), ONCE],
    [
      "of a reviewed click, with the first number",
      aMove({ from: INVALID, to: DUPLICATE }),
      { ...UNCLAIMED, changes: [aChange(0, LATE, INVALID)], shelved: { clicks: 1, isWaiting: false } },
    ],
    ["of another shard’s event, which is withdrawn", aMove({ to: WITHDRAWN }), CLAIMANT],
    ["of another shard’s duplicate, which is withdrawn", aMove({ from: DUPLICATE, to: WITHDRAWN }), REPEAT],
    ["of another shard’s deferred event, which is withdrawn", aMove({ from: DEFERRED, to: WITHDRAWN }), UNKNOWN],
    ["to another reason", aMove({ from: { ...INVALID, reason: "test" } }), REPEAT],
  ])("is made %s", (_, move, known) => {
    expect(refusalOf(move, known)).toBeNull();
  });

  it.each([
    ["from what it is not, of the claimant", aMove({ from: DUPLICATE }), CLAIMANT, "wrong_from"],
    ["from valid, of a repeat", aMove(), REPEAT, "wrong_from"],
    ["from what it was before the last", aMove({ n: 2 }), ONCE, "wrong_from"],
    ["from valid, of a waiting late click", aMove({ clicks: 3 }), WAITING, "wrong_from"],
    ["to what it is", aMove({ to: VALID }), CLAIMANT, "wrong_from"],
    ["of a late click without those that joined it", aMove({ from: LATE }), WAITING, "wrong_event"],
    ["of a late click that joined another", aMove({ from: LATE }), UNCLAIMED, "joined"],
    ["to valid beside another claim", aMove({ from: DUPLICATE, to: VALID }), REPEAT, "claimed"],
    [
      "to valid beside one that a revision made valid, past the horizon",
      aMove({ from: DEFERRED, to: VALID }),
      { ...PAST_HORIZON, revisedToValid: OTHER },
      "claimed",
    ],
    [
      "of a waiting late click, which is withdrawn",
      aMove({ clicks: 3, from: LATE, to: WITHDRAWN }),
      WAITING,
      "unsettled",
    ],
    ["of an event that was withdrawn", aMove({ n: 2, from: WITHDRAWN, to: VALID }), GIVEN_UP, "withdrawn"],
    ["of an event that is withdrawn again", aMove({ n: 2, from: WITHDRAWN, to: WITHDRAWN }), GIVEN_UP, "withdrawn"],
    ["of an event that was never here", aMove({ from: DUPLICATE }), UNKNOWN, "unknown"],
    ["of a valid event that was never here", aMove(), UNKNOWN, "unknown"],
    ["with a number that is taken", aMove({ to: DUPLICATE }), ONCE, "conflict"],
    ["with a number that leaves one out", aMove({ n: 3, from: INVALID, to: VALID }), ONCE, "out_of_order"],
    ["with the number of a review", aMove({ n: 0 }), CLAIMANT, "out_of_order"],
    ["to late", aMove({ to: LATE }), CLAIMANT, "unsettled"],
    ["to deferred", aMove({ to: DEFERRED }), CLAIMANT, "unsettled"],
  ])("is refused %s: %4$s", (_, move, known, refusal) => {
    expect(refusalOf(move, known)).toBe(refusal);
  });

  it("makes another event valid when the one that has the impression gives it up beside it", () => {
    const promoted = aMove({ from: DUPLICATE, to: VALID });
    expect(refusalOf(promoted, REPEAT, OTHER)).toBeNull();
    expect(refusalOf(promoted, { ...REPEAT, revisedToValid: OTHER }, OTHER)).toBeNull();
    expect(refusalOf(promoted, { ...REPEAT, revisedToValid: "0third" as EventId }, OTHER)).toBe("claimed");
  });

  it("is known again by its number, from and to, and by nothing less", () => {
    expect(changeAsMoved(aMove(), ONCE)).toEqual(ONCE.changes[0]);
    for (const other of [{ n: 2 }, { from: DUPLICATE }, { to: DUPLICATE }, { to: { ...INVALID, reason: "test" } }]) {
      expect(changeAsMoved(aMove(other as Partial<Move>), ONCE)).toBeNull();
    }
    expect(changeAsMoved(aMove({ n: 0 }), { changes: [aChange(0, VALID, INVALID)] })).toBeNull();
  });

  it("leads from decision to decision, whatever is asked in whatever order", () => {
    const decision = fc.constantFrom(VALID, DUPLICATE, INVALID);
    const asked = fc.record({ n: fc.integer({ min: 0, max: 5 }), from: decision, to: decision });
    fc.assert(
      fc.property(fc.array(asked, { maxLength: 40 }), (all) => {
        const changes: Change[] = [];
        for (const each of all) {
          const known = { ...PAST_HORIZON, changes };
          const move = aMove(each);
          if (changeAsMoved(move, known) === null && refusalOf(move, known) === null) {
            changes.push(aChange(each.n, each.from, each.to));
          }
        }
        expect(changes.map(({ n }) => n)).toEqual(changes.map((_, at) => at + 1));
        for (const [at, { from }] of changes.entries()) if (at > 0) expect(changes[at - 1]).toMatchObject(from);
      }),
      { seed: 20261128 },
    );
  });
});
