/**
 * The click id that a landing page is handed: signed, and complete, so that a conversion needs no look-up to be
 * attributed.
 *
 *   2~<kid>~<event id>~<minute>~<flags>~<adv>~<cmp>~<grp>~<ad>~<pub>~<country>~<device>~<crt>~…~<mac>
 *
 *   event id  of the click; tells when it was received, which is when this id was issued
 *   minute    of the click, as minutes after the minute of receipt in decimal; empty when it is the same
 *   flags     "t" for test traffic
 *   adv …     each dimension in the order of the catalogue (core/fields.ts); what is unknown is empty. An id that was
 *             made before a dimension was added ends sooner, and is read as one without it
 *   device    d m b t o: desktop, mobile, tablet, tv, other
 *   mac       16 bytes, base64url
 *
 * Keeps: only characters that a URL need not escape, usually about 120 of them. No price: landing pages leak what they
 * are given. The key is derived from a ring key for this purpose alone, so no token's signature is ever a click id's;
 * 128 bits of HMAC-SHA-256 are what NIST SP 800-107 asks of a truncated one. The comparison takes the same time
 * wherever the texts differ. `openClickId(makeClickId(c))` is `c`, and only the exact text that was made is opened.
 */
import { encodeBase64url } from "./base64url.ts";
import { isId } from "./claims.ts";
import { DEVICE_CLASSES, type DeviceClass } from "./device.ts";
import { decodeEventId, EVENT_ID_LENGTH, type EventId, isEventId } from "./event-id.ts";
import { DIMENSION_FIELDS, DIMENSIONS, type Dimensioned, MEMBERS } from "./fields.ts";
import type { DerivedKeys, KeyRing } from "./key-ring.ts";
import { ID_LENGTH_MAX, MINUTE_MS } from "./limits.ts";
import { minuteOf } from "./time.ts";

export type ClickIdentity = Dimensioned & {
  readonly eventId: EventId;
  /** Start of the minute that the click is counted in. */
  readonly clickedAtMs: number;
  readonly isTest: boolean;
};

const VERSION = "2";
const SEPARATOR = "~";
/** Version, kid, event id, minute, flags. */
const FIELDS_BEFORE = 5;
/** Dimensions of the first ids of this version. */
const DIMENSIONS_MIN = 8;
const MAC_BYTES = 16;
const COUNTRY = /^[A-Z0-9]{2}$/;
/** As `makeClickId` spells them. */
const MINUTES = /^(-?[1-9]\d{0,9})?$/;
const FLAGS = /^t?$/;
/** Characters of everything but the dimensions, at most: a kid is an id, a minute eleven characters. */
const LENGTH_WITHOUT_DIMENSIONS = 1 + ID_LENGTH_MAX + EVENT_ID_LENGTH + 11 + 1 + 22 + FIELDS_BEFORE;
/** Above the longest that is ever made: longer texts are not worth a hash. */
export const CLICK_ID_LENGTH_MAX = LENGTH_WITHOUT_DIMENSIONS + DIMENSIONS.length * (ID_LENGTH_MAX + 1);

/** One letter per class: its first, and b for tablets, since t is for television. */
const DEVICE_LETTERS = new Map<string, DeviceClass>(
  DEVICE_CLASSES.map((device) => [device === "tablet" ? "b" : device.charAt(0), device]),
);
const LETTERS = new Map(Array.from(DEVICE_LETTERS, ([letter, device]) => [device, letter]));

/** How the values of a dimension are written, and read; null is none of them. */
type Spelling = { readonly write: (value: string) => string; readonly read: (text: string) => string | null };
const SPELLINGS: Readonly<Record<"id" | "country" | "device", Spelling>> = {
  id: { write: (value) => value, read: (text) => (text === "" || isId(text) ? text : null) },
  country: {
    write: (value) => (COUNTRY.test(value) ? value : ""),
    read: (text) => (text === "" || COUNTRY.test(text) ? text : null),
  },
  device: {
    write: (value) => LETTERS.get(value as DeviceClass) ?? "",
    read: (letter) => DEVICE_LETTERS.get(letter) ?? null,
  },
};
const SPELLED = DIMENSIONS.map((name) => {
  const { values, isRequired } = DIMENSION_FIELDS[name];
  return { member: MEMBERS[name], isRequired, ...SPELLINGS[values] };
});

/** Signs a click's identity; the country is left out unless it is a code of two characters. */
export function makeClickId(click: ClickIdentity, { derivedSigning }: Pick<KeyRing, "derivedSigning">): string {
  const { receivedAtMs } = decodeEventId(click.eventId);
  const minutesLater = minuteOf(click.clickedAtMs) - minuteOf(receivedAtMs);
  let signed = VERSION;
  signed += SEPARATOR + derivedSigning.kid;
  signed += SEPARATOR + click.eventId;
  signed += SEPARATOR + (minutesLater === 0 ? "" : String(minutesLater));
  signed += SEPARATOR + (click.isTest ? "t" : "");
  for (const { member, write } of SPELLED) signed += SEPARATOR + write(click[member]);
  return `${signed}${SEPARATOR}${macOf(signed, derivedSigning)}`;
}

/** The identity in a click id; null when it was not made with a key of the ring, or was changed since. */
export function openClickId(text: string, { derived }: Pick<KeyRing, "derived">): ClickIdentity | null {
  if (text.length > CLICK_ID_LENGTH_MAX || !text.startsWith(VERSION + SEPARATOR)) return null;
  const keys = derived.get(text.split(SEPARATOR, 2)[1] ?? "");
  if (keys === undefined) return null;
  const end = text.lastIndexOf(SEPARATOR);
  return isSameText(macOf(text.slice(0, end), keys), text.slice(end + 1)) ? readClickId(text) : null;
}

/**
 * The identity in a click id whose signature somebody has verified, or null when it is none; for stations behind the
 * edge.
 */
export function readClickId(text: string): ClickIdentity | null {
  const fields = text.split(SEPARATOR);
  const [version, , eventId, minutes, flags] = fields;
  const spelled = fields.slice(FIELDS_BEFORE, -1);
  const isPlain = version === VERSION && MINUTES.test(minutes ?? "") && FLAGS.test(flags ?? "");
  const isWhole = spelled.length >= DIMENSIONS_MIN && spelled.length <= SPELLED.length;
  if (!isPlain || !isWhole || !isEventId(eventId)) return null;
  const values: Record<string, string> = {};
  for (const [at, { member, isRequired, read }] of SPELLED.entries()) {
    const value = at < spelled.length ? read(spelled[at] ?? "") : "";
    if (value === null || (value === "" && isRequired)) return null;
    values[member] = value;
  }
  const { receivedAtMs } = decodeEventId(eventId);
  const clickedAtMs = (minuteOf(receivedAtMs) + Number(minutes)) * MINUTE_MS;
  return { ...(values as Dimensioned), eventId, clickedAtMs, isTest: flags === "t" };
}

function macOf(signed: string, { clickId }: DerivedKeys): string {
  return encodeBase64url(clickId.digest(signed).subarray(0, MAC_BYTES));
}

/** Compares in a time that depends on the lengths alone. */
export function isSameText(a: string, b: string): boolean {
  if (a.length !== b.length) return false;
  let difference = 0;
  for (let at = 0; at < a.length; at++) difference |= a.charCodeAt(at) ^ b.charCodeAt(at);
  return difference === 0;
}
