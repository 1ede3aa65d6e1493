/** What is told from the canary's clicks: lost, late, double, failed, and how long it took. */
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import {
  BOUNDS_MS,
  beginClick,
  type CanaryBook,
  canaryAd,
  canaryClaims,
  canaryState,
  EMPTY_BOOK,
  endClick,
  percentile,
  STATUS_DAYS,
  settle,
} from "../../src/core/canary.ts";
import { parseClaims } from "../../src/core/claims.ts";
import { DAY_MS, MINUTE_MS, SECOND_MS } from "../../src/core/limits.ts";
import { assert } from "../../src/core/result.ts";
import { NOON_MS } from "../support/builders.ts";

const MINUTE = NOON_MS / MINUTE_MS;
const ANSWERED = { failure: null, tookMs: 40 };
const counts = (seen: number, minute = MINUTE) => new Map([[`${minute} ${canaryAd(MINUTE)}`, seen]]);

function begun(book: CanaryBook = EMPTY_BOOK, minute = MINUTE): CanaryBook {
  const next = beginClick(book, minute, minute * MINUTE_MS);
  assert(next !== null, "the minute has no click yet");
  return next;
}
const clicked = (answered: Parameters<typeof endClick>[2] = ANSWERED) => endClick(begun(), MINUTE, answered);

describe("the canary", () => {
  it("clicks once a minute, however often cron fires", () => {
    expect(beginClick(begun(), MINUTE, NOON_MS)).toBeNull();
    expect(beginClick(begun(), MINUTE - 1, NOON_MS)).toBeNull();
    expect(beginClick(begun(), MINUTE + 1, NOON_MS + MINUTE_MS)?.days[0]?.clicks).toBe(2);
  });

  it("has a token that is test traffic, free, and of a tenant that nobody is", () => {
    const claims = parseClaims(canaryClaims(MINUTE, { jti: "j", lifeS: 60 }, NOON_MS));
    expect(claims).toMatchObject({ ok: true, value: { tst: true, cpc: 0, adv: "clickledger-canary" } });
  });

  it("is well when its click is in the report, in its minute or the next one", () => {
    for (const minute of [MINUTE, MINUTE + 1]) {
      const book = settle(clicked(), counts(1, minute), NOON_MS + 3 * SECOND_MS);
      expect(canaryState(book, NOON_MS + 3 * SECOND_MS)).toBe("ok");
      expect(book.days[0]).toMatchObject({ clicks: 1, failed: 0, lost: 0, delayed: 0, doubled: 0 });
      expect(percentile(book.days[0]?.freshnessMs ?? [], 0.99)).toBe(3_000);
    }
  });

  it("tells of a loss and of a double at the second look, within three minutes", () => {
    const lost = settle(clicked(), new Map(), NOON_MS + 2 * MINUTE_MS);
    expect(canaryState(lost, NOON_MS + 2 * MINUTE_MS)).toBe("losing");
    expect(lost.days[0]?.lost).toBe(1);
    const doubled = settle(clicked(), counts(2), NOON_MS + 2 * MINUTE_MS);
    expect(canaryState(doubled, NOON_MS + 2 * MINUTE_MS)).toBe("doubling");
    expect(doubled.days[0]).toMatchObject({ doubled: 1, lost: 0 });
  });

  it("calls no click lost before its time, nor one that another minute's stands for", () => {
    expect(canaryState(settle(clicked(), new Map(), NOON_MS + 99 * SECOND_MS), NOON_MS)).toBe("ok");
    const others = new Map([
      [`${MINUTE + 32} ${canaryAd(MINUTE)}`, 1],
      [`${MINUTE} ${canaryAd(MINUTE + 1)}`, 1],
    ]);
    expect(settle(clicked(), others, NOON_MS + 2 * MINUTE_MS).days[0]?.lost).toBe(1);
  });

  it("takes a loss back when the click comes after all, and keeps that it was late", () => {
    const lost = settle(clicked(), new Map(), NOON_MS + 2 * MINUTE_MS);
    const found = settle(lost, counts(1), NOON_MS + 4 * MINUTE_MS);
    expect(found.days[0]).toMatchObject({ lost: 0, delayed: 1 });
    expect(settle(found, counts(1), NOON_MS + 5 * MINUTE_MS).days[0]).toMatchObject({ lost: 0, delayed: 1 });
  });

  it("is failing where a click is not redirected, and loses nothing by that", () => {
    const failed = settle(clicked({ failure: "status 503", tookMs: 9 }), new Map(), NOON_MS + 2 * MINUTE_MS);
    expect(canaryState(failed, NOON_MS + 2 * MINUTE_MS)).toBe("failing");
    expect(failed.days[0]).toMatchObject({ failed: 1, lost: 0 });
    expect(failed.clicks[0]?.why).toBe("status 503");
  });

  it("knows nothing of a click whose answer nobody saw, unless it was counted twice", () => {
    expect(settle(begun(), new Map(), NOON_MS + 5 * MINUTE_MS).days[0]).toMatchObject({ lost: 0, failed: 0 });
    expect(settle(begun(), counts(2), NOON_MS + 5 * MINUTE_MS).days[0]?.doubled).toBe(1);
  });

  it("is unread while no report can be read, silent while nobody clicks, off where nobody ever did", () => {
    const later = [1, 2, 3, 4].reduce((book, more) => begun(book, MINUTE + more), clicked());
    expect(canaryState(later, NOON_MS + 4 * MINUTE_MS)).toBe("unread");
    const silent = settle(clicked(), counts(1), NOON_MS + SECOND_MS);
    expect(canaryState(silent, NOON_MS + 4 * MINUTE_MS)).toBe("silent");
    expect(canaryState({ ...silent, clicks: [] }, NOON_MS + DAY_MS)).toBe("silent");
    expect(canaryState(null, NOON_MS)).toBe("off");
  });

  it("keeps a click that is missing for a day, others for a quarter of an hour, and 90 days of sums", () => {
    const later = NOON_MS + 20 * MINUTE_MS;
    expect(settle(clicked(), new Map(), later).clicks).toHaveLength(1);
    expect(settle(clicked(), counts(1), later).clicks).toHaveLength(0);
    expect(settle(clicked(), new Map(), NOON_MS + DAY_MS).clicks).toHaveLength(0);
    let book = EMPTY_BOOK;
    for (let day = 0; day < STATUS_DAYS + 9; day++) book = begun(book, MINUTE + (day * DAY_MS) / MINUTE_MS);
    expect(book.days).toHaveLength(STATUS_DAYS);
  });

  it("gives percentiles that no click of that share exceeds", () => {
    fc.assert(
      fc.property(fc.array(fc.integer({ min: 0, max: 120_000 }), { minLength: 1, maxLength: 50 }), (took) => {
        const book = took.reduce((sum, tookMs, at) => {
          return endClick(begun(sum, MINUTE + at), MINUTE + at, { failure: null, tookMs });
        }, EMPTY_BOOK);
        const histogram = book.days.reduce<number[]>(
          (sum, { redirectMs }) => Array.from(BOUNDS_MS, (_, at) => (sum[at] ?? 0) + (redirectMs[at] ?? 0)),
          [],
        );
        for (const share of [0.5, 0.95, 0.99]) {
          const bound = percentile(histogram, share) ?? Number.NaN;
          expect(took.filter((ms) => ms <= bound).length).toBeGreaterThanOrEqual(took.length * share);
        }
      }),
    );
    expect(percentile([], 0.5)).toBeNull();
  });
});
