/**
 * One line of a shard's log, and of the archive, which is the log's lines byte for byte: an event with its verdict.
 *
 *   {"v":1,"seq":812,"logged_at_ms":…,"verdict":"valid","reason":null,"rules":"4-1f3a9c02","event":<TokenEvent>}
 *   {…,"verdict":"valid","reason":"late_accepted","rules":…,"review":{"by":"key_7","at_ms":…},"event":<TokenEvent>}
 *   {…,"verdict":"invalid","reason":"high_frequency","rules":…,"revision":<revision>,"event":<TokenEvent>}
 *   {…,"verdict":"valid","reason":null,"rules":…,"prior":null,"next":<credit>,"event":<ConversionEvent>}
 *   {…,"verdict":"valid","reason":null,"rules":…,"batch":{"key":"…","content":"…"},"event":<ImpressionCountsEvent>}
 *
 * The second form is a decision on a late click: the same event again, moved from `late` to its new verdict, with the
 * count of all that joined it. A late click that joins another says which, and where both are counted:
 * "joins":{"to":"<event id>","occurred_at_ms":…,"country":"DE","device":"mobile"}. The third moves an event from any
 * verdict to another (core/revision.ts): the same event again, and
 * {"n":1,"from":{"verdict":"valid","reason":null},"cause":"audit/2026-11-27/0001","by":"key_7","at_ms":…}, with
 * "listed":true where the click stands in the review list. In the fourth, `prior` is the credit that the order had
 * and loses, `next` the one that it has from here on: {"click_id":"2~…","value_micros":…,"occurred_at_ms":…}.
 * `rules` is the id of the rules in force (core/rules.ts).
 *
 * Keeps: token, facts and verdict together, so that a stranger can re-verify the token and re-decide the event.
 */
import { parseJson } from "./base64url.ts";
import { readClickId } from "./click-id.ts";
import { type ConversionEvent, parseConversion } from "./conversion.ts";
import { isDeviceClass } from "./device.ts";
import { isEventId } from "./event-id.ts";
import { type ImpressionCountsEvent, parseImpressionCounts } from "./impression-counts.ts";
import type { Joined } from "./late-cap.ts";
import { type OpenedEvent, openEvent } from "./message.ts";
import { CONVERSION_REASONS, type ConversionLine, type ConversionReason, type Credit } from "./order.ts";
import { assert } from "./result.ts";
import type { Review } from "./review.ts";
import type { Revision } from "./revision.ts";
import { isRuleSetId } from "./rules.ts";
import { type Decision, VERDICT_REASONS, VERDICTS, type Verdict, type VerdictReason } from "./verdict.ts";

/** Where a line stands, and the id of the rules that were in force there. */
export type LogPosition = { readonly seq: number; readonly loggedAtMs: number; readonly rules: string };

/** A click or an impression with its decision; `review` is set when it decides a late click of an earlier line. */
export type TokenContent = OpenedEvent &
  Decision & {
    readonly review: Review | null;
    /** Set when it moves an event of an earlier line to another verdict. */
    readonly revision?: Revision | null | undefined;
    /** Set where its person was erased: by which hash evidence names its token, and whether it had a user. */
    readonly erased?: { readonly tokenHash: string; readonly hadUser: boolean };
    /** The late click that this one is counted and decided with (core/late-cap.ts). */
    readonly joins?: Joined | null | undefined;
  };
export type ConversionContent = { readonly event: ConversionEvent } & ConversionLine;
/** Rows of an upload; `batch` is what it is recognised by (shard/submit-counts.ts). */
export type CountsContent = {
  readonly event: ImpressionCountsEvent;
  readonly verdict: "valid";
  readonly reason: null;
  readonly batch: Batch;
};
export type Batch = { readonly key: string; readonly content: string };

/** What a line says, without its position. */
export type LogContent = TokenContent | ConversionContent | CountsContent;

export type LoggedEvent = TokenContent & LogPosition;
export type LoggedConversion = ConversionContent & LogPosition;
export type LoggedCounts = CountsContent & LogPosition;
export type LogEntry = LoggedEvent | LoggedConversion | LoggedCounts;

export function isTokenEntry<T extends LogContent>(entry: T): entry is T & TokenContent {
  return entry.event.type === "click" || entry.event.type === "impression";
}

