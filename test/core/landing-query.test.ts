import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { addToQuery } from "../../src/core/landing-query.ts";
import { FORWARDED_CHARS_MAX, FORWARDED_PARAMETERS_MAX } from "../../src/core/limits.ts";

const ID = "1~new";
const add = (url: string, { param = "click_id", isNamed = false, sent = "" } = {}) =>
  addToQuery(url, { param, clickId: ID, isNamed, sent });

describe("a landing URL that has a click id already", () => {
  it.each([
    ["?click_id=OLD&y=2", `?click_id=${ID}&y=2`],
    ["?x=1&click_id=OLD", `?x=1&click_id=${ID}`],
    ["?x=1&click_id=OLD&y=2#click_id=KEPT", `?x=1&click_id=${ID}&y=2#click_id=KEPT`],
    ["?click_id", `?click_id=${ID}`],
    ["?click_id=", `?click_id=${ID}`],
    ["?x&click_id&y", `?x&click_id=${ID}&y`],
    ["?%63lick_id=OLD", `?click_id=${ID}`],
    ["?click%5Fid=OLD&y=%41", `?click_id=${ID}&y=%41`],
    ["?%63%6C%69%63%6B%5f%69%64", `?click_id=${ID}`],
    ["?click_id=A&click_id=B&y=2&%63lick_id=C&click_id", `?click_id=${ID}&y=2`],
    ["?&&click_id=OLD&&y=2&", `?&&click_id=${ID}&&y=2&`],
    ["?click_id=a=b&y==", `?click_id=${ID}&y==`],
    ["?click_id=OLD;y=2", `?click_id=${ID}`],
    ["??click_id=KEPT", `??click_id=KEPT&click_id=${ID}`],
    ["?x=click_id", `?x=click_id&click_id=${ID}`],
    ["?xclick_id=1&click_id2=2&click_id[]=3", `?xclick_id=1&click_id2=2&click_id[]=3&click_id=${ID}`],
    ["?Click_ID=KEPT", `?Click_ID=KEPT&click_id=${ID}`],
    ["?click+id=KEPT&click%20id=KEPT", `?click+id=KEPT&click%20id=KEPT&click_id=${ID}`],
    ["?a=1;click_id=KEPT", `?a=1;click_id=KEPT&click_id=${ID}`],
    ["?%zz=%&click_id=OLD&%E0%A4%A", `?%zz=%&click_id=${ID}&%E0%A4%A`],
    ["#/r?click_id=KEPT", `?click_id=${ID}#/r?click_id=KEPT`],
    ["?", `?click_id=${ID}`],
    ["", `?click_id=${ID}`],
  ])("[fault A7] %s gets one, the new one, and is else the signed text", (rest, expected) => {
    const location = add(`https://a.example/p${rest}`);
    expect(location).toBe(`https://a.example/p${expected}`);
    expect(new URL(location).searchParams.getAll("click_id")).toEqual([ID]);
  });

  it.each([
    ["cid", "?cid=OLD&click_id=KEPT", `?cid=${ID}&click_id=KEPT`],
    ["subId", "?subid=KEPT&subId=OLD", `?subid=KEPT&subId=${ID}`],
    ["a.b~c", "?a%2Eb~c=OLD", `?a.b~c=${ID}`],
  ])("[fault A7] is told by the name that is configured: %s", (param, rest, expected) => {
    expect(add(`https://a.example/${rest}`, { param })).toBe(`https://a.example/${expected}`);
  });

  it.each([
    [`?cid=${ID}&click_id=KEPT`, `?cid=${ID}&click_id=KEPT`],
    [`?click_id=${ID}`, `?click_id=${ID}`],
    [`?click_id=OLD&click_id=${ID}&y`, `?click_id=${ID}&y`],
    [`/${ID}?y=click_id`, `/${ID}?y=click_id`],
  ])("[fault A7] whose macro stands somewhere stays: %s", (rest, expected) => {
    expect(add(`https://a.example${rest}`, { isNamed: true })).toBe(`https://a.example${expected}`);
  });

  it("[fault A7] has one afterwards, whatever its query is, and keeps all other pairs in order", () => {
    const name = fc.constantFrom("click_id", "%63lick_id", "click%5fid", "a", "b+", "%", "", "click_id[]", "CLICK_ID");
    const pair = fc.oneof(
      name,
      fc.tuple(name, fc.constantFrom("", "1", "=", "%26")).map(([key, value]) => `${key}=${value}`),
    );
    fc.assert(
      fc.property(fc.array(pair, { maxLength: 8 }), fc.constantFrom("", "#click_id=1"), (pairs, fragment) => {
        const query = pairs.join("&");
        const location = new URL(add(`https://a.example/?${query}${fragment}`));
        const others = (text: string) => [...new URLSearchParams(`&${text}`)].filter(([key]) => key !== "click_id");
        expect(location.searchParams.getAll("click_id")).toEqual([ID]);
        expect(others(location.search.slice(1))).toEqual(others(query));
        expect(location.hash).toBe(fragment);
      }),
      { seed: 20261128, numRuns: 3_000 },
    );
  });
});

