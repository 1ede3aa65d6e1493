import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { encodeBase64url, encodeUtf8 } from "../../src/core/base64url.ts";
import {
  CLICK_ID_LENGTH_MAX,
  type ClickIdentity,
  isSameText,
  makeClickId,
  openClickId,
  readClickId,
} from "../../src/core/click-id.ts";
import { DEVICE_CLASSES } from "../../src/core/device.ts";
import { EVENT_ID_LENGTH, makeEventId } from "../../src/core/event-id.ts";
import { DIMENSIONS, toCamelCase } from "../../src/core/fields.ts";
import { importKeyRing, type KeyRing } from "../../src/core/key-ring.ts";
import { ID_LENGTH_MAX, MINUTE_MS } from "../../src/core/limits.ts";
import { minuteOf } from "../../src/core/time.ts";
import { aPayload, NOON_MS } from "../support/builders.ts";
import { TEST_TOKEN_KEYS } from "../support/secrets.ts";
import { aKeyRing, aSignedToken } from "../support/signing.ts";
import { aClickIdentity, anUnsignedClickId } from "../support/submissions.ts";

const ring = await aKeyRing();

async function ringOf(keys: unknown, signingKid: string): Promise<KeyRing> {
  const imported = await importKeyRing(keys, signingKid);
  if (!imported.ok) throw new Error(imported.error);
  return imported.value;
}

const idCharacter = fc.constantFrom(..."ABCXYZabcxyz0189_-.");
const id = fc
  .string({ unit: idCharacter, minLength: 1, maxLength: ID_LENGTH_MAX })
  .filter((text) => !/^\.+$/.test(text));
const optionalId = fc.oneof(id, fc.constant(""));

const anyClick: fc.Arbitrary<ClickIdentity> = fc
  .record({
    receivedAtMs: fc.integer({ min: 0, max: 2 ** 42 - 1 }),
    routingHash: fc.integer({ min: 0, max: 2 ** 32 - 1 }),
    random: fc.uint8Array({ minLength: 8, maxLength: 8 }),
    minutesLater: fc.oneof(fc.constant(0), fc.integer({ min: -43_200, max: 1 })),
    advertiserId: id,
    campaignId: id,
    adGroupId: optionalId,
    adId: id,
    publisherId: id,
    creativeId: optionalId,
    placementId: optionalId,
    adFormat: optionalId,
    country: fc.constantFrom("", "DE", "US", "T1"),
    device: fc.constantFrom(...DEVICE_CLASSES),
    isTest: fc.boolean(),
  })
  .map(({ receivedAtMs, routingHash, random, minutesLater, ...rest }) => ({
    ...rest,
    eventId: makeEventId({ receivedAtMs, routingHash }, random),
    clickedAtMs: (minuteOf(receivedAtMs) + minutesLater) * MINUTE_MS,
  }));

