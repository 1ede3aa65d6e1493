/**
 * One line of a shard's log, and of the archive, which is the log's lines byte for byte: an event with its verdict.
 *
 *   {"v":1,"seq":812,"logged_at_ms":…,"verdict":"valid","reason":null,"rules":1,"event":<ClickEvent>}
 *
 * Keeps: token, facts and verdict together, so that a stranger can re-verify the token and re-decide the event.
 */
import { parseJson } from "./base64url.ts";
import { type OpenedEvent, openEvent } from "./message.ts";
import { assert } from "./result.ts";
import {
  type Decision,
  RULES_VERSION,
  VERDICT_REASONS,
  VERDICTS,
  type Verdict,
  type VerdictReason,
} from "./verdict.ts";

export type LogPosition = { readonly seq: number; readonly loggedAtMs: number };

export type LoggedEvent = OpenedEvent & Decision & LogPosition & { readonly rules: number };

/** The line without its newline; `encodedEvent` is the event as `encodeClickEvent` wrote it. */
export function encodeLogLine({ seq, loggedAtMs }: LogPosition, { verdict, reason }: Decision, encodedEvent: string) {
  const head = JSON.stringify({ v: 1, seq, logged_at_ms: loggedAtMs, verdict, reason, rules: RULES_VERSION });
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
  };
}
