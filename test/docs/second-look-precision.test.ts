/**
 * How often second looks are right, on clicks of which it is known who made them: those of the demonstration's history,
 * honest people who come near the rules, and fraud that was planted. The figures stand in docs/METHODOLOGY.md.
 *
 * Keeps: everything is drawn from a seed. It says how the rules work, not how they do on real traffic.
 */
import { readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { BaitLook, type PlacedClick } from "../../src/core/bait.ts";
import type { EventId } from "../../src/core/event-id.ts";
import { HOUR_MS, MINUTE_MS, SECOND_MS } from "../../src/core/limits.ts";
import { outlyingPublishers, SecondLook, type SeenClick, type UserRule } from "../../src/core/second-look.ts";
import { clicksOfDay } from "../../src/demo/history/clicks.ts";
import { Chance } from "../simulation/chance.ts";
import { NOON_MS } from "../support/builders.ts";

const RULES: readonly UserRule[] = ["high_frequency", "regular_intervals", "short_time_to_click"];
const DAY = Math.floor(NOON_MS / (24 * HOUR_MS));
const HISTORY_DAYS = 7;
const FRAUDS = 60;

/** Who made a click: nobody's fraud, or a program that one of the rules is for. */
type Maker = "person" | UserRule;
type Known = SeenClick & { readonly maker: Maker };

function makeClicks(): Known[] {
  const chance = new Chance(1, "second looks");
  const clicks: Known[] = [];
  const add = (maker: Maker, user: string, atMs: number, afterAdMs: number) => {
    const event = `e${clicks.length}` as EventId;
    const receivedAtMs = Math.round(atMs);
    const who = { advertiserId: "adv_1", adId: "ad_1", userKey: user };
    clicks.push({ maker, event, ...who, receivedAtMs, issuedAtMs: receivedAtMs - Math.round(afterAdMs) });
  };
  const anywhere = () => NOON_MS + chance.unit() * 8 * HOUR_MS;
  const reading = () => 1_500 + chance.unit() * 60 * SECOND_MS;
  for (let user = 0; user < 200; user++) {
    // Somebody who clicks an ad wherever it comes up, within some minutes; sometimes at once.
    let atMs = anywhere();
    for (let click = chance.between(2, 9); click > 0; click--) {
      atMs += 2_000 + chance.unit() ** 2 * 90 * SECOND_MS;
      add("person", `eager-${user}`, atMs, chance.is(0.2) ? 600 + chance.unit() * 900 : reading());
    }
  }
  for (let user = 0; user < 20; user++) {
    // A device that many people share, as in a shop.
    let atMs = anywhere();
    for (let click = 0; click < 40; click++) {
      atMs += -Math.log(1 - chance.unit()) * MINUTE_MS;
      add("person", `shared-${user}`, atMs, reading());
    }
  }
  for (let user = 0; user < FRAUDS; user++) {
    const startMs = anywhere();
    for (let click = chance.between(6, 30); click > 0; click--) {
      add("high_frequency", `rate-${user}`, startMs + chance.unit() * MINUTE_MS, reading());
    }
    const gapMs = (20 + chance.unit() * 380) * SECOND_MS;
    const jitter = chance.unit() * 0.03;
    for (let click = 0; click < 20; click++) {
      const atMs = startMs + click * gapMs * (1 + (chance.unit() - 0.5) * (jitter / Math.max(1, click)));
      add("regular_intervals", `timer-${user}`, atMs, reading());
    }
    for (let click = chance.between(5, 20); click > 0; click--) {
      add("short_time_to_click", `soon-${user}`, startMs + chance.unit() * HOUR_MS, 50 + chance.unit() * 1_100);
    }
  }
  return [...clicks, ...clicksOfHistory()].sort((a, b) => a.receivedAtMs - b.receivedAtMs);
}

function clicksOfHistory(): Known[] {
  const days = Array.from({ length: HISTORY_DAYS }, (_, at) => clicksOfDay(DAY - at, NOON_MS + 24 * HOUR_MS));
  return days.flat().flatMap(({ ad, client, expect: { verdict }, jti, iatS, receivedAtMs }) => {
    const userKey = client.uid ?? client.userHash;
    if (verdict !== "valid" || userKey === null) return [];
    const who = { advertiserId: "adv_demo", adId: ad.id, userKey, receivedAtMs, issuedAtMs: iatS * SECOND_MS };
    return [{ maker: "person" as const, event: jti as EventId, ...who }];
  });
}

const percent = (of: number, all: number) => `${((100 * of) / all).toFixed(1)} in 100`;

/** What a rule names of all clicks, as a sentence. */
function measured(rule: UserRule, clicks: readonly Known[]): string {
  const look = new SecondLook([rule]);
  const named = new Set(clicks.flatMap((click) => look.add(click).map(({ event }) => event)));
  const makers = clicks.filter(({ event }) => named.has(event)).map(({ maker }) => maker);
  const wrong = makers.filter((maker) => maker === "person").length;
  const own = makers.filter((maker) => maker === rule).length;
  const planted = clicks.filter(({ maker }) => maker === rule).length;
  const precision = percent(named.size - wrong, named.size);
  return `\`${rule}\` names ${named.size} clicks, ${precision} of them planted; it finds ${percent(own, planted)} of its ${planted} and names ${wrong} of people.`;
}

const PLANTED_PUBLISHERS = 20;

/** Publishers as they are, some with a place that works well, and some that have their own links clicked. */
function makePublishers() {
  const chance = new Chance(1, "publishers");
  return Array.from({ length: 220 }, (_, at) => {
    const isPlanted = at < PLANTED_PUBLISHERS;
    const isGood = at >= PLANTED_PUBLISHERS && at < PLANTED_PUBLISHERS + 10;
    const rate = isPlanted
      ? 0.02 + chance.unit() * 0.2
      : isGood
        ? 0.03 + chance.unit() * 0.12
        : 0.002 + chance.unit() * 0.02;
    const impressions = Math.round(500 * 10 ** (2 * chance.unit()));
    return { publisherId: `p${at}`, isPlanted, impressions, clicks: Math.round(impressions * rate) };
  });
}

type Baited = PlacedClick & { readonly maker: "person" | "program" };

/** Programs that click whatever a page has, most of them a bait as well; some on a device on which a person clicks, too. */
function makeBaited(): Baited[] {
  const chance = new Chance(1, "baits");
  const clicks: Baited[] = [];
  const add = (maker: Baited["maker"], user: string, atMs: number, placementId: string) => {
    const at = { receivedAtMs: Math.round(atMs), issuedAtMs: Math.round(atMs) - 5_000 };
    const event = `b${clicks.length}` as EventId;
    clicks.push({ maker, event, ...{ advertiserId: "adv_1", adId: "ad_1", userKey: user }, ...at, placementId });
  };
  for (let user = 0; user < FRAUDS; user++) {
    const startMs = NOON_MS + chance.unit() * 8 * HOUR_MS;
    const name = `program-${user}`;
    for (let click = chance.between(4, 20); click > 0; click--) {
      add("program", name, startMs + chance.unit() * 2 * HOUR_MS, `top_${click}`);
    }
    if (chance.is(0.8)) add("program", name, startMs + chance.unit() * 2 * HOUR_MS, "bait_1");
    if (!chance.is(0.2)) continue;
    for (let click = chance.between(1, 6); click > 0; click--) {
      add("person", name, startMs + chance.unit() * 4 * HOUR_MS, "top_1");
    }
  }
  return clicks.sort((a, b) => a.receivedAtMs - b.receivedAtMs);
}

describe("second looks that are only looked at", () => {
  const text = readFileSync(new URL("../../docs/METHODOLOGY.md", import.meta.url), "utf8").replace(/\s+/g, " ");

  it("are as right as the document says on drawn publishers", () => {
    const publishers = makePublishers();
    const named = new Set(outlyingPublishers(publishers));
    const found = publishers.filter(({ publisherId, isPlanted }) => isPlanted && named.has(publisherId)).length;
    const precision = percent(found, named.size);
    const told = `\`outlying_ctr\` names ${named.size} of ${publishers.length} publishers, ${precision} of them planted; it finds ${found} of ${PLANTED_PUBLISHERS} and names ${named.size - found} that are honest.`;
    expect(text).toContain(told);
  });

  it("are as right as the document says on drawn baits", () => {
    const clicks = [...makeBaited(), ...makeClicks().map((click) => ({ ...click, placementId: null }))];
    const look = new BaitLook();
    const named = new Set(clicks.flatMap((click) => look.add(click).map(({ event }) => event)));
    const makers = clicks.filter(({ event }) => named.has(event)).map(({ maker }) => maker);
    const wrong = makers.filter((maker) => maker === "person").length;
    const planted = clicks.filter(({ maker }) => maker === "program").length;
    const precision = percent(named.size - wrong, named.size);
    const told = `\`bait_placement\` names ${named.size} clicks, ${precision} of them planted; it finds ${percent(named.size - wrong, planted)} of its ${planted} and names ${wrong} of people.`;
    expect(text).toContain(told);
  });
});

describe("second looks at clicks whose makers are known", () => {
  const clicks = makeClicks();
  const people = clicks.filter(({ maker }) => maker === "person").length;
  const text = readFileSync(new URL("../../docs/METHODOLOGY.md", import.meta.url), "utf8").replace(/\s+/g, " ");

  it("are made of so many clicks of people and of programs as the document says", () => {
    expect(text).toContain(`on ${people} clicks of people and ${clicks.length - people} that were planted`);
  });

  it.each(RULES)("are as right as the document says, and no more: %s", (rule) => {
    expect(text).toContain(measured(rule, clicks));
  });
});