describe("a click id", () => {
  it("gives back the click that it was made for, and needs no escape in a URL", () => {
    fc.assert(
      fc.property(anyClick, (click) => {
        const text = makeClickId(click, ring);
        expect(openClickId(text, ring)).toEqual(click);
        expect(readClickId(text)).toEqual(click);
        expect(encodeURIComponent(text)).toBe(text);
        expect(new URL(`https://shop.example/?c=${text}`).searchParams.get("c")).toBe(text);
      }),
      { seed: 20261122, numRuns: 500 },
    );
  });

  it("takes at most 200 characters for ids of twenty, and about 120 for short ones", () => {
    const of = (adId: string) => {
      const ids = { advertiserId: adId, campaignId: adId, adGroupId: adId, adId, publisherId: adId, creativeId: adId };
      return makeClickId(aClickIdentity({ ...ids, clickedAtMs: NOON_MS - 5 * MINUTE_MS }), ring).length;
    };
    expect(of("a".repeat(20))).toBeLessThanOrEqual(200);
    expect(of("ad_88211")).toBeLessThanOrEqual(125);
  });

  it("never passes its bound, with every field at its longest", async () => {
    const [longest, kid] = ["a".repeat(ID_LENGTH_MAX), "k".repeat(ID_LENGTH_MAX)];
    const ids = { advertiserId: longest, campaignId: longest, adGroupId: longest, adId: longest };
    const eventId = makeEventId({ receivedAtMs: 2 ** 42 - 1, routingHash: 0 }, new Uint8Array(8));
    const click = aClickIdentity({
      ...ids,
      publisherId: longest,
      creativeId: longest,
      eventId,
      clickedAtMs: 0,
      isTest: true,
    });
    const longRing = await ringOf({ [kid]: TEST_TOKEN_KEYS["test-1"] }, kid);
    const text = makeClickId(click, longRing);
    expect(text.length).toBeLessThanOrEqual(CLICK_ID_LENGTH_MAX);
    expect(openClickId(text, longRing)).toEqual(click);
  });

  it("leaves out a country that is no code of two characters", () => {
    for (const country of ["Germany", "de", "D", "", "D~", "~~"]) {
      expect(openClickId(makeClickId(aClickIdentity({ country }), ring), ring)?.country).toBe("");
    }
  });

  it("says of the click what a conversion needs, and nothing of its price", () => {
    expect(Object.keys(openClickId(makeClickId(aClickIdentity(), ring), ring) ?? {})).toEqual([
      ...DIMENSIONS.map(toCamelCase),
      ...["eventId", "clickedAtMs", "isTest"],
    ]);
  });

  it("keeps its form, since landing pages hold it for months", () => {
    const eventId = makeEventId({ receivedAtMs: NOON_MS + 1_000, routingHash: 7 }, new Uint8Array(8));
    const click = aClickIdentity({ eventId, clickedAtMs: NOON_MS - MINUTE_MS, adGroupId: "grp_2", device: "tablet" });
    const [signed, mac] = splitMac(makeClickId({ ...click, isTest: true }, ring));
    const later = DIMENSIONS.slice(8)
      .map(() => "~")
      .join("");
    expect(signed).toBe(`2~test-1~${eventId}~-1~t~adv_1~cmp_7~grp_2~ad_9~pub_1~DE~b~${later}`);
    expect(mac).toMatch(/^[-\w]{22}$/);
  });
});

function splitMac(text: string): [string, string] {
  const at = text.lastIndexOf("~");
  return [text.slice(0, at), text.slice(at + 1)];
}

async function hmacOf(key: Uint8Array<ArrayBuffer>, text: string): Promise<Uint8Array<ArrayBuffer>> {
  const imported = await crypto.subtle.importKey("raw", key, { name: "HMAC", hash: "SHA-256" }, false, ["sign"]);
  return new Uint8Array(await crypto.subtle.sign("HMAC", imported, encodeUtf8(text)));
}

