// biome-ignore-all lint/suspicious/noTemplateCurlyInString: `${x}` is a spelling under test.
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { isId } from "../../src/core/claims.ts";
import {
  checkLandingUrl as check,
  checkScheme,
  checkSpelling,
  expandDestination as expand,
  FORBIDDEN_SCHEMES,
} from "../../src/core/destination.ts";
import { LANDING_URL_BYTES_MAX, LOCATION_CHARS_MAX } from "../../src/core/limits.ts";
import type { MacroValues } from "../../src/core/macros.ts";

const VALUES: MacroValues = {
  click_id: "-Qx0_click.mobile",
  impression_id: "imp_1",
  ad_id: "ad_9",
  campaign_id: "cmp_7",
  publisher_id: "pub_1",
  ts: "1776686401000",
};

const checkLandingUrl = (url: string) => check(url)?.reason ?? null;
const expandDestination = (url: string, values: MacroValues, param: string, sent = "") =>
  expand(url, { values, param, sent });

describe("a landing URL", () => {
  it.each([
    "https://shop.example",
    "https://shop.example/",
    "https://shop.example:8443/a/b?c=d#e",
    "HTTPS://Shop.Example/",
    "http://shop.example/",
    "https://192.0.2.1/",
    "https://[2001:db8::1]/",
    "https://xn--bcher-kva.example/",
    "https://shop.example/{campaign_id}/p?ref={publisher_id}#{ts}",
    "https://shop.example/{no_macro}/a|b^c'd\"e<f>",
    "https://shop.example/%7Ea/%2e/b%25{ad_id}",
    "https://shop.example/a@b?user:password@host",
    "market://details?id=com.shop&referrer=click_id%3D%7Bclick_id%7D",
    "itms-apps://apps.apple.com/app/id1",
    "intent://shop.example/p#Intent;scheme=shop;S.browser_fallback_url=https%3A%2F%2Fshop.example;end",
    "myapp:open?x=1",
    "https://shop.example/?u=https%3A%2F%2Fother.example%2F%3Fc%3D%7Bclick_id%7D",
    `https://shop.example/${"a".repeat(LANDING_URL_BYTES_MAX - 21)}`,
  ])("may be %s", (url) => {
    expect(checkLandingUrl(url)).toBeNull();
  });

  it.each([
    ["", "url_scheme"],
    ["shop.example/a", "url_scheme"],
    ["//shop.example/a", "url_scheme"],
    ["/a", "url_scheme"],
    ["javascript:alert(1)", "url_scheme"],
    ["JavaScript://shop.example/%0aalert(1)", "url_scheme"],
    ["data:text/html,<script>alert(1)</script>", "url_scheme"],
    ["ftp://shop.example/", "url_scheme"],
    ["wss://shop.example/", "url_scheme"],
    ["file:///etc/passwd", "url_scheme"],
    ["about:blank", "url_scheme"],
    ["view-source:https://shop.example/", "url_scheme"],
    ["VBScript:msgbox", "url_scheme"],
    ["intent://x#Intent;scheme=javascript;end", "url_scheme"],
    ["intent://x#Intent;package=p;Scheme=FILE;end", "url_scheme"],
    ["intent://x#Intent;scheme=shop;S.browser_fallback_url=javascript%3Aalert(1);end", "url_scheme"],
    ["blob:https://shop.example/1", "url_scheme"],
    ["https:shop.example", "url_scheme"],
    ["https:/shop.example", "url_scheme"],
    ["https://", "url_scheme"],
    ["https:///shop.example", "url_scheme"],
    ["https://?a", "url_scheme"],
    ["{ad_id}://shop.example/", "url_scheme"],
    ["https://user@shop.example/", "url_credentials"],
    ["https://user:password@shop.example/", "url_credentials"],
    ["https://shop.example@evil.example/", "url_credentials"],
    ["https://@shop.example/", "url_credentials"],
    [" https://shop.example/", "url_characters"],
    ["https://shop.example/ ", "url_characters"],
    ["https://shop.example/a b", "url_characters"],
    ["https://shop.example/\r\nSet-Cookie: a=b", "url_characters"],
    ["https://shop.example/\n", "url_characters"],
    ["https://shop.example/\t", "url_characters"],
    ["https://shop.example/\u0000", "url_characters"],
    ["https://shop.example/\u007f", "url_characters"],
    ["https://shop.example\\@evil.example/", "url_characters"],
    ["https:\\\\shop.example/", "url_characters"],
    ["https://shop.example/ü", "url_characters"],
    ["https://bücher.example/", "url_characters"],
    ["https://shop.example/\u2028", "url_characters"],
    ["https://shop.example/\ud800", "url_characters"],
    ["https://{ad_id}.example/", "url_macro"],
    ["https://shop.example:{ts}/", "url_macro"],
    ["https://{shop}.example/", "url_macro"],
    ["https://shop.example}/", "url_macro"],
    ["https://shop.example/%{ad_id}/b", "url_macro"],
    ["https://shop.example/a/%2{ad_id}/b", "url_macro"],
    ["https://shop.example/a/%2%7Bad_id%7D/b", "url_macro"],
    ["https://shop.example/a/%%7Bad_id%7D/b", "url_macro"],
    ["https://shop.example/a/%2%%ad_id%%/b", "url_macro"],
    ["https://shop.example/a/%2<ad_id>/b", "url_macro"],
    ["https://shop.example/a/%2${ad_id}/b", "url_macro"],
    ["https://%7Bad_id%7D.example/", "url_macro"],
    ["https://${ad_id}.example/", "url_macro"],
    ["myapp://{ad_id}/", "url_macro"],
    ["https://shop%2Eexample/", "url_invalid"],
    ["https://%65xample.com/", "url_invalid"],
    ["https://b%C3%BCcher.example/", "url_invalid"],
    ["https://shop.example%3A8443/", "url_invalid"],
    [`https://shop.example/?${"{click_id}".repeat(5)}`, "url_macros_many"],
    [`https://shop.example/?${"%7Bclick_id%7D".repeat(5)}`, "url_macros_many"],
    [`https://shop.example/?${"{ts}".repeat(17)}`, "url_macros_many"],
    ["https://shop.example:99999/", "url_invalid"],
    ["https://shop.example:port/", "url_invalid"],
    ["https://[2001:db8::1/", "url_invalid"],
    ["https://a|b.example/", "url_invalid"],
    ["https://%2f.example/", "url_invalid"],
    ["https://1.2.3.256/", "url_invalid"],
  ])("may not be %j: %s", (url, reason) => {
    expect(checkLandingUrl(url)).toBe(reason);
  });

  it("may have 2 048 bytes and no more", () => {
    const url = "https://shop.example/".padEnd(LANDING_URL_BYTES_MAX, "a");
    expect(checkLandingUrl(url)).toBeNull();
    expect(checkLandingUrl(`${url}a`)).toBe("url_too_long");
  });
});

