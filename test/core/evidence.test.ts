/** Evidence: the settled rows of any history add up to what its lines fold to, and say what each click was last. */
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import {
  type EvidenceLine,
  type EvidenceSum,
  evidenceLineOf,
  settledLines,
  spellDecisions,
  sumsOfRows,
  tokenHashOf,
} from "../../src/core/evidence.ts";
import { impressionKeyOf } from "../../src/core/impression-key.ts";
import type { Joined } from "../../src/core/late-cap.ts";
import { MINUTE_MS } from "../../src/core/limits.ts";
import type { LoggedEvent } from "../../src/core/log-line.ts";
import { WITHDRAWN } from "../../src/core/revision.ts";
import type { Decision } from "../../src/core/verdict.ts";
import { anOpenedClick, NOON_MS } from "../support/builders.ts";
import { valueOfMoney } from "../support/evidence.ts";
import { fold, totalsByMeasure } from "../support/folding.ts";
import { RULES } from "../support/rules.ts";

const DECISIONS: readonly Decision[] = [
  { verdict: "valid", reason: null },
  { verdict: "duplicate", reason: "same_impression" },
  { verdict: "invalid", reason: "too_fast" },
  { verdict: "deferred", reason: "key_table_dropped" },
];
const [VALID] = DECISIONS as [Decision];
const LATE: Decision = { verdict: "late", reason: "late" };

const COUNTS = ["gross", "valid", "duplicate", "invalid", "late"] as const;

type Plan = {
  readonly minute: number;
  readonly ad: number;
  readonly count: number;
  readonly cpc: number;
  readonly first: number;
  readonly isLate: boolean;
  readonly joiners: readonly number[];
  readonly moves: readonly number[];
};

/** The lines that a shard would write of one click, and of what joins it while it waits. */
function linesOf({ minute, ad, count, cpc, first, isLate, joiners, moves }: Plan, jti: string): LoggedEvent[] {
  const occurredAtMs = NOON_MS + minute * MINUTE_MS;
  const at = { occurredAtMs, receivedAtMs: occurredAtMs + (isLate ? 10 * MINUTE_MS : 500) };
  const claims = { jti, ad: `ad_${ad}`, cpc, iat: NOON_MS / 1_000 - 60, exp: NOON_MS / 1_000 + 80_000 };
  const head = { seq: 0, loggedAtMs: 0, rules: RULES.id, review: null };
  const opened = anOpenedClick({ ...at, count }, claims);
  let now = isLate ? LATE : (DECISIONS[first] as Decision);
  const lines: LoggedEvent[] = [{ ...opened, ...now, ...head }];
  let { event } = opened;
  if (isLate) {
    const { id: to, country, device } = event;
    const joins: Joined = { to, occurredAtMs, country, device };
    for (const more of joiners) {
      const joined = anOpenedClick({ ...at, receivedAtMs: at.receivedAtMs + 60_000, count: more }, claims);
      lines.push({ ...joined, ...LATE, ...head, joins });
    }
    event = { ...event, count: count + joiners.reduce((sum, more) => sum + more, 0) };
  }
  for (const [n, choice] of moves.entries()) {
    const to = DECISIONS[choice] as Decision;
    if (to.verdict === "deferred" || to.verdict === now.verdict) continue;
    const moved = { ...opened, event, ...to, ...head };
    if (n === 0 && isLate) {
      lines.push({ ...moved, review: { by: "key_7", atMs: 1 } });
    } else {
      const revision = { n: n + 1, from: now, cause: causeOf(n), by: "key_7", atMs: 1, isListed: isLate };
      lines.push({ ...moved, revision });
    }
    now = to;
  }
  return lines;
}

const causeOf = (n: number) => `audit/2026-04-20/000${n + 1}`;

const aPlan: fc.Arbitrary<Plan> = fc.record({
  minute: fc.integer({ min: 0, max: 40 }),
  ad: fc.integer({ min: 1, max: 2 }),
  count: fc.integer({ min: 1, max: 3 }),
  cpc: fc.constantFrom(0, 250_000, 9_007_199_254_740),
  first: fc.integer({ min: 0, max: 3 }),
  isLate: fc.boolean(),
  joiners: fc.array(fc.integer({ min: 1, max: 4 }), { maxLength: 3 }),
  moves: fc.array(fc.integer({ min: 0, max: 3 }), { maxLength: 3 }),
});

const place = (entry: LoggedEvent, seq: number): EvidenceLine => inLogOf("clicks-0", entry, seq);
const inLogOf = (shard: string, entry: LoggedEvent, seq: number): EvidenceLine =>
  evidenceLineOf(entry, {
    impression: impressionKeyOf("click", entry.claims),
    source: `${shard}/life`,
    life: 0,
    seq,
    line: 0,
    loggedAtMs: NOON_MS + seq,
  });