export function isConversionEntry<T extends LogContent>(entry: T): entry is T & ConversionContent {
  return entry.event.type === "conversion";
}

export function isCountsEntry<T extends LogContent>(entry: T): entry is T & CountsContent {
  return entry.event.type === "impression_counts";
}

/** What a line tells beside its event. */
type LineHead = {
  readonly verdict: Verdict;
  readonly reason: string | null;
  readonly review?: Review | null;
  readonly revision?: Revision | null | undefined;
  readonly joins?: Joined | null | undefined;
  readonly prior?: Credit | null;
  readonly next?: Credit | null;
  readonly batch?: Batch;
};

/** The line without its newline; `encodedEvent` is the event as its own encoder wrote it. */
export function encodeLogLine({ seq, loggedAtMs, rules }: LogPosition, head: LineHead, encodedEvent: string): string {
  const { verdict, reason, review = null, revision = null, joins = null, prior, next, batch } = head;
  const text = JSON.stringify({
    v: 1,
    seq,
    logged_at_ms: loggedAtMs,
    verdict,
    reason,
    rules,
    ...(review === null ? {} : { review: { by: review.by, at_ms: review.atMs } }),
    ...(revision === null ? {} : { revision: encodeRevision(revision) }),
    ...(joins === null ? {} : { joins: encodeJoined(joins) }),
    ...(prior === undefined ? {} : { prior: encodeCredit(prior) }),
    ...(next === undefined ? {} : { next: encodeCredit(next) }),
    ...(batch === undefined ? {} : { batch }),
  });
  return `${text.slice(0, -1)},"event":${encodedEvent}}`;
}

/** Reads a line that a shard wrote; throws AssertionError on any other, since that is a broken log. */
export function decodeLogLine(line: string): LogEntry {
  const wire = parseJson(line) as Record<string, unknown> | null;
  assert(wire?.["v"] === 1, "a log line has version 1");
  const { seq, logged_at_ms: loggedAtMs, verdict, rules } = wire;
  assert((VERDICTS as readonly unknown[]).includes(verdict), "a log line has a known verdict");
  assert(Number.isSafeInteger(seq) && Number.isSafeInteger(loggedAtMs), "a log line has its position");
  assert(isRuleSetId(rules), "a log line names its rules");
  const head = {
    seq: seq as number,
    loggedAtMs: loggedAtMs as number,
    verdict: verdict as Verdict,
    rules,
  };
  const type = (wire["event"] as { type?: unknown } | null)?.type;
  if (type === "conversion") return decodeConversionLine(wire, head);
  if (type === "impression_counts") return decodeCountsLine(wire, head);
  const opened = openEvent(wire["event"]);
  assert(opened.ok, "a log line holds a readable event");
  const reason = knownReason(VERDICT_REASONS, wire["reason"]);
  const [review, joins] = [decodeReview(wire["review"]), decodeJoined(wire["joins"])];
  const revision = decodeRevision(wire["revision"]);
  const erased = decodeErased(wire["erased"]);
  return {
    ...{ ...opened.value, ...head, reason, review, joins },
    ...(revision === null ? {} : { revision }),
    ...(erased === null ? {} : { erased }),
  };
}

function decodeErased(value: unknown): NonNullable<TokenContent["erased"]> | null {
  if (value === undefined) return null;
  const { token, user } = value as Record<string, unknown>;
  assert(typeof token === "string" && typeof user === "boolean", "an erased line says what its token was");
  return { tokenHash: token, hadUser: user };
}

/** A line that is known to be of a click or an impression. */
export function decodeEventLine(line: string): LoggedEvent {
  const entry = decodeLogLine(line);
  assert(isTokenEntry(entry), "the line is of a click or an impression");
  return entry;
}

function decodeConversionLine(
  wire: Record<string, unknown>,
  head: LogPosition & { verdict: Verdict },
): LoggedConversion {
  const event = parseConversion(wire["event"]);
  assert(event !== null, "a log line holds a readable conversion");
  const reason = knownReason(CONVERSION_REASONS, wire["reason"]);
  return { ...head, event, reason, prior: decodeCredit(wire["prior"]), next: decodeCredit(wire["next"]) };
}

