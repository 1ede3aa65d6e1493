/** Late clicks of just now: older ones than the dedup horizon would be deferred. */
import { encodeTokenEvent, type TokenEvent } from "../../src/core/token-event.ts";
import { aClick } from "./builders.ts";

type LateClick = { readonly event: TokenEvent; readonly encoded: string };

/** A click that its client reports ten minutes after it happened. */
export function aLateClick(jti: string, ad: string): LateClick {
  const nowMs = Date.now();
  const times = { receivedAtMs: nowMs, occurredAtMs: nowMs - 600_000 };
  const event = aClick({ ...times, clock: "client" }, { jti, ad, ...lifeAround(nowMs) });
  return { event, encoded: encodeTokenEvent(event) };
}

/** Another click of the same impression, in time. */
export function anOnTimeClick(jti: string, ad: string): string {
  const nowMs = Date.now();
  return encodeTokenEvent(aClick({ receivedAtMs: nowMs }, { jti, ad, ...lifeAround(nowMs) }));
}

/** The same for all clicks of a test run, since `iat` is part of an impression's identity. */
const issuedAtS = Math.floor(Date.now() / 1_000) - 900;

function lifeAround(nowMs: number): { iat: number; exp: number } {
  return { iat: issuedAtS, exp: Math.floor(nowMs / 1_000) + 3_600 };
}