describe("what the click passes on", () => {
  it.each([
    ["/p", "gclid=X&utm_source=a%20b", `/p?click_id=${ID}&gclid=X&utm_source=a%20b`],
    ["/p?x=1#top", "gclid=X", `/p?x=1&click_id=${ID}&gclid=X#top`],
    ["/p?gclid=OWN", "gclid=X&foo=BAR", `/p?gclid=OWN&click_id=${ID}&foo=BAR`],
    ["/p?gclid", "gclid=X", `/p?gclid&click_id=${ID}`],
    ["/p?%67clid=OWN", "gclid=X", `/p?%67clid=OWN&click_id=${ID}`],
    ["/p?gclid=OWN", "%67clid=X&g%63lid=Y", `/p?gclid=OWN&click_id=${ID}`],
    ["/p?a+b=OWN", "a%20b=X", `/p?a+b=OWN&click_id=${ID}`],
    ["/p", "sub=1&sub=2", `/p?click_id=${ID}&sub=1&sub=2`],
    ["/p", "click_id=EVIL&%63lick_id=EVIL&click_id[]=E&CLICK_ID=E&click.id=E&click+id=E&y=1", `/p?click_id=${ID}&y=1`],
    ["/p?click_id=OLD", "click_id=EVIL&y=1", `/p?click_id=${ID}&y=1`],
    ["/p", "&&a&b=&=c&&", `/p?click_id=${ID}&a&b=&=c`],
    [
      "/p",
      "u=https://evil.example/@x?y;z&q=%0d%0aX:%20y",
      `/p?click_id=${ID}&u=https://evil.example/@x?y;z&q=%0d%0aX:%20y`,
    ],
    ["/p", "m={click_id}&n=%7Bad_id%7D", `/p?click_id=${ID}&m={click_id}&n=%7Bad_id%7D`],
    ["", "@evil.example", `?click_id=${ID}&@evil.example`],
    ["/p", "a=1\r\nSet-Cookie:x&b=\u00fc&c=d e&d#e=f&ok=1", `/p?click_id=${ID}&ok=1`],
  ])("[fault A10] %s with %s", (rest, sent, expected) => {
    const location = add(`https://a.example${rest}`, { sent });
    expect(location).toBe(`https://a.example${expected}`);
    expect(new URL(location).host).toBe("a.example");
  });

  it("[fault A10] goes before the fragment of a URL whose macro names the click id", () => {
    const url = `https://a.example/?cid=${ID}#top`;
    expect(add(url, { isNamed: true, sent: "gclid=X&click_id=EVIL" })).toBe(`https://a.example/?cid=${ID}&gclid=X#top`);
    expect(add(url, { isNamed: true, sent: "click_id=EVIL" })).toBe(url);
  });

  it("[fault A10] is bounded in number and in length, by whole pairs", () => {
    const many = Array.from({ length: 1_000 }, (_, n) => `p${n}=1`).join("&");
    const passed = new URL(add("https://a.example/", { sent: many })).searchParams;
    expect(Array.from(passed.keys())).toHaveLength(1 + FORWARDED_PARAMETERS_MAX);
    const long = `a=1&b=${"x".repeat(FORWARDED_CHARS_MAX)}&c=1`;
    expect(add("https://a.example/", { sent: long })).toBe(`https://a.example/?click_id=${ID}&a=1`);
  });
});
