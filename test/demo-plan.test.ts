/**
 * The demonstration's own parts: the traffic plan is a function of its seed, the truth follows its own rules, and the
 * comparison finds what differs.
 */
import { describe, expect, it } from "vitest";
import { isoMinute, Tallies } from "../scripts/demo/figures.ts";
import { addTraffic, type CountedClick, differencesBetween, noRefusals, totalOf } from "../scripts/demo/ledger.ts";
import { addOrder } from "../scripts/demo/orders.ts";
import { makeKeys, makePlan, PROBE_AD, probesIn } from "../scripts/demo/plan.ts";
import { planOrders } from "../scripts/demo/purchases.ts";
import type { PlannedRequest } from "../scripts/demo/requests.ts";
import type { Answer } from "../scripts/demo/traffic.ts";
import { planUploads } from "../scripts/demo/uploads.ts";
import { BROWSER, CRAWLER, NOON_MS } from "./support/builders.ts";

const AGENTS = {
  browsers: [{ text: BROWSER, weight: 1 }],
  crawlers: [CRAWLER],
  previews: ["Slackbot-LinkExpanding 1.0 (+https://api.slack.com/robots)"],
  programs: ["curl/8.5.0"],
};
const MINUTE_MS = 60_000;
const START_MS = NOON_MS + 45_000;

function aPlan({ seed = 7, clicks = 2_000, startMs = START_MS } = {}): PlannedRequest[] {
  return makePlan({ clicks, seed, startMs, durationMs: 20_000, agents: AGENTS, keys: makeKeys(seed) });
}

/** The answers of a Worker that does what it must, at once. */
function answered(plan = aPlan()): Answer[] {
  return plan.map((planned, index): Answer => {
    const { expect: expected, atMs, type } = planned;
    const answer = { planned, problem: null, isPixel: false, clickId: null, receivedAtMs: null, latencyMs: 1 };
    if (expected.kind === "refused") return { ...answer, status: expected.status, problem: expected.problem };
    const taken = { ...answer, receivedAtMs: START_MS + Math.floor(atMs) };
    return type === "impression"
      ? { ...taken, status: 200, isPixel: true }
      : { ...taken, status: 302, clickId: `2~key~click ${index}~mac` };
  });
}

function foldedFrom(answers: readonly Answer[]) {
  const tallies = new Tallies();
  const refusals = noRefusals();
  const clicks = addTraffic(answers, tallies, refusals);
  return { tallies, refusals, clicks, book: tallies.toBook() };
}

describe("the traffic plan", () => {
  it("is the same for the same seed, and another for another", () => {
    expect(aPlan()).toEqual(aPlan());
    expect(aPlan({ seed: 8 })).not.toEqual(aPlan());
  });

  it.each([1, 19, 20, 500, 2_001])("holds exactly %i clicks, in the order of their times", (clicks) => {
    const plan = aPlan({ clicks });
    expect(plan.filter(({ type }) => type === "click")).toHaveLength(clicks);
    const times = plan.map(({ atMs }) => atMs);
    expect(times).toEqual(times.toSorted((a, b) => a - b));
  });

  it("keeps all requests of an impression in one minute, and all pixels away from its ends", () => {
    const minutes = new Map<number, Set<number>>();
    for (const { impression, atMs, type } of aPlan()) {
      const seen = minutes.get(impression) ?? new Set();
      minutes.set(impression, seen.add(Math.floor((START_MS + atMs) / MINUTE_MS)));
      const inMinuteMs = (START_MS + atMs) % MINUTE_MS;
      if (type === "impression") expect(inMinuteMs > 1_000 && inMinuteMs < MINUTE_MS - 1_000).toBe(true);
    }
    expect(Array.from(minutes.values()).filter(({ size }) => size > 1)).toEqual([]);
    expect(new Set(aPlan().map(({ atMs }) => Math.floor((START_MS + atMs) / MINUTE_MS))).size).toBe(2);
  });

  it("mixes every kind of outcome", () => {
    const outcomes = new Set(
      aPlan().map(({ type, expect: { kind, ...rest } }) => JSON.stringify([type, kind, kind === "soon" ? null : rest])),
    );
    expect(outcomes.size).toBe(27);
  });

  it("gives each probe an ad and a time of its own", () => {
    const probes = aPlan().filter(({ ids, type }) => type === "click" && ids.adId.startsWith(PROBE_AD));
    expect(new Set(probes.map(({ ids }) => ids.adId)).size).toBe(probesIn(2_000));
    expect(probes).toHaveLength(probesIn(2_000));
  });
});

