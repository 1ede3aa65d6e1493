import { describe, expect, it } from "vitest";
import { type Claims, decodeClaims, decodePayload, isId, parseClaims } from "../../src/core/claims.ts";
import { anUnsignedToken, aPayload, NOON_S } from "../support/builders.ts";
import { segmentOf } from "../support/signing.ts";

/** The reason and field of the refusal, or "accepted". */
function outcome(overrides: Record<string, unknown>) {
  const result = parseClaims(aPayload(overrides));
  return result.ok ? "accepted" : `${result.error.reason}:${result.error.field}`;
}

const REQUIRED_IDS = ["jti", "adv", "cmp", "ad", "pub"];
const OPTIONAL_IDS = ["grp", "crt", "plc", "fmt", "uid"];
const NUMBERS = ["iat", "exp", "cpc"];
const OPTIONAL_NUMBERS = ["dur", "tst"];

describe("required claims", () => {
  it.each([...REQUIRED_IDS, ...NUMBERS, "url"])("names %s when it is missing or null", (field) => {
    expect(outcome({ [field]: undefined })).toBe(`claim_missing:${field}`);
    expect(outcome({ [field]: null })).toBe(`claim_missing:${field}`);
  });

  it("does not take a claim from a prototype", () => {
    const { adv, ...own } = aPayload();
    const payload = Object.assign(Object.create({ adv }), own);
    expect(parseClaims(payload)).toEqual({ ok: false, error: { reason: "claim_missing", field: "adv" } });
  });

  it("names the first claim at fault, in the order of the table", () => {
    expect(outcome({ url: 1, adv: null, cpc: -1 })).toBe("claim_missing:adv");
  });
});

describe("optional claims", () => {
  it("are null, and off when absent", () => {
    const claims = parseClaims(aPayload());
    expect(claims).toMatchObject({
      ok: true,
      value: { grp: null, crt: null, plc: null, fmt: null, uid: null, dur: false, tst: false },
    });
  });

  it.each([...OPTIONAL_IDS, ...OPTIONAL_NUMBERS])("may be absent but not null: %s", (field) => {
    expect(outcome({ [field]: null })).toBe(`claim_missing:${field}`);
  });
});

describe("types", () => {
  it.each([...REQUIRED_IDS, ...OPTIONAL_IDS, "url"])("%s is text", (field) => {
    for (const value of [1, true, {}, [], ["adv_1"]]) expect(outcome({ [field]: value })).toBe(`claim_type:${field}`);
  });

  it.each([...NUMBERS, ...OPTIONAL_NUMBERS])("%s is a number", (field) => {
    for (const value of ["1", true, {}, [1]]) expect(outcome({ [field]: value })).toBe(`claim_type:${field}`);
  });

  it.each([
    ["a list", []],
    ["null", null],
    ["text", "{}"],
    ["a number", 1],
    ["nothing", undefined],
  ])("a payload is not %s", (_, value) => {
    expect(parseClaims(value)).toEqual({ ok: false, error: { reason: "payload_invalid" } });
  });
});

describe("ids", () => {
  it.each(["a", "0", "-", "_", "A.b", ".a", "a.", "..a", "a".repeat(64), "Imp_1-2.3", "constructor", "__proto__"])(
    "accepts %s",
    (id) => {
      expect(isId(id)).toBe(true);
      expect(outcome({ adv: id })).toBe("accepted");
    },
  );

  it.each([
    ["empty", ""],
    ["65 long", "a".repeat(65)],
    ["one dot", "."],
    ["two dots", ".."],
    ["64 dots", ".".repeat(64)],
    ["a space", "a b"],
    ["a slash", "a/b"],
    ["a percent sign", "a%2fb"],
    ["a brace", "{ad_id}"],
    ["a line end at the end", "a\n"],
    ["a letter outside ASCII", "ä"],
    ["U+001F", "a\u001fb"],
    ["a full-width dot", "\uff0e"],
  ])("refuses an id that is %s", (_, id) => {
    expect(isId(id)).toBe(false);
    for (const field of [...REQUIRED_IDS, ...OPTIONAL_IDS]) {
      expect(outcome({ [field]: id })).toBe(`claim_value:${field}`);
    }
  });

  it("are texts", () => {
    for (const value of [1, null, undefined, ["a"], { toString: () => "a" }]) expect(isId(value)).toBe(false);
  });
});

