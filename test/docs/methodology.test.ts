/** The methodology: no statement without a test, no number that is not the code's, no change without a version. */
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { withTables } from "../../scripts/methodology.ts";
import { METRICS } from "../../src/report/query/metrics.ts";
import { AGENT_LISTS, METHODOLOGY_VERSION, methodologyOf } from "../../src/well-known/methodology.ts";
import { statements, testTitles, unproven } from "../support/proofs.ts";
import { deployedConfig } from "./deployed.ts";

const document = { path: "docs/METHODOLOGY.md", text: readFileSync("docs/METHODOLOGY.md", "utf8") };
const methodology = methodologyOf(deployedConfig());
const VERSIONS = "test/vectors/methodology";

function titlesOf(path: string): string[] | null {
  return existsSync(path) ? testTitles({ path, text: readFileSync(path, "utf8") }) : null;
}

describe("a statement without a test", () => {
  const titles = ["a › b", "c › b", "c › d"];
  const findings = (text: string) =>
    unproven({ path: "m.md", text }, (path) => (path === "test/a.test.ts" ? titles : null));

  it.each([
    ["- Nothing is named.", "names no test at its end"],
    ["- A file only. `test/a.test.ts`", "names no test at its end"],
    ["- The end is text: `test/a.test.ts › d`, or so.", "names no test at its end"],
    ["Prose between statements.", "names no test at its end"],
    ["| a | row | |", "names no test at its end"],
    ["- No file. `test/b.test.ts › d`", "there is no test/b.test.ts"],
    ["- No title. `test/a.test.ts › e`", 'are called "e"'],
    ["- No whole title. `test/a.test.ts › ›`", 'are called "›"'],
    ["- Two titles. `test/a.test.ts › b`", 'are called "b"'],
    ["- One good and one bad. `test/a.test.ts › d`; `test/a.test.ts › e`", 'are called "e"'],
  ])("is found: %s", (line, finding) => {
    expect(findings(`# M\n\nIntroduction.\n\n## S\n\n${line}\n`)).toEqual([expect.stringContaining(finding)]);
  });

  it("is told from one with a test", () => {
    const list = "- Over\n  two lines. `test/a.test.ts › a › b`; `test/a.test.ts › d`";
    const table = "| Head | Test |\n|---|---|\n| row | `test/a.test.ts › c › b` |";
    expect(findings(`# M\n\nIntroduction.\n\n## S\n\n${list}\n\n${table}\n`)).toEqual([]);
  });

  it("is told by the titles that a file really has", () => {
    const text =
      'describe("a", () => { it("b", () => {}); describe.each([1])("c", () => { it.each([1])("%s", () => {}); }); });';
    expect(testTitles({ path: "t.ts", text: `${text}\n// it("no", …)\nit("d", () => {});` })).toEqual([
      "a › b",
      "a › c › %s",
      "d",
    ]);
  });
});