describe("the truth", () => {
  it("counts one valid click and impression per impression that claims, and gross as the sum", () => {
    const { values } = totalOf(foldedFrom(answered()).book);
    const claiming = (type: string) =>
      new Set(aPlan().flatMap((planned) => (planned.type === type && claims(planned) ? [planned.impression] : [])))
        .size;
    expect(values.clicks).toBe(claiming("click"));
    expect(values.impressions).toBe(claiming("impression"));
    const { clicks, duplicate_clicks, invalid_clicks, late_clicks, gross_clicks } = values;
    expect(gross_clicks).toBe(Number(clicks) + Number(duplicate_clicks) + Number(invalid_clicks) + Number(late_clicks));
  });

  it("takes a click on a fresh token for a person's when it comes late enough", () => {
    const plan = aPlan();
    const soon = answered(plan).filter(({ planned }) => planned.expect.kind === "soon");
    expect(totalOf(foldedFrom(soon).book).reasons.get("too_fast")).toBe(soon.length);
    const slow = soon.map((answer) => ({ ...answer, receivedAtMs: Number(answer.receivedAtMs) + 300 }));
    expect(totalOf(foldedFrom(slow).book).values.clicks).toBe(soon.length);
  });

  it("uploads between 1 and 2 % of clicks' worth of impressions, and expects one batch of each kind of trouble", () => {
    const uploads = planUploads({ clicks: 5_000, seed: 1, minutes: ["2026-04-20T12:00:00Z"] });
    const counted = uploads.filter((upload) => upload.expect === "counted");
    const impressions = counted.flatMap(({ rows }) => rows).reduce((sum, row) => sum + row.impressions, 0);
    expect(5_000 / impressions).toBeGreaterThan(0.01);
    expect(5_000 / impressions).toBeLessThan(0.03);
    expect(uploads.length - counted.length).toBe(4);
  });

  it("credits an order once, to its latest click, with its corrections, and a retracted one to nobody", () => {
    const click = (minute: string): CountedClick => {
      const ids = { adId: "ad_1", campaignId: "cmp_1", advertiserId: "adv_1" };
      const receivedAtMs = Date.parse(minute);
      return { clickId: "2~x", impression: 1, ids, minute, receivedAtMs, verdict: "valid", reason: null };
    };
    const [early, late] = [click("2026-04-20T12:00:00Z"), click("2026-04-20T12:01:00Z")];
    const word = { way: "row", expect: "", occurredMinute: "2026-04-20T12:02:00Z" } as const;
    const record = { ...word, fields: { value_micros: 100 }, effect: "record" } as const;
    const order = [
      { ...record, click: late },
      { ...record, click: late, effect: null },
      { ...record, click: early },
      { ...word, click: late, fields: { value_micros: -30 }, effect: "correct" } as const,
    ];
    const tallies = new Tallies();
    addOrder(order, tallies);
    const { ad_id, minute } = tallies.toBook();
    expect(ad_id.get("ad_1")?.values).toMatchObject({ conversions: 1, conversion_value_micros: 70 });
    expect(minute.get(late.minute)?.values.conversions).toBe(1);
    expect(minute.get(word.occurredMinute)?.values.conversions_by_time).toBe(1);
    addOrder([...order, { ...word, click: late, fields: {}, effect: "retract" }], tallies);
    expect(totalOf(tallies.toBook()).values.conversions).toBe(1);
  });

  it("plans the same orders whatever the order of receipt, each on clicks of its own", () => {
    const { clicks } = foldedFrom(answered());
    const options = { seed: 1, nowMs: NOON_MS };
    const orders = planOrders(clicks, options);
    expect(planOrders(clicks.toReversed(), options)).toEqual(orders);
    const valid = clicks.filter(({ verdict }) => verdict === "valid").length;
    expect(orders.length).toBe(Math.floor(valid * 0.04));
    const used = orders.flatMap((order) => [
      ...new Set(order.filter((one) => one.click.verdict === "valid").map((one) => one.click.clickId)),
    ]);
    expect(new Set(used).size).toBe(used.length);
  });
});

describe("the comparison", () => {
  it("finds no difference between the truth and itself", () => {
    const { book, refusals } = foldedFrom(answered());
    expect(totalOf(book).values.gross_clicks).toBeGreaterThan(1_500);
    expect(differencesBetween(book, book, refusals)).toEqual([]);
  });

  it("names a click that the report lacks in each of its sums", () => {
    const answers = answered();
    const { book, refusals } = foldedFrom(answers);
    const lost = answers.findIndex(({ planned: { type, ids } }) => type === "click" && ids.adId === `${PROBE_AD}0`);
    const short = foldedFrom(answers.toSpliced(lost, 1)).book;
    const names = differencesBetween(book, short, refusals).map(({ what }) => what);
    for (const key of ["all", "adv_0", `${PROBE_AD}0`, isoMinute(NOON_MS)]) {
      const place = key.startsWith("adv") ? names.find((name) => name.startsWith("adv_"))?.split(" ")[0] : key;
      for (const metric of ["clicks", "gross_clicks", "spend_micros", "ctr"]) {
        expect(names).toContain(`${place} · ${metric}`);
      }
    }
  });

  it("names a request that got another answer than planned", () => {
    const answers = answered();
    const at = answers.findIndex(({ planned }) => planned.type === "click" && planned.expect.kind === "claims");
    const wrong = answers.with(at, { ...(answers[at] as Answer), status: 0, receivedAtMs: null });
    const { book, refusals } = foldedFrom(wrong);
    expect(differencesBetween(book, book, refusals)).toEqual([{ what: "refused no answer", truth: 0, report: 1 }]);
  });
});

function claims({ expect: { kind } }: PlannedRequest): boolean {
  return kind === "claims";
}
