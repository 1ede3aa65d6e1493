/** Late clicks of just now: older ones than the dedup horizon would be deferred. */
import { DEVICE_CLASSES } from "../../src/core/device.ts";
import { encodeTokenEvent, type TokenEvent } from "../../src/core/token-event.ts";
import { aClick } from "./builders.ts";

type LateClick = { readonly event: TokenEvent; readonly encoded: string };

/** A click that its client reports ten minutes after it happened; others by number differ in time, place and device. */
export function aLateClick(jti: string, ad: string, number = 0): LateClick {
  const nowMs = Date.now();
  const times = { receivedAtMs: nowMs, occurredAtMs: nowMs - 600_000 + (number % 5) * 60_000 };
  const device = DEVICE_CLASSES[number % DEVICE_CLASSES.length] ?? "desktop";
  const where = { country: number % 3 === 0 ? "DE" : "US", ...(number === 0 ? {} : { device }) };
  const event = aClick({ ...times, ...where, clock: "client" }, { jti, ad, ...lifeOfRun() });
  return { event, encoded: encodeTokenEvent(event) };
}

/** Another click of the same impression, in time. */
export function anOnTimeClick(jti: string, ad: string): string {
  const nowMs = Date.now();
  return encodeTokenEvent(aClick({ receivedAtMs: nowMs }, { jti, ad, ...lifeOfRun() }));
}

/** The same for all clicks of a test run, since `iat` is part of an impression's identity. */
const issuedAtS = Math.floor(Date.now() / 1_000) - 900;

function lifeOfRun(): { iat: number; exp: number } {
  return { iat: issuedAtS, exp: issuedAtS + 4_500 };
}