describe("the detail of a refused landing URL says what to change", () => {
  it.each([
    ["shop.example", "with its scheme and host"],
    ["javascript:alert(1)", '"javascript:" is never'],
    ["https://a b.example/", "U+0020 at character 10: percent-encode it"],
    ["https://shop.example/\u{1f600}", "U+1F600 at character 22"],
    ["https://me@shop.example/", "before the @"],
    ["https://%65xample.com/", 'write "example.com"'],
    ["https://b%C3%BCcher.example/", 'write "xn--bcher-kva.example"'],
    ["https://shop.example/a%2{ad_id}", "write %25"],
    [`https://shop.example/${"a".repeat(2_048)}`, "2069 characters; 2048"],
    [`https://shop.example/?${"{click_id}".repeat(200)}`, "{click_id} at most 4 times"],
  ])("[fault A17] %s", (url, words) => {
    expect(check(url)).toMatchObject({ field: "url", detail: expect.stringContaining(words) });
  });
});

describe("the schemes that configuration allows", () => {
  const policy = {
    landingHttpHosts: new Set(["plain.example", "[::1]"]),
    landingSchemes: new Set(["market", "myapp"]),
  };
  it.each([
    ["https://any.example/", true],
    ["HTTPS://any.example/", true],
    ["http://plain.example/", true],
    ["http://PLAIN.example:8080/a", true],
    ["http://[::1]:8787/", true],
    ["http://other.example/", false],
    ["http://sub.plain.example/", false],
    ["http://plain.example./", false],
    ["market://details?id=x", true],
    ["MARKET://details?id=x", true],
    ["myapp:open", true],
    ["myapps:open", false],
    ["intent://x#Intent;end", false],
  ])("[fault A14] %s: %s", (url, expected) => {
    expect(checkScheme(url, policy) === null).toBe(expected);
  });

  it("[fault A14] allow nothing that a URL itself holds", () => {
    for (const scheme of ["javascript", "data", "vbscript", "file", "blob", "about", "ws"]) {
      expect(FORBIDDEN_SCHEMES.has(scheme)).toBe(true);
      for (const spelled of [scheme, scheme.toUpperCase()]) {
        for (const rest of [":x", "://shop.example/", ":"]) expect(checkLandingUrl(spelled + rest)).toBe("url_scheme");
      }
    }
  });
});