function decodeCountsLine(wire: Record<string, unknown>, head: LogPosition): LoggedCounts {
  const event = parseImpressionCounts(wire["event"]);
  assert(event !== null, "a log line holds readable counts");
  const { key, content } = (wire["batch"] ?? {}) as { key?: unknown; content?: unknown };
  assert(typeof key === "string" && typeof content === "string", "a log line of counts names its batch");
  return { ...head, event, verdict: "valid", reason: null, batch: { key, content } };
}

function knownReason<T extends VerdictReason | ConversionReason>(known: readonly T[], reason: unknown): T | null {
  assert(reason === null || (known as readonly unknown[]).includes(reason), "a log line has a known reason");
  return reason as T | null;
}

/**
 * Whether a `dur: 1` click was durable before its redirect was sent; null when the token did not ask.
 *
 * The redirect goes out when the acknowledgement arrives, or at `redirectByMs`, whichever is first. The acknowledgement
 * cannot come before the event is durable, so the redirect followed it exactly when that was by `redirectByMs`.
 * Clocks of edge, queue and shard are taken to agree.
 */
export function wasDurableBeforeRedirect({ event, loggedAtMs }: LoggedEvent): boolean | null {
  if (event.redirectByMs === null) return null;
  return (event.acceptedAtMs ?? loggedAtMs) <= event.redirectByMs;
}

function encodeCredit(credit: Credit | null): object | null {
  if (credit === null) return null;
  return { click_id: credit.clickId, value_micros: credit.valueMicros, occurred_at_ms: credit.occurredAtMs };
}

function decodeCredit(value: unknown): Credit | null {
  if (value === null || value === undefined) return null;
  const {
    click_id: clickId,
    value_micros: valueMicros,
    occurred_at_ms: occurredAtMs,
  } = value as Record<string, unknown>;
  const click = typeof clickId === "string" ? readClickId(clickId) : null;
  assert(click !== null, "a credit names its click");
  assert(Number.isSafeInteger(valueMicros) && Number.isSafeInteger(occurredAtMs), "a credit has value and time");
  return {
    clickId: clickId as string,
    click,
    valueMicros: valueMicros as number,
    occurredAtMs: occurredAtMs as number,
  };
}

function encodeJoined({ to, occurredAtMs, country, device }: Joined): object {
  return { to, occurred_at_ms: occurredAtMs, country, device };
}

function decodeJoined(value: unknown): Joined | null {
  if (value === undefined) return null;
  const { to, occurred_at_ms: occurredAtMs, country, device } = value as Record<string, unknown>;
  assert(isEventId(to) && Number.isSafeInteger(occurredAtMs), "a joined click names the other and its time");
  assert((country === null || typeof country === "string") && isDeviceClass(device), "a joined click names its cell");
  return { to, occurredAtMs: occurredAtMs as number, country, device };
}

function decodeReview(value: unknown): Review | null {
  if (value === undefined) return null;
  const { by, at_ms: atMs } = value as { by?: unknown; at_ms?: unknown };
  assert(typeof by === "string" && Number.isSafeInteger(atMs), "a review says who and when");
  return { by, atMs: atMs as number };
}

function encodeRevision({ n, from, cause, by, atMs, isListed }: Revision): object {
  const { verdict, reason } = from;
  return { n, from: { verdict, reason }, cause, by, at_ms: atMs, ...(isListed ? { listed: true } : {}) };
}

function decodeRevision(value: unknown): Revision | null {
  if (value === undefined) return null;
  const { n, from, cause, by, at_ms: atMs, listed } = value as Record<string, unknown>;
  const { verdict, reason } = (from ?? {}) as Record<string, unknown>;
  assert(Number.isSafeInteger(n) && (n as number) > 0, "a revision has its number");
  assert((VERDICTS as readonly unknown[]).includes(verdict), "a revision says from which verdict");
  assert(typeof cause === "string" && typeof by === "string" && Number.isSafeInteger(atMs), "a revision says why");
  const before = { verdict: verdict as Verdict, reason: knownReason(VERDICT_REASONS, reason) };
  return { n: n as number, from: before, cause, by, atMs: atMs as number, isListed: listed === true };
}
