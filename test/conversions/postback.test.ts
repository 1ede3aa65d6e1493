/** The signature of a postback: what it covers, and whose it is. */
import { hmac } from "@noble/hashes/hmac.js";
import { sha256 } from "@noble/hashes/sha2.js";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import type { PostbackEpochs } from "../../src/conversions/attribution-windows.ts";
import {
  advertiserOf,
  isSignedPostback,
  type Postback,
  postbackSecretOf,
  readQuery,
  signPostback,
  toRowFields,
} from "../../src/conversions/postback.ts";
import { decodeBase64url, encodeBase64url, encodeUtf8 } from "../../src/core/base64url.ts";
import { makeClickId } from "../../src/core/click-id.ts";
import { importKeyRing, type KeyRing } from "../../src/core/key-ring.ts";
import { NOON_MS } from "../support/builders.ts";
import { TEST_TOKEN_KEYS } from "../support/secrets.ts";
import { aKeyRing } from "../support/signing.ts";
import { aClickIdentity } from "../support/submissions.ts";

const SEED = 20_261_122;

const ring = await aKeyRing();
const CLICK_ID = makeClickId(aClickIdentity(), ring);
const { kid, secret } = postbackSecretOf("adv_1", 0, ring);
const FIELDS = {
  click_id: CLICK_ID,
  order_id: "A-1 (ü) 50% *'!",
  value_micros: "4990000",
  occurred_at: "2026-04-20T14:00:00+02:00",
  kid,
};

const FIRST: PostbackEpochs = { epoch: 0, previousUntilMs: 0 };

/** Whether a postback is signed as the Worker finds it: by the advertiser that its click id names. */
function isTaken(postback: Postback, by: KeyRing, epochs = FIRST, nowMs = NOON_MS): boolean {
  const advertiserId = advertiserOf(postback, by);
  return advertiserId !== null && isSignedPostback(postback, { advertiserId, epochs, nowMs }, by);
}

const isSigned = (fields: ReadonlyMap<string, string>, by: KeyRing = ring, epochs = FIRST) =>
  isTaken({ fields, search: `?${new URLSearchParams([...fields])}` }, by, epochs);

const secretBytes = (text: string) => decodeBase64url(text) ?? new Uint8Array(0);

function sign(fields: Record<string, string>, by = secret): Map<string, string> {
  const signed = new Map(Object.entries(fields));
  return signed.set("sig", signPostback(signed, secretBytes(by)));
}

async function ringOf(keys: unknown, signingKid: string): Promise<KeyRing> {
  const imported = await importKeyRing(keys, signingKid);
  if (!imported.ok) throw new Error(imported.error);
  return imported.value;
}

