/**
 * One line of a shard's log, and of the archive, which is the log's lines byte for byte: an event with its verdict.
 *
 *   {"v":1,"seq":812,"logged_at_ms":…,"verdict":"valid","reason":null,"rules":1,"event":<ClickEvent>}
 *   {…,"verdict":"valid","reason":"late_accepted","rules":1,"review":{"by":"key_7","at_ms":…},"event":<ClickEvent>}
 *
 * The second form is a decision on a late click: the same event again, moved from `late` to its new verdict.
 *
 * Keeps: token, facts and verdict together, so that a stranger can re-verify the token and re-decide the event.
 */
import { parseJson } from "./base64url.ts";
import { type OpenedEvent, openEvent } from "./message.ts";
import { assert } from "./result.ts";
import type { Review } from "./review.ts";
import {
  type Decision,
  RULES_VERSION,
  VERDICT_REASONS,
  VERDICTS,
  type Verdict,
  type VerdictReason,
} from "./verdict.ts";

export type LogPosition = { readonly seq: number; readonly loggedAtMs: number };

export type LoggedEvent = OpenedEvent &
  Decision &
  LogPosition & {
    readonly rules: number;
    /** Set when this line decides a late click that an earlier line logged. */
    readonly review: Review | null;
  };

/** The line without its newline; `encodedEvent` is the event as `encodeClickEvent` wrote it. */
export function encodeLogLine(
  { seq, loggedAtMs }: LogPosition,
  { verdict, reason }: Decision,
  encodedEvent: string,
  review: Review | null = null,
): string {
  const reviewed = review === null ? {} : { review: { by: review.by, at_ms: review.atMs } };
  const head = JSON.stringify({
    v: 1,
    seq,
    logged_at_ms: loggedAtMs,
    verdict,
    reason,
    rules: RULES_VERSION,
    ...reviewed,
  });
  return `${head.slice(0, -1)},"event":${encodedEvent}}`;
}

/** Reads a line that a shard wrote; throws AssertionError on any other, since that is a broken log. */
export function decodeLogLine(line: string): LoggedEvent {
  const wire = parseJson(line) as Record<string, unknown> | null;
  assert(wire?.["v"] === 1, "a log line has version 1");
  const opened = openEvent(wire["event"]);
  assert(opened.ok, "a log line holds a readable event");
  assert((VERDICTS as readonly unknown[]).includes(wire["verdict"]), "a log line has a known verdict");
  const { seq, logged_at_ms: loggedAtMs, reason, rules } = wire;
  assert(reason === null || (VERDICT_REASONS as readonly unknown[]).includes(reason), "a log line has a known reason");
  assert(Number.isSafeInteger(seq) && Number.isSafeInteger(loggedAtMs), "a log line has its position");
  return {
    ...opened.value,
    seq: seq as number,
    loggedAtMs: loggedAtMs as number,
    verdict: wire["verdict"] as Verdict,
    reason: reason as VerdictReason | null,
    rules: rules as number,
    review: decodeReview(wire["review"]),
  };
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

function decodeReview(value: unknown): Review | null {
  if (value === undefined) return null;
  const { by, at_ms: atMs } = value as { by?: unknown; at_ms?: unknown };
  assert(typeof by === "string" && Number.isSafeInteger(atMs), "a review says who and when");
  return { by, atMs: atMs as number };
}
