/** The methodology: no statement without a test, no number that is not the code's, no change without a version. */
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
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

/** The cells of the rows of the table below a heading, without its last column, which names tests. */
function tableOf(heading: string): string[][] {
  const section = document.text.split(`\n## ${heading}\n`)[1]?.split("\n## ")[0] ?? "";
  const rows = statements(`## ${heading}\n${section}`).filter(({ text }) => text.startsWith("| "));
  return rows.map(({ text }) =>
    text
      .slice(2, -2)
      .split(" | ")
      .slice(0, -1)
      .map((cell) => cell.replaceAll("`", "")),
  );
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

  it("lists the rules on invalid traffic in their order, with what they mean", () => {
    const rules = methodology.invalidTraffic.rules.map(({ order, name, means }) => [String(order), name, means]);
    expect(tableOf("Invalid traffic")).toEqual(rules);
  });

  it("lists every metric with what it counts", () => {
    const metrics = methodology.metrics.map(({ name, formula, counts, leavesOut }) => [
      name,
      formula ?? "–",
      counts,
      leavesOut.join(", ") || "nothing",
    ]);
    expect(tableOf("Metrics")).toEqual(metrics);
  });

  it("lists every verdict with what it means", () => {
    expect(tableOf("Verdicts")).toEqual(Object.entries(methodology.verdicts));
  });

  it("lists the requirements of auditors as the code does, with their state", () => {
    const rows = methodology.checklist.map(({ number, requirement, state }) => [String(number), requirement, state]);
    expect(tableOf("Checklist of MRC and IAB").map((row) => row.slice(0, 3))).toEqual(rows);
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
    ["more than (\\d+) valid clicks", invalidTraffic.notLive[0]?.clicksPerMinuteMax],
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
    ["(\\d+) days of raw events", daysOf("raw events")],
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