describe("a postback's signature", () => {
  it("is the HMAC of the sorted, percent-encoded fields, as any library makes it", async () => {
    const text = [
      `click_id=${CLICK_ID}`,
      "kid=test-1",
      "occurred_at=2026-04-20T14%3A00%3A00%2B02%3A00",
      "order_id=A-1%20%28%C3%BC%29%2050%25%20%2A%27%21",
      "value_micros=4990000",
    ].join("&");
    const hmac = { name: "HMAC", hash: "SHA-256" };
    const key = await crypto.subtle.importKey("raw", secretBytes(secret), hmac, false, ["sign"]);
    const mac = await crypto.subtle.sign("HMAC", key, encodeUtf8(text));
    expect(sign(FIELDS).get("sig")).toBe(encodeBase64url(new Uint8Array(mac)));
    expect(isSigned(sign(FIELDS))).toBe(true);
  });

  it("does not depend on the order of the fields", () => {
    const signed = Array.from(sign(FIELDS));
    fc.assert(
      fc.property(fc.shuffledSubarray(signed, { minLength: signed.length }), (shuffled) => {
        expect(isSigned(new Map(shuffled), ring)).toBe(true);
      }),
      { seed: SEED },
    );
  });

  it.each(Object.keys(FIELDS))("covers %s: changed, emptied or left out, it is refused", (name) => {
    const changed = sign(FIELDS);
    changed.set(name, `${changed.get(name)}0`);
    const emptied = sign(FIELDS).set(name, "");
    const without = sign(FIELDS);
    without.delete(name);
    for (const fields of [changed, emptied, without]) expect(isSigned(fields, ring)).toBe(false);
  });

  it("covers that there is nothing else, not even empty", () => {
    for (const [name, value] of [
      ["type", "lead"],
      ["retract", "1"],
      ["format", "gif"],
      ["foo", ""],
    ] as const) {
      expect(isSigned(sign(FIELDS).set(name, value), ring)).toBe(false);
    }
  });

  it("covers which value belongs to which name", () => {
    const fields = { click_id: CLICK_ID, kid, order_id: "7", value_micros: "5" };
    const swapped = sign(fields).set("order_id", "5").set("value_micros", "7");
    expect(isSigned(swapped, ring)).toBe(false);
    const smuggled = new Map([
      ["click_id", CLICK_ID],
      ["kid", kid],
      ["order_id", "7&value_micros=5"],
    ]);
    const { sig } = Object.fromEntries(sign(fields)) as { sig: string };
    expect(isSigned(smuggled.set("sig", sig), ring)).toBe(false);
  });

  it("is refused when it is missing, cut off, longer, or spelt otherwise", () => {
    const sig = sign(FIELDS).get("sig") ?? "";
    for (const other of ["", sig.slice(0, -1), `${sig}=`, sig.toUpperCase()]) {
      expect(isSigned(sign(FIELDS).set("sig", other), ring)).toBe(false);
    }
    expect(isSigned(new Map(Object.entries(FIELDS)), ring)).toBe(false);
  });

  it("is the advertiser's that the click id names, and no other's", () => {
    const other = postbackSecretOf("adv_2", 0, ring).secret;
    expect(other).not.toBe(secret);
    expect(isSigned(sign(FIELDS, other), ring)).toBe(false);
    const foreign = makeClickId(aClickIdentity({ advertiserId: "adv_2" }), ring);
    expect(isSigned(sign({ ...FIELDS, click_id: foreign }), ring)).toBe(false);
    expect(isSigned(sign({ ...FIELDS, click_id: foreign }, other), ring)).toBe(true);
  });

  it("[attack 7] is of the epoch in force, and of the one before for as long as that is taken", () => {
    const secretsOf = [0, 1, 2].map((epoch) => postbackSecretOf("adv_1", epoch, ring).secret);
    expect(new Set(secretsOf).size).toBe(3);
    const takenIn = (epochs: PostbackEpochs) => secretsOf.map((by) => isSigned(sign(FIELDS, by), ring, epochs));
    expect(takenIn({ epoch: 0, previousUntilMs: 0 })).toEqual([true, false, false]);
    expect(takenIn({ epoch: 1, previousUntilMs: NOON_MS })).toEqual([false, true, false]);
    expect(takenIn({ epoch: 1, previousUntilMs: NOON_MS + 1 })).toEqual([true, true, false]);
    expect(takenIn({ epoch: 2, previousUntilMs: NOON_MS + 1 })).toEqual([false, true, true]);
  });

  it("is of a key without limits, in force or retired", async () => {
    const { "test-1": old, "test-2": current, limited } = TEST_TOKEN_KEYS;
    const signed = sign(FIELDS);
    const retired = await ringOf({ "test-1": { key: old, retired: true }, "test-2": current, limited }, "test-2");
    expect(isSigned(signed, retired)).toBe(true);
    expect(postbackSecretOf("adv_1", 0, retired)).toMatchObject({ kid: "test-2" });
    expect(isSigned(signed, await ringOf({ "test-2": current }, "test-2"))).toBe(false);
    const byPartner = sign({ ...FIELDS, kid: "limited" }, limited.key);
    expect(isSigned(byPartner, retired)).toBe(false);
    for (const foreignKid of ["test-2", "", "constructor"]) {
      expect(isSigned(sign({ ...FIELDS, kid: foreignKid }), ring)).toBe(false);
    }
  });
});

/** The percent-encoding of other libraries: what each leaves, and how it spells the rest. */
const ENCODERS: readonly [string, (text: string) => string][] = [
  ["Java's URLEncoder, or a browser's form", (text) => new URLSearchParams([["", text]]).toString().slice(1)],
  ["JavaScript's encodeURIComponent", encodeURIComponent],
  ["PHP's urlencode", (text) => percentEncode(text, /[A-Za-z0-9\-_.]/).replaceAll("%20", "+")],
  ["Python's quote_plus", (text) => percentEncode(text, /[A-Za-z0-9\-_.~]/).replaceAll("%20", "+")],
  [
    "an encoder with small letters",
    (text) => percentEncode(text, /[A-Za-z0-9]/).replaceAll(/%../g, (code) => code.toLowerCase()),
  ],
  ["an encoder of everything", (text) => percentEncode(text, /(?!)/)],
];

