/**
 * The click id that a landing page is handed: signed, and complete, so that a conversion needs no look-up to be
 * attributed.
 *
 *   1~<kid>~<event id>~<minute>~<adv>~<cmp>~<grp>~<ad>~<pub>~<crt>~<country>~<device>~<flags>~<mac>
 *
 *   event id  of the click; tells when it was received, which is when this id was issued
 *   minute    of the click, as minutes after the minute of receipt in decimal; empty when it is the same
 *   device    d m b t o: desktop, mobile, tablet, tv, other
 *   flags     "t" for test traffic
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
import { decodeEventId, type EventId, isEventId } from "./event-id.ts";
import type { DerivedKeys, KeyRing } from "./key-ring.ts";
import { MINUTE_MS } from "./limits.ts";
import { minuteOf } from "./time.ts";

export type ClickIdentity = {
  readonly eventId: EventId;
  /** Start of the minute that the click is counted in. */
  readonly clickedAtMs: number;
  readonly advertiserId: string;
  readonly campaignId: string;
  readonly adGroupId: string;
  readonly adId: string;
  readonly publisherId: string;
  readonly creativeId: string;
  /** Two letters or digits, or empty. */
  readonly country: string;
  readonly device: DeviceClass;
  readonly isTest: boolean;
};

const VERSION = "1";
const SEPARATOR = "~";
const FIELDS = 14;
const MAC_BYTES = 16;
const COUNTRY = /^[A-Z0-9]{2}$/;
/** As `makeClickId` spells them. */
const MINUTES = /^(-?[1-9]\d{0,9})?$/;
const FLAGS = /^t?$/;
/** Above the longest that is ever made: longer texts are not worth a hash. */
export const CLICK_ID_LENGTH_MAX = 600;

/** One letter per class: its first, and b for tablets, since t is for television. */
const DEVICE_LETTERS = new Map<string, DeviceClass>(
  DEVICE_CLASSES.map((device) => [device === "tablet" ? "b" : device.charAt(0), device]),
);
const LETTERS = new Map(Array.from(DEVICE_LETTERS, ([letter, device]) => [device, letter]));

/** Signs a click's identity; the country is left out unless it is a code of two characters. */
export function makeClickId(click: ClickIdentity, { derivedSigning }: Pick<KeyRing, "derivedSigning">): string {
  const { receivedAtMs } = decodeEventId(click.eventId);
  const minutesLater = minuteOf(click.clickedAtMs) - minuteOf(receivedAtMs);
  const fields = [
    VERSION,
    derivedSigning.kid,
    click.eventId,
    minutesLater === 0 ? "" : String(minutesLater),
    click.advertiserId,
    click.campaignId,
    click.adGroupId,
    click.adId,
    click.publisherId,
    click.creativeId,
    COUNTRY.test(click.country) ? click.country : "",
    LETTERS.get(click.device),
    click.isTest ? "t" : "",
  ];
  const signed = fields.join(SEPARATOR);
  return `${signed}${SEPARATOR}${macOf(signed, derivedSigning)}`;
}

/** The identity in a click id; null when it was not made with a key of the ring, or was changed since. */
export function openClickId(text: string, { derived }: Pick<KeyRing, "derived">): ClickIdentity | null {
  if (text.length > CLICK_ID_LENGTH_MAX) return null;
  const fields = text.split(SEPARATOR);
  const keys = derived.get(fields[1] ?? "");
  if (fields.length !== FIELDS || fields[0] !== VERSION || keys === undefined) return null;
  const signed = text.slice(0, text.lastIndexOf(SEPARATOR));
  return isSameText(macOf(signed, keys), fields[FIELDS - 1] ?? "") ? readClickId(text) : null;
}

/**
 * The identity in a click id whose signature somebody has verified, or null when it is none; for stations behind the
 * edge.
 */
export function readClickId(text: string): ClickIdentity | null {
  const fields = text.split(SEPARATOR);
  const [version, , eventId, minutes, adv, cmp, grp, ad, pub, crt, country, letter, flags] = fields;
  const device = DEVICE_LETTERS.get(letter ?? "");
  const areIds = [adv, cmp, ad, pub].every(isId) && [grp, crt].every((id) => id === "" || isId(id));
  const isPlain =
    MINUTES.test(minutes ?? "") && (country === "" || COUNTRY.test(country ?? "")) && FLAGS.test(flags ?? "");
  const isReadable = fields.length === FIELDS && version === VERSION && areIds && isPlain;
  if (!isReadable || !isEventId(eventId) || device === undefined) return null;
  const { receivedAtMs } = decodeEventId(eventId);
  return {
    eventId,
    clickedAtMs: (minuteOf(receivedAtMs) + Number(minutes)) * MINUTE_MS,
    advertiserId: adv as string,
    campaignId: cmp as string,
    adGroupId: grp as string,
    adId: ad as string,
    publisherId: pub as string,
    creativeId: crt as string,
    country: country as string,
    device,
    isTest: flags === "t",
  };
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
