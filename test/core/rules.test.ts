import { readdirSync, readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { type OpenedEvent, openEvent } from "../../src/core/message.ts";
import {
  encodeRuleSet,
  isRuleSetId,
  judgeUnder,
  type RuleSet,
  readRuleSet,
  ruleSetKey,
  ruleSetOf,
  versionOf,
} from "../../src/core/rules.ts";
import { type LatePolicy, RULES_VERSION } from "../../src/core/verdict.ts";
import { anOpenedClick, anUnsignedToken } from "../support/builders.ts";
import { RULES } from "../support/rules.ts";

type Case = {
  readonly event?: object;
  readonly claims?: object;
  readonly late?: LatePolicy;
  readonly verdict: string;
  readonly reason: string | null;
};
type Vectors = {
  readonly version: number;
  readonly ruleSet: { readonly id: string; readonly text: string };
  readonly base: object;
  readonly payload: Record<string, unknown>;
  readonly late: LatePolicy;
  readonly cases: readonly Case[];
};

const FOLDER = new URL("../vectors/rules/", import.meta.url);
const VECTORS = readdirSync(FOLDER).map((name) => JSON.parse(readFileSync(new URL(name, FOLDER), "utf8")) as Vectors);

function openedOf({ base, payload }: Vectors, { event, claims }: Case): OpenedEvent {
  const opened = openEvent({ ...base, ...event, token: anUnsignedToken({ ...payload, ...claims }) });
  if (!opened.ok) throw new Error(opened.error.reason);
  return opened.value;
}

describe("every version of the rules that has logged", () => {
  it.each(VECTORS)("decides as it ever did: version $version", (vectors) => {
    const rules = readRuleSet(vectors.ruleSet.text);
    expect(rules).toMatchObject({ id: vectors.ruleSet.id, version: vectors.version });
    for (const each of vectors.cases) {
      const decided = judgeUnder({ ...(rules as RuleSet), late: each.late ?? vectors.late }, openedOf(vectors, each));
      expect(decided, JSON.stringify(each)).toEqual({ verdict: each.verdict, reason: each.reason });
    }
  });

  it("has its vectors, of many kinds of events, and the one of this code is among them", () => {
    const current = VECTORS.find(({ version }) => version === RULES_VERSION);
    expect(current?.cases.length).toBeGreaterThanOrEqual(80);
    expect(new Set(current?.cases.map(({ reason }) => reason)).size).toBeGreaterThanOrEqual(10);
    expect(VECTORS.map(({ version }) => version)).toEqual(Array.from(new Set(VECTORS.map(({ version }) => version))));
  });

  it("keeps its lists: rules of the same version have the digests of the vectors", () => {
    // A list that changes is a new version, beside the old one with the list that it had.
    const { ruleSet } = VECTORS.find(({ version }) => version === RULES_VERSION) as Vectors;
    expect(readRuleSet(ruleSet.text)?.lists).toEqual(RULES.lists);
    expect(readRuleSet(ruleSet.text)?.limits).toEqual(RULES.limits);
  });
});

describe("the object of a set of rules", () => {
  it("is read back from its text, under the same id, which names version and content", () => {
    expect(readRuleSet(encodeRuleSet(RULES))).toEqual(RULES);
    expect(isRuleSetId(RULES.id)).toBe(true);
    expect(versionOf(RULES.id)).toBe(RULES_VERSION);
    expect(ruleSetKey(RULES.id)).toBe(`rules/v1/${RULES.id}.json`);
  });

  it("is another for another policy, lateness or token life, and the same for the same", () => {
    const { late, tokenTtlMaxS } = RULES;
    const others = [
      { late: { ...late, mode: "accept" as const }, tokenTtlMaxS },
      { late: { ...late, allowedLatenessS: 31 }, tokenTtlMaxS },
      { late, tokenTtlMaxS: tokenTtlMaxS + 1 },
    ];
    const ids = [{ late, tokenTtlMaxS }, ...others].map((settings) => ruleSetOf(settings).id);
    expect(new Set(ids).size).toBe(4);
    expect(ids[0]).toBe(RULES.id);
  });

  it.each([
    ["text that is no JSON", "{"],
    ["null", "null"],
    ["blanks", encodeRuleSet(RULES).replace(":", ": ")],
    ["another order", JSON.stringify({ version: 4, ...JSON.parse(encodeRuleSet(RULES)) })],
    ["a further name", encodeRuleSet(RULES).replace('"version"', '"more":1,"version"')],
    ["an unknown policy", encodeRuleSet(RULES).replace('"review"', '"never"')],
    ["lists that are none", encodeRuleSet(RULES).replace(/"lists":\{[^}]*\}/, '"lists":[]')],
    ["a limit in words", encodeRuleSet(RULES).replace(":300", ':"300"')],
  ])("is not read from %s", (_, text) => {
    expect(readRuleSet(text)).toBeNull();
  });

  it("tells an edit by its id", () => {
    const edited = encodeRuleSet(RULES).replace('"allowed_lateness_s":30', '"allowed_lateness_s":31');
    expect(readRuleSet(edited)?.id).not.toBe(RULES.id);
  });

  it.each(["", "4", "4-", "4-12345", "4-1F3A9C02", "4-1f3a9c023", "x-1f3a9c02", 4, null])("has no id like %j", (id) => {
    expect(isRuleSetId(id)).toBe(false);
  });
});

describe("judging under rules", () => {
  it("is not done with a version, a list or a limit that this code does not have", () => {
    const opened = anOpenedClick();
    expect(judgeUnder(RULES, opened)).toEqual({ verdict: "valid", reason: null });
    expect(judgeUnder({ ...RULES, version: RULES_VERSION + 1 }, opened)).toBeNull();
    expect(judgeUnder({ ...RULES, version: 3 }, opened)).toBeNull();
    expect(judgeUnder({ ...RULES, lists: { ...RULES.lists, crawlers: "0".repeat(16) } }, opened)).toBeNull();
    expect(judgeUnder({ ...RULES, limits: { ...RULES.limits, human_click_min_ms: 200 } }, opened)).toBeNull();
  });
});
