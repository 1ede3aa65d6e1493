/** The facts of a request: bounded, closed, and without anything private. */
import { describe, expect, it } from "vitest";
import { readAddress, readFacts } from "../../src/track/facts.ts";
import { BROWSER } from "../support/builders.ts";

const factsOf = (headers: Record<string, string>, cf: Record<string, unknown> = {}) =>
  readFacts(new Request("https://track.example/c/x", { headers, cf } as RequestInit));

describe("readFacts", () => {
  it("reads place, device, hints and privacy signal", () => {
    const facts = factsOf(
      {
        "User-Agent": BROWSER,
        "Sec-CH-UA": '"Chromium";v="142"',
        "Sec-CH-UA-Platform": '"Windows"',
        "Sec-CH-UA-Mobile": "?0",
        "Sec-GPC": "1",
      },
      { country: "DE", regionCode: "BE", colo: "TXL", asn: 3320 },
    );
    expect(facts).toEqual({
      country: "DE",
      region: "BE",
      colo: "TXL",
      asn: 3320,
      device: "desktop",
      userAgent: BROWSER,
      hints: { brands: '"Chromium";v="142"', platform: '"Windows"', mobile: "?0" },
      referrerHost: null,
      gpc: true,
    });
  });

  it("is whole without any header and any place", () => {
    expect(factsOf({})).toMatchObject({
      country: null,
      asn: null,
      userAgent: "",
      hints: {},
      gpc: false,
      device: "other",
    });
  });

  it.each([
    ["https://news.example/private/path?q=secret", "news.example"],
    ["https://news.example", "news.example"],
    ["http://News.Example:8080/", "news.example:8080"],
    ["https://user:password@news.example/", null],
    ["https://news.example\\@evil.example/", null],
    ["about:blank", null],
    ["javascript:alert(1)", null],
    ["", null],
  ])("keeps of the referrer %s only the host", (referrer, host) => {
    expect(factsOf({ Referer: referrer }).referrerHost).toBe(host);
  });

  it("cuts what is too long", () => {
    expect(factsOf({ "User-Agent": "u".repeat(2_000) }).userAgent).toHaveLength(512);
    expect(factsOf({ Referer: `https://${"h".repeat(500)}.example/` }).referrerHost).toHaveLength(253);
  });

  it("takes the address from the platform's header only", () => {
    const request = new Request("https://track.example/", { headers: { "X-Forwarded-For": "192.0.2.9" } });
    expect(readAddress(request)).toBe("");
  });
});