describe("the signature of a click id", () => {
  const text = makeClickId(aClickIdentity({ adGroupId: "grp_2", creativeId: "crt_3" }), ring);
  const [signed, mac] = splitMac(text);
  const ringKey = Uint8Array.from(Buffer.from(TEST_TOKEN_KEYS["test-1"], "base64url"));

  it("is 16 bytes of HMAC-SHA-256 under a key that is derived for this alone", async () => {
    const derived = await hmacOf(ringKey, "clickledger click id v1");
    expect(mac).toBe(encodeBase64url((await hmacOf(derived, signed)).subarray(0, 16)));
  });

  it("covers every character", () => {
    for (let at = 0; at < text.length; at++) {
      for (const other of "A0~-") {
        if (text[at] === other) continue;
        expect(openClickId(text.slice(0, at) + other + text.slice(at + 1), ring), `${other} at ${at}`).toBeNull();
      }
      expect(openClickId(text.slice(0, at) + text.slice(at + 1), ring), `without ${at}`).toBeNull();
    }
  });

  it("does not tolerate another spelling of its last bits, or anything around it", () => {
    const alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
    const spellings = Array.from(alphabet, (last) => text.slice(0, -1) + last);
    expect(spellings.filter((spelling) => openClickId(spelling, ring) !== null)).toEqual([text]);
    for (const around of [` ${text}`, `${text} `, `${text}~`, `~${text}`, `${text}=`, `${text}\n`, ""]) {
      expect(openClickId(around, ring)).toBeNull();
    }
  });

  it("is of no use with another key, or another key's name", async () => {
    const second = await aKeyRing("test-2");
    const renamed = makeClickId(aClickIdentity(), second).replace("~test-2~", "~test-1~");
    expect(openClickId(renamed, ring)).toBeNull();
    expect(openClickId(text, await ringOf({ "test-1": TEST_TOKEN_KEYS["test-2"] }, "test-1"))).toBeNull();
    expect(openClickId(text, await ringOf({ other: TEST_TOKEN_KEYS["test-1"] }, "other"))).toBeNull();
    for (const kid of ["constructor", "__proto__", ""]) {
      expect(openClickId(text.replace("~test-1~", `~${kid}~`), ring)).toBeNull();
    }
  });

  it("holds with every key in force, and with a retired one until it is removed", async () => {
    const key = TEST_TOKEN_KEYS["test-1"];
    const second = TEST_TOKEN_KEYS["test-2"];
    expect(openClickId(text, await aKeyRing("test-2"))).not.toBeNull();
    const retired = await ringOf({ "test-1": { key, retired: true }, "test-2": second }, "test-2");
    expect(openClickId(text, retired)).toEqual(readClickId(text));
    expect(openClickId(text, await ringOf({ "test-2": second }, "test-2"))).toBeNull();
  });

  it("is not believed of a key with limits, which is in other hands", async () => {
    const theirs = await ringOf({ limited: TEST_TOKEN_KEYS.limited.key }, "limited");
    const forged = makeClickId(aClickIdentity(), theirs);
    expect(openClickId(forged, theirs)).not.toBeNull();
    expect(openClickId(forged, ring)).toBeNull();
    const { key } = TEST_TOKEN_KEYS.limited;
    const retired = { "test-1": TEST_TOKEN_KEYS["test-1"], limited: { key, advertisers: ["adv_1"], retired: true } };
    expect(openClickId(forged, await ringOf(retired, "test-1"))).toBeNull();
  });

  it("is never what a key signs for another purpose", async () => {
    const asToken = await hmacOf(ringKey, signed);
    const postback = ring.derivedSigning.postback.digest(signed);
    const seal = await hmacOf(ringKey, `clickledger seal v1\n${signed}`);
    for (const bytes of [asToken, postback, seal]) {
      expect(openClickId(`${signed}~${encodeBase64url(bytes.subarray(0, 16))}`, ring)).toBeNull();
    }
    expect(openClickId(await aSignedToken(aPayload()), ring)).toBeNull();
  });

  it("is not even looked at in a text that is longer than any click id", () => {
    const derived = new (class extends Map<string, never> {
      override get(): never {
        throw new Error("a key was looked up");
      }
    })();
    expect(openClickId(text.replace("~adv_1~", `~${"a".repeat(CLICK_ID_LENGTH_MAX)}~`), { derived })).toBeNull();
    expect(() => openClickId(text, { derived })).toThrow("a key was looked up");
  });
});

describe("readClickId", () => {
  const fields = anUnsignedClickId(aClickIdentity()).split("~");
  it.each([
    ["another version", 0, "1"],
    ["no event id", 2, ""],
    ["an event id that is none", 2, "x".repeat(EVENT_ID_LENGTH)],
    ["minutes that are no number", 3, "x"],
    ["minutes with a fraction", 3, "0.5"],
    ["minutes without end", 3, "Infinity"],
    ["an unknown flag", 4, "x"],
    ["an advertiser outside the alphabet", 5, "a b"],
    ["no campaign", 6, ""],
    ["an ad group outside the alphabet", 7, "ü"],
    ["no ad", 8, ""],
    ["no publisher", 9, ""],
    ["a country in words", 10, "Germany"],
    ["an unknown device", 11, "x"],
    ["no device", 11, ""],
    ["a creative of dots", 12, ".."],
  ])("refuses %s", (_, at, value) => {
    expect(readClickId(fields.with(at, value).join("~"))).toBeNull();
  });

  it("reads an id that was made before a dimension was added as one without it", () => {
    const first = fields.slice(0, 5 + 8);
    expect(readClickId([...first, "mac"].join("~"))).toEqual(
      readClickId([...first, ...DIMENSIONS.slice(8).map(() => ""), "mac"].join("~")),
    );
    expect(readClickId([...first.slice(0, -1), "mac"].join("~"))).toBeNull();
  });

  it("refuses more and fewer fields, and what is no click id at all", () => {
    expect(readClickId(fields.join("~"))).not.toBeNull();
    for (const text of [[...fields, ""].join("~"), fields.slice(1).join("~"), "", "~", fields[2] ?? ""]) {
      expect(readClickId(text)).toBeNull();
    }
  });
});

describe("isSameText", () => {
  it.each([
    ["", "", true],
    ["abc", "abc", true],
    ["abc", "abd", false],
    ["abc", "bbc", false],
    ["abc", "ab", false],
    ["", "a", false],
  ])("judges %j and %j", (a, b, expected) => {
    expect(isSameText(a, b)).toBe(expected);
  });
});
