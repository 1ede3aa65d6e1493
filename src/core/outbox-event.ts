/**
 * Events: what others are told has happened. Thin: an event names what to read again, and holds no figures.
 *
 *   report.moved         figures of the advertiser changed: GET /v1/changes says which days
 *   day.reconciled       a service day is reconciled, by these audits
 *   statement.issued     with the hash of the statement, and the evidence log's checkpoint that has it
 *   adjustment.created   a statement corrects earlier ones
 *   budget.reached       a statement's period cost more than its budget, which took something off
 *   alarm.raised         an alarm of the deployment, to the operator alone; alarm.cleared when it is over
 *   webhook.test         to one endpoint, when it is asked for; in no outbox
 *
 * Keeps: an event's id is made from the fact that it tells, so that the same fact has the same id whoever writes it,
 * and however often.
 */
import { sha256 } from "@noble/hashes/sha2.js";
import { encodeBase64url, encodeUtf8 } from "./base64url.ts";

export const EVENT_TYPES = [
  ...(["report.moved", "day.reconciled", "statement.issued", "adjustment.created", "budget.reached"] as const),
  ...(["alarm.raised", "alarm.cleared"] as const),
] as const;
export type EventType = (typeof EVENT_TYPES)[number];

/** The audience of what is no advertiser's own. */
export const TO_EVERYBODY = "*";
/** The audience of what the operator alone is told; no id of an advertiser is like it. */
export const TO_OPERATOR = "=operator";

/** An event as it is put into the outbox. */
export type NewEvent = {
  /** What happened, by a name that nothing else has. */
  readonly fact: string;
  readonly audience: string;
  readonly type: EventType;
  readonly data: Readonly<Record<string, unknown>>;
};

const ID_BYTES = 16;

/** The id of the event that tells a fact. */
export function eventIdOf(fact: string): string {
  return `evt_${encodeBase64url(sha256(encodeUtf8(fact)).subarray(0, ID_BYTES))}`;
}