describe("numbers", () => {
  it.each([
    ["cpc", 0, "accepted"],
    ["cpc", 1_500_000_000, "accepted"],
    ["cpc", 1_000_000_000_000, "accepted"],
    ["cpc", 1_000_000_000_001, "claim_value:cpc"],
    ["cpc", -1, "claim_value:cpc"],
    ["cpc", 0.5, "claim_value:cpc"],
    ["cpc", Number.POSITIVE_INFINITY, "claim_value:cpc"],
    ["dur", 0, "accepted"],
    ["dur", 1, "accepted"],
    ["dur", 2, "claim_value:dur"],
    ["dur", -1, "claim_value:dur"],
    ["tst", 0, "accepted"],
    ["tst", 1, "accepted"],
    ["tst", 0.5, "claim_value:tst"],
    ["iat", 0, "accepted"],
    ["iat", NOON_S - 0.5, "accepted"],
    ["iat", -1, "claim_value:iat"],
    ["iat", Number.NaN, "claim_value:iat"],
    ["iat", 1e300, "claim_value:iat"],
    ["exp", NOON_S, "life_invalid:exp"],
    ["exp", NOON_S - 1, "life_invalid:exp"],
    ["exp", NOON_S + 0.001, "accepted"],
    ["exp", -1, "claim_value:exp"],
    ["exp", Number.POSITIVE_INFINITY, "claim_value:exp"],
  ])("%s = %d is %s", (field, value, expected) => {
    expect(outcome({ [field]: value })).toBe(expected);
  });

  it("reads dur and tst as switches", () => {
    expect(parseClaims(aPayload({ dur: 1, tst: 0 }))).toMatchObject({ ok: true, value: { dur: true, tst: false } });
    expect(parseClaims(aPayload({ dur: 0, tst: 1 }))).toMatchObject({ ok: true, value: { dur: false, tst: true } });
  });
});

describe("the landing URL", () => {
  it("is judged by the rule of core/destination.ts", () => {
    expect(outcome({ url: "javascript:alert(1)" })).toBe("url_scheme:url");
    expect(outcome({ url: "" })).toBe("url_scheme:url");
  });

  it("may be http: here; which hosts may is configuration", () => {
    expect(outcome({ url: "http://shop.example/" })).toBe("accepted");
  });
});

describe("decoding", () => {
  it("ignores claims that are the ad server's own", () => {
    const claims = parseClaims(aPayload({ iss: "ads.example", nested: { a: 1 } }));
    expect(claims.ok && Object.keys(claims.value)).not.toContain("iss");
  });

  it("reads the claims of a token without verifying it", () => {
    const claims = decodeClaims(anUnsignedToken(aPayload({ jti: "imp_7" })));
    expect(claims.ok && (claims.value satisfies Claims).jti).toBe("imp_7");
  });

  it.each([
    ["a token of two segments", "a.b", "token_segments"],
    ["an empty token", "", "token_segments"],
    ["a payload that is not base64url", "a.b=.c", "token_encoding"],
    ["an empty payload", "a..c", "payload_invalid"],
  ])("refuses %s", (_, token, reason) => {
    expect(decodeClaims(token)).toEqual({ ok: false, error: { reason } });
  });

  it("refuses a payload that is not UTF-8 or not JSON", () => {
    expect(decodePayload("_w")).toEqual({ ok: false, error: { reason: "payload_invalid" } });
    expect(decodePayload(segmentOf("{"))).toEqual({ ok: false, error: { reason: "payload_invalid" } });
  });
});
