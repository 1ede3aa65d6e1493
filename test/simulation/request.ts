/**
 * One request of the traffic: who makes it, when, on which isolate, for the click link or the pixel of which impression.
 *
 * Keeps: what a request is (`nature`) comes from the persona that made it, not from the rules under test.
 */
import type { Claims } from "../../src/core/claims.ts";
import type { DeviceClass } from "../../src/core/device.ts";
import { MINUTE_MS } from "../../src/core/limits.ts";
import type { EventType, Method } from "../../src/core/token-event.ts";
import type { Chance } from "./chance.ts";

export type Impression = { readonly index: number; readonly claims: Claims; readonly token: string };

export type Request = {
  readonly type: EventType;
  readonly atMs: number;
  readonly impression: Impression;
  readonly isolate: number;
  readonly client: string;
  readonly nature: "person" | "machine";
  readonly method: Method;
  readonly userAgent: string;
  /** Whether the client asks not to be tracked. */
  readonly gpc: boolean;
  /** What the client says about the time of the click; null when it says nothing. */
  readonly timestampMs: number | null;
  readonly country: string | null;
  readonly device: DeviceClass;
};

export const TOKEN_LIFE_MS = 25 * MINUTE_MS;
export const ISOLATES = 5;
/** The same people see many ads. */
const PEOPLE = 11;
const PERSON = "Mozilla/5.0 (X11) Firefox/140.0";
const CRAWLER = "Googlebot/2.1";

/** A request of the person that the impression was shown to, except for what is told. */
export function personalRequest(
  type: EventType,
  impression: Impression,
  { atMs, isolate, ...more }: Pick<Request, "atMs" | "isolate"> & Partial<Request>,
): Request {
  const { index } = impression;
  return {
    type,
    atMs: Math.floor(atMs),
    impression,
    isolate,
    client: `person-${index % PEOPLE}`,
    nature: "person",
    method: "GET",
    userAgent: PERSON,
    gpc: index % PEOPLE === 4,
    timestampMs: null,
    country: index % 3 === 0 ? "DE" : null,
    device: index % 2 === 0 ? "mobile" : "desktop",
    ...more,
  };
}

/** What makes a request a machine's: headers only, or an agent that says so. */
export function machineOf(chance: Chance): Partial<Request> {
  const isHead = chance.is(0.4);
  const method = isHead ? "HEAD" : "GET";
  return { client: "machine", nature: "machine", method, userAgent: isHead ? PERSON : CRAWLER };
}
