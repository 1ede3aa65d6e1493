import { readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { parse } from "yaml";
import { ALARMS, type Alarm, isMet, judge, type MetSince, renderAlertRules, runbookOf } from "../../src/core/alarms.ts";
import { MINUTE_MS } from "../../src/core/limits.ts";
import { METRICS, type Sample } from "../../src/core/metrics.ts";

const START_MS = Date.parse("2026-04-20T12:00:00Z");
const EACH: readonly Alarm[] = ALARMS;
const labelled = ({ metric, of }: Alarm) => ("by" in METRICS[metric] ? { of: of ?? "any" } : {});
const bound = ({ above, below }: Alarm) => above ?? below ?? Number.NaN;
const sampleOf = (alarm: Alarm, isWrong: boolean): Sample => {
  const step = (alarm.above === undefined ? -1 : 1) * (isWrong ? 1 : 0);
  return { name: alarm.metric, value: bound(alarm) + step, ...labelled(alarm) };
};

describe.each(EACH)("the alarm $alarm", (alarm) => {
  const { forMinutes, isOfScraper } = alarm;

  it("fires beyond its bound, not at it, and clears in the first minute in which that is over", () => {
    let metSince: MetSince = {};
    const minute = (at: number, isWrong: boolean) => {
      const seen = { samples: [sampleOf(alarm, isWrong)], unknown: new Set<never>() };
      const said = judge(seen, metSince, START_MS + at * MINUTE_MS);
      metSince = said.metSince;
      return said.raised.has(alarm.alarm);
    };
    expect(isMet(alarm, [sampleOf(alarm, false)])).toBe(false);
    expect(isMet(alarm, [sampleOf(alarm, true)])).toBe(true);
    expect(isMet(alarm, [])).toBe(false);
    // Cron does not judge whether cron runs.
    if (isOfScraper === true) return expect(minute(0, true)).toBe(false);
    for (let at = 0; at < forMinutes; at++) expect(minute(at, true), `minute ${at}`).toBe(false);
    expect(minute(forMinutes, true)).toBe(true);
    expect(minute(forMinutes + 1, true)).toBe(true);
    expect(minute(forMinutes + 2, false)).toBe(false);
    // A break begins the time anew.
    expect(minute(forMinutes + 3, true)).toBe(forMinutes === 0);
  });

  it("is neither raised nor cleared, nor begun anew, by a minute in which its metric is not known", () => {
    if (isOfScraper === true) return;
    const unknown = { samples: [], unknown: new Set([alarm.metric]) };
    const at = (minute: number) => START_MS + minute * MINUTE_MS;
    expect(judge(unknown, {}, at(0))).toEqual({ metSince: {}, raised: new Set() });
    const met = judge({ samples: [sampleOf(alarm, true)], unknown: new Set() }, {}, at(0)).metSince;
    const { metSince, raised } = judge(unknown, met, at(forMinutes));
    expect(metSince).toEqual(met);
    expect(raised).toEqual(new Set([alarm.alarm]));
    expect(judge({ samples: [sampleOf(alarm, false)], unknown: new Set() }, metSince, at(1)).raised.size).toBe(0);
  });

  it("says in the book of operations what to do, under the heading that its rule names", () => {
    const anchor = runbookOf(alarm.alarm).split("#")[1] ?? "";
    const headings = Array.from(readFileSync("docs/OPERATIONS.md", "utf8").matchAll(/^#+ (.+)$/gm), ([, title = ""]) =>
      title
        .toLowerCase()
        .replaceAll(/[^a-z0-9 _-]/g, "")
        .replaceAll(" ", "-"),
    );
    expect(headings).toContain(anchor);
  });
});

describe("ops/alerts.yml", () => {
  type Rule = { alert: string; expr: string; for: string; annotations: { runbook_url: string; summary: string } };
  const file = readFileSync("ops/alerts.yml", "utf8");

  it("is what the table of alarms says (npm run alerts)", () => {
    expect(file).toBe(renderAlertRules());
  });

  it("is one group of Prometheus with a rule an alarm, over metrics that there are", () => {
    const { groups } = parse(file) as { groups: { name: string; rules: Rule[] }[] };
    const rules = groups.flatMap((group) => group.rules);
    expect(groups).toHaveLength(1);
    expect(rules.map((rule) => rule.annotations.summary)).toEqual(EACH.map(({ summary }) => summary));
    for (const { alert, expr, for: time } of rules) {
      expect(alert).toMatch(/^Clickledger[A-Z][A-Za-z]+$/);
      expect(time).toMatch(/^\d+m$/);
      const [, metric = "", label] = /^([a-z0-9_]+)(?:\{([a-z]+)="[a-z]+"\})? [<>] [\d.]+$/.exec(expr) ?? [];
      expect(Object.keys(METRICS)).toContain(metric);
      const known: { by?: string } = METRICS[metric as keyof typeof METRICS] as object;
      if (label !== undefined) expect(known.by).toBe(label);
    }
    expect(new Set(rules.map(({ alert }) => alert)).size).toBe(EACH.length);
  });
});
