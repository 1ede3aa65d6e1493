// biome-ignore-all lint/suspicious/noTemplateCurlyInString: `${x}` is a spelling under test.
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { fillMacros, isMacroInEscape, type MacroValues, macrosOf, misspeltMacro } from "../../src/core/macros.ts";

const VALUES: MacroValues = {
  click_id: "1~c",
  impression_id: "imp_1",
  ad_id: "ad_9",
  campaign_id: "cmp_7",
  publisher_id: "pub_1",
  ts: "1776686401000",
};
const fill = (text: string, values: Partial<MacroValues> = {}) => fillMacros(text, { ...VALUES, ...values }).text;

describe("macros in the spellings of others and in escapes", () => {
  it.each([
    ["s=%7Bclick_id%7D", "s=1~c"],
    ["s=%7bclick_id%7d", "s=1~c"],
    ["s=%7Bclick%5Fid%7D", "s=1~c"],
    ["u=https%3A%2F%2Fx%2F%3Fc%3D%7Bclick_id%7D%26a%3D%7Bad_id%7D", "u=https%3A%2F%2Fx%2F%3Fc%3D1~c%26a%3Dad_9"],
    ["u=%253Fc%253D%257Bclick_id%257D", "u=%253Fc%253D1~c"],
    ["u=%25253D%25257bclick_id%25257d", "u=%25253D1~c"],
    ["c={{click_id}}", "c=1~c"],
    ["c={{{click_id}}}", "c=1~c"],
    ["c={{+click_id+}}", "c=1~c"],
    ["c={{%20click_id%20}}", "c=1~c"],
    ["c=%7B%7Bclick_id%7D%7D", "c=1~c"],
    ["c=%7B%7B%20click_id%20%7D%7D", "c=1~c"],
    ["c=${click_id}", "c=1~c"],
    ["c=$%7Bclick_id%7D", "c=1~c"],
    ["c=%24%7Bclick_id%7D", "c=1~c"],
    ["c=%%click_id%%", "c=1~c"],
    ["c=%%ad_id%%", "c=ad_9"],
    ["c=%25%25click_id%25%25", "c=1~c"],
    ["c=[click_id]", "c=1~c"],
    ["c=[click_id]&d=[ad_id]#[ts]", "c=1~c&d=ad_9#[ts]"],
    ["c=[[click_id]]", "c=1~c"],
    ["c=%5Bclick_id%5D", "c=1~c"],
    ["c=<click_id>", "c=1~c"],
    ["c=%3Cclick_id%3E", "c=1~c"],
    ["/{campaign_id}/%7Bad_id%7D/${impression_id}/[publisher_id]/", "/cmp_7/ad_9/imp_1/pub_1/"],
    ['j={"c":"{click_id}"}', 'j={"c":"1~c"}'],
    ["j=%7B%22c%22%3A%7Bclick_id%7D%7D", "j=%7B%22c%22%3A1~c%7D"],
    ["%7Bts%7D", "1776686401000"],
  ])("[fault A9] %s becomes %s", (text, expected) => {
    expect(fill(text)).toBe(expected);
    expect(misspeltMacro(text)).toBeNull();
  });

  it.each([
    "filter[ad_id]=1",
    "[ad_id]=1",
    "a[b][ad_id]=1",
    "ad_id=1&click_id",
    "/ad_id/ts/",
    "{cost}",
    "{{cost}}",
    "{AD_ID}",
    "{{click_id}",
    "{{{{click_id}}}}",
    "{${click_id}}",
    "#click_id#",
    "%7Bclick_id",
    "ts",
  ])("leaves %s as it is", (text) => {
    expect(fill(text)).toBe(text);
    expect(macrosOf(text)).toEqual([]);
  });

  it("[fault A9] escapes a value as often as its macro", () => {
    const value = "a b/ü%";
    for (const [depth, text] of ["{ad_id}", "%7Bad_id%7D", "%257Bad_id%257D", "%25257Bad_id%25257D"].entries()) {
      let decoded = fill(text, { ad_id: value });
      for (let times = Math.max(1, depth); times > 0; times--) decoded = decodeURIComponent(decoded);
      expect(decoded).toBe(value);
    }
  });

  it("[fault A9] never leaves a value between the braces of its name", () => {
    const brace = fc.constantFrom(
      "{",
      "{{",
      "${",
      "%7B",
      "%7b%7B",
      "%257B",
      "}",
      "}}",
      "%7D",
      "%7d%7D",
      "%",
      "%%",
      "[",
      "]",
      "<",
      ">",
      "=",
      "$",
      "a",
    );
    fc.assert(
      fc.property(fc.array(fc.oneof(brace, fc.constantFrom(...Object.keys(VALUES))), { maxLength: 8 }), (parts) => {
        expect(fill(parts.join(""), { click_id: "@", ad_id: "@" })).not.toMatch(/(?:\{|%(25)*7b)@(?:\}|%(25)*7d)/i);
      }),
      { seed: 20261128, numRuns: 20_000 },
    );
  });
});

describe("macros that nobody would fill", () => {
  it.each([
    ["{CLICK_ID}", "click_id"],
    ["{clickid}", "click_id"],
    ["{clickId}", "click_id"],
    ["{ad-id}", "ad_id"],
    ["{{click_id}", "click_id"],
    ["#click_id#", "click_id"],
    ["%23click_id%23", "click_id"],
    ["=%click_id%", "click_id"],
    ["=%ad_id%&", "ad_id"],
    ["%25click_id%25", "click_id"],
    ["$campaign_id$", "campaign_id"],
    ["@@publisher_id@@", "publisher_id"],
    ["!ts!", "ts"],
    ["*|CLICK_ID|*", "click_id"],
    ["__IMPRESSION_ID__", "impression_id"],
    ["=[CLICKID]", "click_id"],
    ["%7BAD_ID%7D", "ad_id"],
  ])("[fault A9] %s is told, with the name it means", (text, name) => {
    expect(misspeltMacro(`https://a.example/?c=1${text}`)?.name).toBe(name);
  });

  it.each([
    "/ad_id/",
    "?ad_id=1&ts=2",
    "filter[ad_id]=1",
    "#ad_id",
    "{cost}",
    "{{lead}}",
    "%7Ead",
    "x|ad_id",
    "a_ad_id_b",
  ])("%s is no macro", (text) => {
    expect(misspeltMacro(`https://a.example/${text}`)).toBeNull();
  });
});

describe("a macro behind a percent sign that lost a digit", () => {
  it.each(["%{x}", "%2{ad_id}", "%2%7Bad_id%7D", "%%7Bad_id%7D", "%2%%ad_id%%", "%e<ad_id>", "%2${ad_id}"])(
    "is found in %s",
    (text) => {
      expect(isMacroInEscape(text)).toBe(true);
    },
  );

  it.each(["%25{ad_id}", "%20%7Bad_id%7D", "{ad_id}%2", "%%ad_id%%", "%", "a%20b"])("is not in %s", (text) => {
    expect(isMacroInEscape(text)).toBe(false);
  });
});