describe("the spelling of macros, which minting asks", () => {
  it.each(["{AD_ID}", "#click_id#", "$click_id$", "=%click_id%", "{{click_id}", "__CLICK_ID__", "=[CLICKID]"])(
    "[fault A9] refuses %s with the right one",
    (macro) => {
      const name = /ad/i.test(macro) ? "ad_id" : "click_id";
      expect(checkSpelling(`https://a.example/?c${macro}`)).toMatchObject({
        reason: "url_macro_spelling",
        field: "url",
        detail: expect.stringContaining(`write {${name}}`),
      });
    },
  );
});

describe("the Location of a click", () => {
  const ID = "-Qx0_click.mobile";
  it.each([
    ["gets a query", "https://a.example/p", `https://a.example/p?click_id=${ID}`],
    ["gets a query without a path", "https://a.example", `https://a.example?click_id=${ID}`],
    ["extends a query", "https://a.example/p?x=1", `https://a.example/p?x=1&click_id=${ID}`],
    ["fills an empty query", "https://a.example/p?", `https://a.example/p?click_id=${ID}`],
    ["extends a query that ends with &", "https://a.example/p?x=1&", `https://a.example/p?x=1&click_id=${ID}`],
    ["extends a query that ends with ?", "https://a.example/p?x=why?", `https://a.example/p?x=why?&click_id=${ID}`],
    ["keeps the fragment last", "https://a.example/p#top", `https://a.example/p?click_id=${ID}#top`],
    ["keeps query and fragment", "https://a.example/p?x#top", `https://a.example/p?x&click_id=${ID}#top`],
    ["takes no ? in the fragment for a query", "https://a.example/#/r?x=1", `https://a.example/?click_id=${ID}#/r?x=1`],
    ["keeps a second # in the fragment", "https://a.example/#a#b", `https://a.example/?click_id=${ID}#a#b`],
    ["appends nothing where the macro is in the path", "https://a.example/{click_id}", `https://a.example/${ID}`],
    [
      "appends nothing where the macro is in the query",
      "https://a.example/?c={click_id}",
      `https://a.example/?c=${ID}`,
    ],
    ["appends nothing where the macro is in the fragment", "https://a.example/#{click_id}", `https://a.example/#${ID}`],
    [
      "leaves the signed text as it is",
      "HTTPS://A.example:443/%7e/./b//?Q=%41",
      `HTTPS://A.example:443/%7e/./b//?Q=%41&click_id=${ID}`,
    ],
    ["leaves unknown macros", "https://a.example/{cost}?{AD_ID}", `https://a.example/{cost}?{AD_ID}&click_id=${ID}`],
    [
      "fills every macro, each as often as it stands there",
      "https://a.example/{campaign_id}/{ad_id}/{ad_id}?i={impression_id}&p={publisher_id}&t={ts}&c={click_id}",
      `https://a.example/cmp_7/ad_9/ad_9?i=imp_1&p=pub_1&t=1776686401000&c=${ID}`,
    ],
  ])("%s", (_, url, expected) => {
    expect(expandDestination(url, VALUES, "click_id")).toBe(expected);
  });

  it("uses the configured parameter name, encoded", () => {
    expect(expandDestination("https://a.example/", VALUES, "a&b")).toBe(`https://a.example/?a%26b=${ID}`);
  });

  it("does not expand a macro that a value spells", () => {
    const values = { ...VALUES, ad_id: "{ts}" };
    expect(expandDestination("https://a.example/{ad_id}?{click_id}", values, "click_id")).toBe(
      `https://a.example/%7Bts%7D?${ID}`,
    );
  });

  it("percent-encodes what a value may hold", () => {
    const values = { ...VALUES, ad_id: "../a?b#c&d=\r\nü" };
    expect(expandDestination("https://a.example/{ad_id}?{click_id}", values, "click_id")).toBe(
      `https://a.example/..%2Fa%3Fb%23c%26d%3D%0D%0A%C3%BC?${ID}`,
    );
  });
});