describe("evidence", () => {
  it("adds up to what the lines fold to, in whatever order they are read", () => {
    fc.assert(
      fc.property(fc.array(aPlan, { maxLength: 12 }), fc.integer(), (plans, turn) => {
        const entries = plans.flatMap((plan, number) => linesOf(plan, `imp_${number}`));
        const lines = entries.map(place);
        const turned = lines.toSorted((a, b) => ((a.seq * 7_919 + turn) % 101) - ((b.seq * 7_919 + turn) % 101));
        const sums = sumsOfRows(settledLines(turned));
        const totals = totalsByMeasure(fold(entries));
        const sumOf = (name: (typeof COUNTS)[number]) => sums.reduce((sum, one) => sum + one[name], 0);
        for (const name of COUNTS) {
          expect(sumOf(name)).toBe(totals[name] ?? 0);
        }
        expect(sums.reduce((sum, { spendMicros }) => sum + spendMicros, 0n)).toBe(valueOfMoney("spend_micros", totals));
      }),
    );
  });

  it("differs between two states, cause by cause, by what the lines between them fold to", () => {
    // A late click that joins another moves to it when that is decided: to its quarter, not by a cause.
    const alone = aPlan.map((plan) => ({ ...plan, joiners: [] }));
    fc.assert(
      fc.property(fc.array(alone, { maxLength: 8 }), fc.nat(), (plans, cut) => {
        const entries = plans.flatMap((plan, number) => linesOf(plan, `imp_${number}`));
        const at = entries.length === 0 ? 0 : cut % entries.length;
        const then = sumsOfRows(settledLines(entries.slice(0, at).map(place)));
        const now = sumsOfRows(settledLines(entries.map(place)));
        const between = Map.groupBy(
          entries.slice(at),
          ({ review, revision }) => revision?.cause ?? (review ? "review" : null),
        );
        for (const cause of new Set([...between.keys(), ...[...then, ...now].map((sum) => sum.cause)])) {
          const totals = totalsByMeasure(fold(between.get(cause) ?? []));
          const of = (sums: readonly EvidenceSum[]) => sums.filter((sum) => sum.cause === cause);
          const sumOf = (sums: readonly EvidenceSum[], name: (typeof COUNTS)[number]) =>
            of(sums).reduce((sum, one) => sum + one[name], 0);
          for (const name of COUNTS) expect(sumOf(now, name) - sumOf(then, name)).toBe(totals[name] ?? 0);
          const spendOf = (sums: readonly EvidenceSum[]) =>
            of(sums).reduce((sum, { spendMicros }) => sum + spendMicros, 0n);
          expect(spendOf(now) - spendOf(then)).toBe(valueOfMoney("spend_micros", totals));
        }
      }),
    );
  });

  it("has a row of each click as its last line leaves it", () => {
    const plan = { minute: 3, ad: 1, count: 2, cpc: 1, first: 0, isLate: true, joiners: [3], moves: [0, 2] };
    const [row, ...others] = settledLines(linesOf(plan, "imp_1").map(place));
    expect(others).toEqual([]);
    expect(row).toMatchObject({
      ...{ verdict: "invalid", reason: "too_fast", clicks: 5, cause: causeOf(1), seq: 3 },
      minute: NOON_MS / MINUTE_MS + 3,
    });
    expect(spellDecisions(row?.decisions ?? [])).toBe(`late;valid review;invalid ${causeOf(1)}`);
  });

  it("keeps a deferred click out until it is settled", () => {
    const plan = { minute: 0, ad: 1, count: 1, cpc: 1, first: 3, isLate: false, joiners: [] };
    expect(settledLines(linesOf({ ...plan, moves: [] }, "imp_1").map(place))).toEqual([]);
    expect(settledLines(linesOf({ ...plan, moves: [0] }, "imp_1").map(place))).toMatchObject([{ verdict: "valid" }]);
  });

  it.each([0, 5])(
    "has one row of a click that two logs have, when the one has withdrawn it: the owner’s, %i",
    (ahead) => {
      const plan = { minute: 0, ad: 1, count: 1, cpc: 1, first: 0, isLate: false, joiners: [] };
      const [entry] = linesOf({ ...plan, moves: [] }, "imp_1") as [LoggedEvent];
      const revision = { n: 1, from: VALID, cause: "audit/2026-04-20/0001", by: "key_7", atMs: 1, isListed: false };
      const owned = place({ ...entry, verdict: "duplicate", reason: "same_impression" }, ahead);
      const foreign = [entry, { ...entry, ...WITHDRAWN, revision }].map((line, seq) =>
        inLogOf("clicks-1", line, seq + 1),
      );
      expect(settledLines([...foreign, owned])).toMatchObject([{ verdict: "duplicate", source: "clicks-0/life" }]);
    },
  );

  it("has the row of a click that came once more when its keys were forgotten", () => {
    const plan = { minute: 0, ad: 1, count: 1, cpc: 1, first: 0, isLate: false, joiners: [] };
    const [entry] = linesOf({ ...plan, moves: [] }, "imp_1") as [LoggedEvent];
    const again: LoggedEvent = { ...entry, verdict: "deferred", reason: "key_table_dropped" };
    expect(settledLines([place(again, 9), place(entry, 1)])).toMatchObject([{ verdict: "valid", seq: 1 }]);
  });

  it("commits to a token by SHA-256 of its text", () => {
    // FIPS 180-2, B.1
    expect(tokenHashOf("abc")).toBe("ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
  });
});
