import { describe, expect, it } from "vitest";
import { foldLateClick, type LateClicks } from "../../src/core/late-click.ts";
import type { LoggedEvent } from "../../src/core/log-line.ts";
import { type Decision, VERDICTS } from "../../src/core/verdict.ts";
import { anOpenedClick, NOON_MS } from "../support/builders.ts";
import { mergeLateClicks } from "../support/memory-facts.ts";
import { RULES } from "../support/rules.ts";

const RECEIVED_MS = NOON_MS + 300_000;
const REVIEW = { by: "key_7", atMs: NOON_MS + 900_000 };

function aLate(overrides: Partial<LoggedEvent> = {}): LoggedEvent {
  const opened = anOpenedClick({ occurredAtMs: NOON_MS, receivedAtMs: RECEIVED_MS, count: 2 });
  return {
    ...opened,
    verdict: "late",
    reason: "late",
    seq: 1,
    loggedAtMs: RECEIVED_MS,
    rules: RULES.id,
    review: null,
    ...overrides,
  };
}

function fold(...parts: LoggedEvent[][]): LateClicks {
  const lates: LateClicks = new Map();
  for (const part of parts) {
    const some: LateClicks = new Map();
    for (const logged of part) foldLateClick(some, logged);
    mergeLateClicks(lates, some);
  }
  return lates;
}

describe("the review list", () => {
  it("shows a late click as a tenant sees it", () => {
    const late = aLate();
    expect(Array.from(fold([late]).values())).toEqual([
      {
        eventId: late.event.id,
        advertiserId: "adv_1",
        campaignId: "cmp_7",
        adId: "ad_9",
        publisherId: "pub_1",
        clicks: 2,
        cpcMicros: 250_000,
        occurredAtMs: NOON_MS,
        receivedAtMs: RECEIVED_MS,
        verdict: "late",
        reason: "late",
        review: null,
      },
    ]);
  });

  it("follows a revision of a listed click, in any order, and lists none that is of another", () => {
    const late = aLate();
    const revision = {
      ...{ n: 1, from: { verdict: "late", reason: "late" } as const, cause: "audit/2026-04-20/0001" },
      ...{ by: "key_8", atMs: NOON_MS + 1_000_000, isListed: true },
    };
    const revised = aLate({ event: late.event, verdict: "invalid", reason: "signature_invalid", revision });
    for (const parts of [[[late, revised]], [[late], [revised]], [[revised], [late]]]) {
      expect(Array.from(fold(...parts).values())).toMatchObject([
        {
          ...{ clicks: 2, verdict: "invalid", reason: "signature_invalid" },
          review: { by: "key_8", atMs: revision.atMs },
        },
      ]);
    }
    expect(fold([{ ...revised, revision: { ...revision, isListed: false } }]).size).toBe(0);
  });

  it.each(VERDICTS.filter((verdict) => verdict !== "late"))("shows nothing of an event that is %s", (verdict) => {
    expect(fold([aLate({ verdict, reason: null })]).size).toBe(0);
  });

  it.each([
    { verdict: "valid", reason: "late_accepted" },
    { verdict: "duplicate", reason: "same_impression" },
    { verdict: "invalid", reason: "late_rejected" },
  ] as Decision[])("shows a decided click with its newest state: $verdict", (decision) => {
    const late = aLate();
    const decided = { ...late, ...decision, review: REVIEW };
    expect(fold([late, decided]).get(late.event.id)).toMatchObject({ ...decision, review: REVIEW });
  });

  it("is the same for any split of the log", () => {
    const one = aLate();
    const other = aLate();
    const { id: to, occurredAtMs, country, device } = one.event;
    const joins = { to, occurredAtMs, country, device };
    const moved = { ...one.event, count: 6 };
    const review = { ...one, event: moved, verdict: "invalid", reason: "late_rejected", review: REVIEW } as const;
    const log = [one, aLate({ joins }), other, aLate({ joins }), review];
    const whole = fold(log);
    expect(Array.from(whole.values(), ({ eventId, clicks }) => [eventId, clicks])).toEqual([
      [to, 6],
      [other.event.id, 2],
    ]);
    expect(whole.get(to)).toMatchObject({ verdict: "invalid", review: REVIEW, occurredAtMs });
    for (let at = 0; at <= log.length; at++) expect(fold(log.slice(0, at), log.slice(at))).toEqual(whole);
  });
});