describe("docs/METHODOLOGY.md", () => {
  it("has no statement without a test that is there", () => {
    expect(statements(document.text).length).toBeGreaterThan(80);
    expect(unproven(document, titlesOf)).toEqual([]);
  });

  it("has the verdicts, metrics, rules, reasons and requirements that the code has: `npm run methodology` writes them", () => {
    expect(withTables(document.text)).toBe(document.text);
  });

  it("keeps beside a row what people wrote of it, drops a row that the code has not, and asks for the tests of a new one", () => {
    const [row = ""] = /^\| `late` .*$/m.exec(document.text) ?? [];
    const renamed = document.text.replace(row, "| `tardy` | Came late. | `test/a.test.ts › b` |");
    const again = withTables(renamed);
    expect(again).not.toContain("tardy");
    expect(again).toContain("| `late` | Its minute ended more than");
    expect(unproven({ path: "m.md", text: again }, titlesOf)).toEqual([expect.stringContaining("names no test")]);
    expect(() => withTables(document.text.replace("## Metrics", "## Measures"))).toThrow("Metrics");
  });

  it("names the versions that were in force, newest first, and what each changed", () => {
    const named = Array.from(document.text.matchAll(/^- Version (\d+)\b/gm), ([, version]) => Number(version));
    expect(named).toEqual(Array.from({ length: METHODOLOGY_VERSION }, (_, at) => METHODOLOGY_VERSION - at));
  });

  const { settings, invalidTraffic, conversions, uniqueUsers, money, late, corrections, retention } = methodology;
  const daysOf = (what: string) => retention.find((kept) => kept.what === what)?.days;
  const laterDays = (settings.dedupHorizonSeconds - settings.tokenLifeMaxSeconds) / 86_400;
  const prose = document.text.replaceAll(/\n {2}/g, " ").replaceAll(/`test\/[^`]+`/g, "");
  it.each([
    ["Methodology version (\\d+)", methodology.methodologyVersion],
    ["rules version (\\d+)", methodology.rulesVersion],
    ["less than (\\d+) ms", invalidTraffic.humanClickMinMs],
    ["`isbot` ([\\d.]+\\d)", invalidTraffic.agents.crawlers.version],
    ["(\\d+) networks are listed", invalidTraffic.networks.listed],
    ["(\\d+) networks are allowed", invalidTraffic.networks.allowed],
    ["last checked (\\d{4}-\\d\\d)", invalidTraffic.networks.checked],
    ["compiled by hand (\\d{4}-\\d\\d)", invalidTraffic.agents.linkPreviews.date],
    ["more than (\\d+) valid clicks", invalidTraffic.secondLooks.clicksPerMinuteMax],
    ["(\\d+) s after the end", settings.latePolicy.allowedLatenessSeconds],
    ["`LATE_POLICY=(\\w+)` is deployed", settings.latePolicy.mode],
    ["up to (\\d+) ms ahead", late.clientClockAheadMaxMs],
    ["life of at most (\\d+) s", settings.tokenLifeMaxSeconds],
    ["token life \\+ (\\d+) days", laterDays],
    ["(\\d+) days unless", conversions.windowDaysDefault],
    ["from (\\d+) to \\d+ days", conversions.windowDaysMin],
    ["from \\d+ to (\\d+) days", conversions.windowDaysMax],
    ["(\\d+) days, then they are forgotten", conversions.orderKeyDays],
    ["older than (\\d+) days", conversions.orderKeyDays],
    ["([\\d ]+) registers", uniqueUsers.registers],
    ["Up to (\\d+) users", uniqueUsers.exactUpTo],
    ["([\\d.]+) %", uniqueUsers.standardErrorPercent],
    ["(\\d+) decimal places", money.ratioPlaces],
    ["(\\d+) days of raw events", settings.rawEventsKeptDays],
    ["by minute are kept for (\\d+) days", settings.factsKeptDays.byMinute],
    ["by hour for (\\d+) days", settings.factsKeptDays.byHour],
    ["by day for (\\d+) days", settings.factsKeptDays.byDay],
    ["after (\\d+) h", settings.minutesInDatabaseHours],
    ["destroyed after (\\d+) days", daysOf("salts of the address hash")],
    ["(\\d+) days back", corrections.uploadedCountsAgeDaysMax],
  ])("says %s as the code does", (pattern, value) => {
    const said = Array.from(prose.matchAll(new RegExp(pattern, "g")), ([, number = ""]) => number);
    expect(said.length).toBeGreaterThan(0);
    for (const number of said) expect(number.replaceAll(" ", "")).toBe(String(value));
  });
});

describe("what is stated", () => {
  it("defines every metric that a report offers", () => {
    expect(methodology.metrics.map(({ name }) => name)).toEqual(METRICS);
    for (const { counts } of methodology.metrics) expect(counts).toMatch(/^[A-Z].{10,}\.$/);
  });

  it("explains every reason, each under its own name", () => {
    const names = methodology.reasons.map(({ name }) => name);
    expect(new Set(names).size).toBe(names.length);
    for (const { means } of methodology.reasons) expect(means).toMatch(/^[A-Z].{10,}\.$/);
  });

  it("names the version of the crawler list that is installed", () => {
    const { version } = JSON.parse(readFileSync("node_modules/isbot/package.json", "utf8")) as { version: string };
    expect(AGENT_LISTS.crawlers.version).toBe(version);
  });

  it("does not change without another version, and no version that was in force is lost", () => {
    const { settings: _, ...stable } = JSON.parse(JSON.stringify(methodology)) as Record<string, unknown>;
    const versions = readdirSync(VERSIONS).map((name) => Number(name.replace(".json", "")));
    expect(versions.sort((a, b) => a - b)).toEqual(Array.from({ length: METHODOLOGY_VERSION }, (_, at) => at + 1));
    const kept: unknown = JSON.parse(readFileSync(`${VERSIONS}/${METHODOLOGY_VERSION}.json`, "utf8"));
    // Another statement is another version: raise METHODOLOGY_VERSION and keep it beside this one.
    expect(stable).toEqual(kept);
  });
});
