/** The facts of a request: bounded, closed, and without anything private. */
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { makeClickId, openClickId } from "../../src/core/click-id.ts";
import { encodeConversion, parseConversion } from "../../src/core/conversion.ts";
import { cellDimensionsOf, type Facts, foldEntry } from "../../src/core/facts.ts";
import { decodeLogLine, encodeLogLine } from "../../src/core/log-line.ts";
import { decodeMessage, encodeMessage } from "../../src/core/message.ts";
import { encodeTokenEvent } from "../../src/core/token-event.ts";
import { readAddress, readFacts } from "../../src/track/facts.ts";
import { aClick, BROWSER, NOON_MS } from "../support/builders.ts";
import { RULES } from "../support/rules.ts";
import { aToken, testRing } from "../support/tokens.ts";
import { watched } from "../support/watched-edge.ts";

const factsOf = (headers: Record<string, string>, cf: Record<string, unknown> = {}) =>
  readFacts(new Request("https://track.example/c/x", { headers, cf } as RequestInit));

/** The facts of headers and of a place that no client and no platform would send. */
function readOf(headers: Record<string, string>, cf: unknown = {}) {
  const lower = new Map(Object.entries(headers).map(([name, value]) => [name.toLowerCase(), value]));
  const get = (name: string) => lower.get(name.toLowerCase()) ?? null;
  return readFacts({ headers: { get }, cf } as unknown as Request);
}

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

  it.each([
    [`https://${"\u0130".repeat(200)}/`, "i\u0307".repeat(200).slice(0, 253)],
    [`https://${"\u0130".repeat(253)}.example/`, "i\u0307".repeat(200).slice(0, 253)],
    [`https://${"a".repeat(252)}\u{1f600}/`, "a".repeat(252)],
    ["https://\ud800x/", "\ufffdx"],
    ["HTTPS://NEWS.EXAMPLE", "news.example"],
  ])("[attack 3] keeps of the referrer %j what its reader takes", (referrer, host) => {
    expect(readOf({ Referer: referrer }).referrerHost).toBe(host);
  });

  it.each([
    ["DE", "DE"],
    ["T1", "T1"],
    ["XX", null],
    ["de", null],
    ["DEU", null],
    ["D\u001f", null],
    ["", null],
    [49, null],
    [{}, null],
  ])("[attack 3] takes %j for the country %j", (country, expected) => {
    expect(readOf({}, { country }).country).toBe(expected);
  });

  it.each([
    [3320, 3320],
    [0, null],
    [-0, null],
    [4_294_967_295, 4_294_967_295],
    [4_294_967_296, null],
    [-1, null],
    [1.5, null],
    [Number.NaN, null],
    [Number.POSITIVE_INFINITY, null],
    ["3320", null],
    [{}, null],
    [null, null],
  ])("[attack 3] takes %j for the network %j", (asn, expected) => {
    expect(readOf({}, { asn }).asn).toBe(expected);
  });

  it.each([
    ["1", true],
    ["?1", true],
    ["1, 1", true],
    ["1;q=1", true],
    ["0, 1", true],
    ["0,?1", true],
    ["0, 10", false],
    ["0;1", false],
    ["0", false],
    ["?0", false],
    ["10", false],
    ["", false],
  ])("[attack 15] takes Sec-GPC: %s for %s", (signal, expected) => {
    expect(readOf({ "Sec-GPC": signal }).gpc).toBe(expected);
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

describe("[attack 3] an event of whatever a request says", () => {
  const units = fc.array(fc.nat({ max: 0xffff }), { maxLength: 700 }).map((codes) => String.fromCharCode(...codes));
  const text = fc.oneof(
    units,
    fc.string({ unit: "binary", maxLength: 700 }),
    fc.string({ unit: "grapheme", maxLength: 700 }),
    fc.constantFrom(
      "\u0130".repeat(300),
      "\u{1f600}".repeat(300),
      `${"a".repeat(511)}\u{1f600}`,
      "\u0000\u001f\u007f\u2028",
      "XX",
      "DE",
    ),
  );
  const header = fc.option(text, { nil: undefined });
  const host = fc.oneof(
    text,
    text.map((name) => `https://${name}/`),
    text.map((name) => `http://${name}`),
  );
  const headers = fc.record({
    "user-agent": header,
    referer: fc.option(host, { nil: undefined }),
    "sec-ch-ua": header,
    "sec-ch-ua-platform": header,
    "sec-ch-ua-mobile": header,
    "sec-gpc": fc.option(fc.oneof(text, fc.constantFrom("1", "?1", "0")), { nil: undefined }),
  });
  const value = fc.oneof(
    text,
    fc.anything(),
    fc.double(),
    fc.integer(),
    fc.constantFrom(Number.NaN, -1, 1e20, 0.5, null),
  );
  const cf = fc.oneof(fc.record({ country: value, regionCode: value, colo: value, asn: value }), fc.anything());

  it("is read back by the queue's consumer, the log's reader and the fold, for clicks and impressions", () => {
    fc.assert(
      fc.property(headers, cf, fc.constantFrom("click", "impression"), (said, place, type) => {
        const event = aClick({ type, ...readOf(said as Record<string, string>, place) });
        const message = decodeMessage(encodeMessage([encodeTokenEvent(event)]));
        const opened = message.ok ? message.value[0] : undefined;
        expect(opened).toMatchObject({ ok: true, value: { event } });
        const head = { verdict: "valid", reason: null } as const;
        const line = encodeLogLine({ seq: 1, loggedAtMs: NOON_MS, rules: RULES.id }, head, encodeTokenEvent(event));
        expect(line).not.toContain("\n");
        // The archive holds bytes: what is not well-formed would come back as another text.
        const archived = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(
          new TextEncoder().encode(line),
        );
        const logged = decodeLogLine(archived);
        expect(logged).toMatchObject({ event, seq: 1 });
        const facts: Facts = new Map();
        foldEntry(facts, logged);
        const cells = Array.from(facts.values(), (row) => Array.from(row.cells.keys(), cellDimensionsOf)).flat();
        expect(cells).toEqual([["pub_1", event.country ?? "", event.device, "", "", ""]]);
      }),
      { seed: 20_261_128, numRuns: 1_000 },
    );
  });

  it("gives its landing page a click id that conversions are read back with", async () => {
    const ring = await testRing();
    fc.assert(
      fc.property(headers, cf, (said, place) => {
        const { country, device } = readOf(said as Record<string, string>, place);
        const event = aClick();
        const click = { ...CLICK, eventId: event.id, country: country ?? "", device };
        const clickId = makeClickId(click, ring);
        const opened = openClickId(clickId, ring);
        expect(opened).toEqual(click);
        const conversion = { ...CONVERSION, id: event.id, clickId, click };
        expect(parseConversion(JSON.parse(encodeConversion(conversion)))).toEqual(conversion);
      }),
      { seed: 20_261_128, numRuns: 300 },
    );
  });

  it("reaches the queue readable, whatever real headers and place the platform hands on", async () => {
    const ascii = fc.option(fc.string({ unit: "binary-ascii", maxLength: 700 }), { nil: undefined });
    const said = fc.record({ "user-agent": ascii, referer: ascii, "sec-ch-ua-mobile": ascii, "sec-ch-ua": ascii });
    const requests = fc.sample(fc.record({ said, place: cf }), { numRuns: 60, seed: 20_261_128 });
    const long = { referer: `https://${"\u0130".repeat(200)}/`, "user-agent": undefined, "sec-ch-ua": undefined };
    requests.push({ said: { ...long, "sec-ch-ua-mobile": "?1" }, place: {} });
    const sent = requests.map(async ({ said: texts, place }, at) => {
      const sendable = Object.entries(texts).filter(([, text]) => text !== undefined && isSendable(text));
      const path = `${at % 2 === 0 ? "/c/" : "/i/"}${await aToken()}`;
      const { response, messages, events } = await watched(path, {
        headers: Object.fromEntries(sendable) as Record<string, string>,
        cf: typeof place === "object" && place !== null ? JSON.parse(JSON.stringify(place)) : {},
      });
      return [response.status < 400, messages.length, events.length];
    });
    for (const outcome of await Promise.all(sent)) expect(outcome).toEqual([true, 1, 1]);
  });
});

/** Whether a header may hold the text at all. */
function isSendable(text: string): boolean {
  try {
    return new Headers({ name: text }).get("name") !== null;
  } catch {
    return false;
  }
}

const CLICK = {
  clickedAtMs: NOON_MS,
  advertiserId: "adv_1",
  campaignId: "cmp_7",
  adGroupId: "",
  adId: "ad_9",
  publisherId: "pub_1",
  creativeId: "",
  placementId: "plc_1",
  adFormat: "banner",
  isTest: false,
};

const CONVERSION = {
  type: "conversion",
  orderId: "A-1001",
  kind: "purchase",
  action: "record",
  correctionId: null,
  valueMicros: 1,
  occurredAtMs: NOON_MS,
  receivedAtMs: NOON_MS,
  windowDays: 7,
  by: "key_7",
} as const;