describe("a link into an app", () => {
  const ID = "-Qx0_click.mobile";
  it.each([
    ["market://details?id=com.x", `market://details?id=com.x&click_id=${ID}`],
    ["market://details?id=com.x&click_id=OLD", `market://details?id=com.x&click_id=${ID}`],
    ["market://details?id=x&referrer=c%3D%7Bclick_id%7D", `market://details?id=x&referrer=c%3D${ID}`],
    ["MyApp://Open/%41?Q=%41#F", `MyApp://Open/%41?Q=%41&click_id=${ID}#F`],
    ["myapp://open", "myapp://open"],
    ["myapp://open/{click_id}", `myapp://open/${ID}`],
    ["myapp:open#x?y", "myapp:open#x?y"],
    ["itms-apps://apps.apple.com/app/id1?mt=8", `itms-apps://apps.apple.com/app/id1?mt=8&click_id=${ID}`],
    [
      "intent://shop.example/p?x=1#Intent;scheme=https;package=com.x;S.ad={ad_id};end",
      `intent://shop.example/p?x=1&click_id=${ID}#Intent;scheme=https;package=com.x;S.ad=ad_9;end`,
    ],
    ["intent://p#Intent;scheme=shop;end", "intent://p#Intent;scheme=shop;end"],
    ["intent://p#Intent;scheme=shop;S.c={click_id};end", `intent://p#Intent;scheme=shop;S.c=${ID};end`],
  ])("[fault A14] %s gets parameters where it has a query", (url, expected) => {
    expect(checkLandingUrl(url)).toBeNull();
    expect(expandDestination(url, VALUES, "click_id")).toBe(expected);
  });
});

describe("for any landing URL and any ids, the Location", () => {
  const macro = fc.constantFrom(..."click_id impression_id ad_id campaign_id publisher_id ts".split(" "));
  const piece = fc.oneof(
    macro.map((name) => `{${name}}`),
    macro.map((name) => `%7B${name}%7d`),
    macro.map((name) => `%257b${name}%257D`),
    macro.map((name) => `\${${name}}`),
    macro.map((name) => `{{${name}}}`),
    macro.map((name) => `%%${name}%%`),
    macro.map((name) => `=[${name}]`),
    fc.constantFrom("/%{ad_id}/", "/%2{ad_id}/", "/.{ad_id}/", "/{ad_id}./"),
    fc.constantFrom(
      "/",
      "//",
      ".",
      "..",
      "%2e",
      "%2E",
      "%2",
      "%",
      "%25",
      "e",
      "2e",
      "{",
      "}",
      "{x}",
      "?",
      "#",
      "&",
      "=",
      ";",
      ":",
      "@",
    ),
    fc.string({ maxLength: 4 }),
  );
  const url = fc
    .tuple(
      fc.constantFrom("https://shop.example", "https://shop.example:8443", "http://h"),
      fc.array(piece, { maxLength: 12 }),
    )
    .map(([base, rest]) => `${base}/${rest.join("")}`)
    .filter((text) => checkLandingUrl(text) === null);
  const id = fc.oneof(
    fc.constantFrom("e", "E", "2e", "2E", ".e", "x"),
    fc.string({ unit: fc.constantFrom(..."aeE25.-_"), minLength: 1, maxLength: 6 }).filter(isId),
  );
  const values = fc.record({
    click_id: id,
    impression_id: id,
    ad_id: id,
    campaign_id: id,
    publisher_id: id,
    ts: fc.nat().map(String),
  });
  const asX = (text: string) =>
    expandDestination(
      text,
      { click_id: "x", impression_id: "x", ad_id: "x", campaign_id: "x", publisher_id: "x", ts: "x" },
      "c",
    );

  it("has the scheme, host and path structure of the signed URL", () => {
    fc.assert(
      fc.property(url, values, (signed, macros) => {
        const location = new URL(expandDestination(signed, macros, "c"));
        const model = new URL(asX(signed));
        expect(location.protocol).toBe(model.protocol);
        expect(location.host).toBe(model.host);
        expect(location.pathname.split("/").length).toBe(model.pathname.split("/").length);
      }),
      { seed: 20261122, numRuns: 3_000 },
    );
  });

  it("[attack 19] fits into a header, and holds the click's id once at least and no brace around it", () => {
    const sent = fc.string({ unit: fc.constantFrom(..."ab=&%+;?/.[]{}"), maxLength: 3_000 });
    const longest = "x".repeat(600);
    fc.assert(
      fc.property(url, values, sent, (signed, macros, query) => {
        const location = expandDestination(signed, { ...macros, click_id: longest }, "c", query);
        expect(location.length).toBeLessThanOrEqual(LOCATION_CHARS_MAX);
        expect(location).toMatch(/^[\x21-\x5b\x5d-\x7e]+$/);
        expect(location).toContain(longest);
        expect(location).not.toContain(`{${longest}}`);
        const model = new URL(asX(signed));
        expect(new URL(location).host).toBe(model.host);
        expect(new URL(location).pathname.split("/").length).toBe(model.pathname.split("/").length);
      }),
      { seed: 20261128, numRuns: 2_000 },
    );
  });
});
