/**
 * The demonstration's own parts: the traffic plan is a function of its seed, and the comparison finds what differs.
 */
import { describe, expect, it } from "vitest";
import { differencesBetween, emptyLedger, truthOf } from "../scripts/demo/ledger.ts";
import { makeKeys, makePlan, type PlannedRequest, PROBE_AD, probesIn } from "../scripts/demo/plan.ts";
import type { Answer } from "../scripts/demo/traffic.ts";
import { BROWSER, CRAWLER, NOON_MS } from "./support/builders.ts";

const AGENTS = { browsers: [{ text: BROWSER, weight: 1 }], crawlers: [CRAWLER] };
const MINUTE_MS = 60_000;

function aPlan({ seed = 7, requests = 2_000, startMs = NOON_MS + 45_000 } = {}): PlannedRequest[] {
  return makePlan({ requests, seed, startMs, durationMs: 20_000, agents: AGENTS, keys: makeKeys(seed) });
}

describe("the traffic plan", () => {
  it("is the same for the same seed, and another for another", () => {
    expect(aPlan()).toEqual(aPlan());
    expect(aPlan({ seed: 8 })).not.toEqual(aPlan());
  });

  it.each([1, 19, 20, 500, 2_001])("holds exactly %i requests, in the order of their times", (requests) => {
    const times = aPlan({ requests }).map(({ atMs }) => atMs);
    expect(times).toHaveLength(requests);
    expect(times).toEqual(times.toSorted((a, b) => a - b));
  });

  it("keeps all requests of an impression in one minute", () => {
    const minutes = new Map<number, Set<number>>();
    for (const { impression, atMs } of aPlan()) {
      const seen = minutes.get(impression) ?? new Set();
      minutes.set(impression, seen.add(Math.floor((NOON_MS + 45_000 + atMs) / MINUTE_MS)));
    }
    expect(Array.from(minutes.values()).filter(({ size }) => size > 1)).toEqual([]);
  });

  it("mixes every kind of outcome", () => {
    const outcomes = new Set(aPlan().map(({ expect: expected }) => JSON.stringify(expected)));
    expect(outcomes.size).toBe(12);
  });

  it("gives each probe an ad and a time of its own", () => {
    const probes = aPlan().filter(({ adId }) => adId.startsWith(PROBE_AD));
    expect(new Set(probes.map(({ adId }) => adId)).size).toBe(probesIn(2_000));
    expect(probes).toHaveLength(probesIn(2_000));
  });
});

describe("the comparison", () => {
  const answered = (): Answer[] =>
    aPlan().map((planned) => {
      const { expect: expected, atMs } = planned;
      return expected.kind === "refused"
        ? { planned, status: expected.status, problem: expected.problem, receivedAtMs: null, latencyMs: 1 }
        : { planned, status: 302, problem: null, receivedAtMs: NOON_MS + 45_000 + atMs, latencyMs: 1 };
    });

  it("finds no difference between the truth and itself", () => {
    const { ledger, refusals } = truthOf(answered());
    expect(ledger.total.gross).toBeGreaterThan(1_500);
    expect(differencesBetween(ledger, ledger, refusals)).toEqual([]);
  });

  it("counts one valid click per impression that claims, and gross as the sum", () => {
    const { ledger } = truthOf(answered());
    const claiming = new Set(
      aPlan().flatMap(({ impression, expect }) => (expect.kind === "claims" ? [impression] : [])),
    );
    const { valid, duplicate, invalid, late, gross } = ledger.total;
    expect(valid).toBe(claiming.size);
    expect(gross).toBe(valid + duplicate + invalid + late);
  });

  it("names a click that the report lacks in each of its sums", () => {
    const answers = answered();
    const { ledger, refusals } = truthOf(answers);
    const lost = answers.findIndex(({ planned }) => planned.adId === `${PROBE_AD}0`);
    const short = truthOf(answers.toSpliced(lost, 1)).ledger;
    const names = differencesBetween(ledger, short, refusals).map(({ what }) => what);
    expect(names.toSorted()).toEqual([
      "2026-04-20T12:00:00Z · gross",
      "2026-04-20T12:00:00Z · valid",
      "ad_probe_0 · gross",
      "ad_probe_0 · valid",
      "all · gross",
      "all · valid",
    ]);
  });

  it("names a request that got another answer than planned", () => {
    const answers = answered();
    const at = answers.findIndex(({ planned }) => planned.expect.kind === "claims");
    const wrong = answers.with(at, { ...(answers[at] as Answer), status: 0, receivedAtMs: null });
    const { ledger, refusals } = truthOf(wrong);
    expect(differencesBetween(ledger, ledger, refusals)).toEqual([{ what: "refused no answer", truth: 0, report: 1 }]);
  });

  it("starts from nothing", () => {
    expect(emptyLedger().total.gross).toBe(0);
  });
});