function percentEncode(text: string, kept: RegExp): string {
  const bytes = Array.from(encodeUtf8(text), (byte) => `%${byte.toString(16).toUpperCase().padStart(2, "0")}`);
  return bytes.map((code) => (kept.test(decodeAscii(code)) ? decodeAscii(code) : code)).join("");
}

const decodeAscii = (code: string) => String.fromCharCode(Number.parseInt(code.slice(1), 16));

describe("a postback signed as it is encoded", () => {
  const given: Record<string, string> = {
    ...{ click_id: CLICK_ID, kid, value_micros: "5" },
    order_id: "Nº 7/ä (50%) *'!~+&=",
  };
  const urlOf = (encode: (text: string) => string, fields = given) => {
    const text = Object.keys(fields).sort();
    const signed = text.map((name) => `${encode(name)}=${encode(fields[name] ?? "")}`).join("&");
    const mac = hmac(sha256, secretBytes(secret), encodeUtf8(signed));
    return new URL(`https://track.example/v1/conversions?${signed}&sig=${encodeBase64url(mac)}`);
  };

  it.each(ENCODERS)("[fault A17] by %s is taken, and says what its fields say", (name, encode) => {
    // Encoding its names as well is nobody's habit; it would change their order.
    const url = urlOf(name.startsWith("an encoder") ? (text) => (text in given ? text : encode(text)) : encode);
    const read = readQuery(url);
    if (!read.ok) throw new Error(read.error.reason);
    expect(isTaken(read.value, ring)).toBe(true);
    expect(read.value.fields.get("order_id")).toBe(given["order_id"]);
    for (const [field, value] of url.searchParams) {
      const changed = new URL(url);
      changed.searchParams.set(field, `${value}1`);
      const reread = readQuery(changed);
      expect([field, reread.ok && isTaken(reread.value, ring)]).toEqual([field, false]);
    }
  });

  it("[fault A17] has one reading: a plus or a space in its place is another text", () => {
    for (const [, encode] of ENCODERS) {
      const url = urlOf(encode, { ...given, order_id: "a b" });
      for (const other of ["a+b", "a%2Bb", "a%2520b"]) {
        const href = url.href.replace(/order_id=[^&]*/i, `order_id=${other}`);
        const reread = readQuery(new URL(href));
        const isRead = reread.ok && isTaken(reread.value, ring);
        expect([other, isRead && reread.value.fields.get("order_id")]).toEqual([other, isRead && "a b"]);
      }
    }
  });

  it("[fault A2] is over what was sent, spaces included, and says what remains without them", () => {
    const sent = { ...given, click_id: ` ${CLICK_ID}\n`, order_id: "W-1\u200b", kid: `${kid} ` };
    const read = readQuery(urlOf(encodeURIComponent, sent));
    if (!read.ok) throw new Error(read.error.reason);
    expect(isTaken(read.value, ring)).toBe(true);
    expect(toRowFields(read.value.fields)).toMatchObject({ click_id: CLICK_ID, order_id: "W-1" });
    expect(isSigned(sign({ ...sent, order_id: "W-1" }).set("order_id", sent.order_id))).toBe(false);
  });
});

describe("a query", () => {
  it("gives each field once", () => {
    expect(readQuery(new URL("https://track.example/?order_id=1&order_id=1"))).toEqual({
      ok: false,
      error: { reason: "field_repeated", field: "order_id" },
    });
  });

  it.each<[string, Record<string, unknown>]>([
    ["value_micros=-250&retract=0", { value_micros: -250, retract: false }],
    ["value_micros=4.99&retract=yes", { value_micros: "4.99", retract: "yes" }],
    ["value_micros=1e6", { value_micros: "1e6" }],
    ["value_micros=0x10", { value_micros: "0x10" }],
    ["retract=1", { retract: true }],
    ["retract=true", { retract: true }],
    ["occurred_at=1776686400000", { occurred_at: "1776686400000" }],
    ["value_micros=%C2%A0250%0A&retract=%201", { value_micros: 250, retract: true }],
    ["occurred_at=1776686400", { occurred_at: "1776686400" }],
    ["order_id=1001&correction_id=2", { order_id: "1001", correction_id: "2" }],
    ["order_id=&value_micros=&type=", {}],
    ["sig=x&kid=y&format=gif", {}],
  ])("is read as a row's fields: %s", (query, expected) => {
    expect(toRowFields(new Map(new URLSearchParams(query)))).toEqual(expected);
  });

  it("keeps a name that objects have a meaning for", () => {
    expect(Object.keys(toRowFields(new Map([["__proto__", "x"]])))).toEqual(["__proto__"]);
  });
});
