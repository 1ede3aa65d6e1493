import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { GIVT_REASONS, GIVT_RULES, type GivtSubject, givtReasonOf, isAfterLife } from "../../src/core/givt.ts";
import { BROWSER, CRAWLER, NOON_MS, NOON_S } from "../support/builders.ts";

const SEED = 20_261_122;

type Change = Partial<Omit<GivtSubject, "claims">> & { readonly claims?: Partial<GivtSubject["claims"]> };

/** A person's click from home, ten seconds after issue. */
const subject = ({ claims, ...change }: Change = {}): GivtSubject => ({
  type: "click",
  method: "GET",
  userAgent: BROWSER,
  asn: 3320,
  receivedAtMs: NOON_MS + 10_000,
  ...change,
  claims: { iat: NOON_S, exp: NOON_S + 3_600, tst: false, ...claims },
});

const PREVIEW = "facebookexternalhit/1.1 (+http://www.facebook.com/externalhit_uatext.php)";
const GMAIL = "Mozilla/5.0 (Windows NT 5.1; rv:11.0) Gecko Firefox/11.0 (via ggpht.com GoogleImageProxy)";
const YAHOO = "YahooMailProxy; https://help.yahoo.com/kb/yahoo-mail-proxy-SLN28749.html";

/** For each rule, in their order, a change that makes it apply, and no other. */
const ONE_EACH = {
  test: { claims: { tst: true } },
  expired_token: { claims: { exp: NOON_S + 9 } },
  head_request: { method: "HEAD" },
  link_preview: { userAgent: PREVIEW },
  non_browser_agent: { userAgent: "" },
  declared_crawler: { userAgent: CRAWLER },
  data_centre_network: { asn: 16509 },
  too_fast: { claims: { iat: NOON_S + 9.75 } },
} as const satisfies Record<string, Change>;

const IN_ORDER = Object.keys(ONE_EACH);

describe("the rules", () => {
  it("are named, in order, and each says what it means and where it comes from", () => {
    expect(GIVT_RULES.map(({ name }) => name)).toEqual(IN_ORDER);
    expect([...GIVT_REASONS]).toEqual(IN_ORDER);
    for (const { means, source } of GIVT_RULES) {
      expect(means).toMatch(/^[A-Z].+\.$/);
      expect(source).not.toBe("");
    }
  });

  it("leave a person's click and impression alone", () => {
    expect(givtReasonOf(subject())).toBeNull();
    expect(givtReasonOf(subject({ method: "POST" }))).toBeNull();
    expect(givtReasonOf(subject({ type: "impression" }))).toBeNull();
    expect(givtReasonOf(subject({ asn: null }))).toBeNull();
  });

  it.each(GIVT_REASONS)("%s applies alone", (name) => {
    expect(givtReasonOf(subject(ONE_EACH[name]))).toBe(name);
  });

  it("name the first that applies, whichever others do", () => {
    // Of the three on the agent only one can apply.
    const agents = ["link_preview", "non_browser_agent", "declared_crawler"] as const;
    const others = GIVT_REASONS.filter((name) => !(agents as readonly string[]).includes(name));
    const anySet = fc.tuple(fc.subarray(others), fc.option(fc.constantFrom(...agents), { nil: null }));
    fc.assert(
      fc.property(anySet, ([some, agent]) => {
        const names = [...some, ...(agent === null ? [] : [agent])];
        const changes: Change[] = names.map((name) => ONE_EACH[name]);
        const claims = Object.assign({}, ...changes.map((change) => change.claims));
        expect(givtReasonOf(subject(Object.assign({}, ...changes, { claims })))).toBe(
          IN_ORDER.find((name) => (names as string[]).includes(name)) ?? null,
        );
      }),
      { seed: SEED },
    );
  });

  it("are pure", () => {
    for (const change of Object.values(ONE_EACH)) {
      expect(givtReasonOf(subject(change))).toBe(givtReasonOf(subject(change)));
    }
  });
});

describe("too fast", () => {
  const at = (iat: number, receivedAtMs: number, change: Change = {}) =>
    givtReasonOf(subject({ receivedAtMs, ...change, claims: { iat } }));
  const fractionS = NOON_S + 0.123;

  it.each([
    ["in the millisecond of issue", 0, "too_fast"],
    ["after 299 milliseconds", 299, "too_fast"],
    ["after 300 milliseconds", 300, null],
    ["a millisecond before issue: the clocks disagree", -1, null],
    ["long after", 60_000, null],
  ])("%s", (_, elapsedMs, expected) => {
    expect(at(fractionS, NOON_MS + 123 + elapsedMs)).toBe(expected);
  });

  it("asks only tokens whose issue has a fraction of a second", () => {
    expect(at(NOON_S, NOON_MS + 1)).toBeNull();
  });

  it("asks the receipt of any kind of click, and of no impression", () => {
    expect(at(fractionS, NOON_MS + 124, { method: "POST" })).toBe("too_fast");
    expect(at(fractionS, NOON_MS + 124, { type: "impression" })).toBeNull();
  });

  it("cuts both instants to whole milliseconds", () => {
    const finerS = NOON_S + 0.1239;
    expect(at(finerS, NOON_MS + 123)).toBe("too_fast");
    expect(at(finerS, NOON_MS + 122)).toBeNull();
    expect(at(finerS, NOON_MS + 123 + 300)).toBeNull();
  });
});

describe("impressions", () => {
  const seen = (change: Change) => givtReasonOf(subject({ type: "impression", ...change }));

  it("that a mail's image proxy fetches count, clicks of the same agent do not", () => {
    for (const [userAgent, reason] of [
      [GMAIL, "declared_crawler"],
      [YAHOO, "declared_crawler"],
      ["YahooMailProxy", "non_browser_agent"],
    ] as const) {
      expect(seen({ userAgent, asn: 15169 })).toBeNull();
      expect(givtReasonOf(subject({ userAgent }))).toBe(reason);
    }
  });

  it("from Microsoft count, clicks from there do not", () => {
    expect(seen({ asn: 8075 })).toBeNull();
    expect(givtReasonOf(subject({ asn: 8075 }))).toBe("data_centre_network");
  });

  it("meet all other rules", () => {
    for (const name of GIVT_REASONS) {
      expect(seen(ONE_EACH[name])).toBe(name === "too_fast" ? null : name);
    }
    expect(seen({ userAgent: GMAIL, asn: 16509 })).toBe("data_centre_network");
  });
});

it("a token's life ends after its last millisecond", () => {
  const claims = { iat: NOON_S, exp: NOON_S + 1, tst: false };
  expect(isAfterLife({ receivedAtMs: NOON_MS + 1_000, claims })).toBe(false);
  expect(isAfterLife({ receivedAtMs: NOON_MS + 1_001, claims })).toBe(true);
});
