/**
 * Uploaded counts in the object of their batch: known by its key → logged → remembered by what it holds.
 *
 * Keeps: all rows of a batch or none, and once. A batch with other content under a known key changes nothing.
 */
import { parseJson } from "../core/base64url.ts";
import { encodeImpressionCounts, parseImpressionCounts } from "../core/impression-counts.ts";
import { isCountsEntry, type LogEntry } from "../core/log-line.ts";
import { assert } from "../core/result.ts";
import type { NewEntry } from "./shard-log.ts";
import type { SubmissionBook } from "./submission-book.ts";
import { logSubmitted, type SubmitPorts, type Submitted } from "./submit.ts";

export type UploadOutcome = "counted" | "repeated" | "batch_conflict";

/** An ad server's counts; `key` names the sender's batch, `content` is a hash of what it holds. */
export type Upload = { readonly key: string; readonly content: string; readonly encodedRows: readonly string[] };

/** Logs the rows of an upload, all or none. To be called inside `transactionSync`. */
export function submitCounts(
  { key, content, encodedRows }: Upload,
  { log, book }: SubmitPorts,
  nowMs: number,
): Submitted<UploadOutcome> {
  const known = book.find([key]).get(key);
  if (known !== undefined) return { result: known === content ? "repeated" : "batch_conflict", chars: 0 };
  const entries = encodedRows.map((encoded): NewEntry => {
    const event = parseImpressionCounts(parseJson(encoded));
    assert(event !== null, "the edge encodes readable counts");
    const batch = { key, content };
    return { content: { event, verdict: "valid", reason: null, batch }, encoded: encodeImpressionCounts(event) };
  });
  return { result: "counted", chars: logSubmitted(entries, new Map([[key, content]]), { log, book }, nowMs) };
}

/**
 * What an object of counts remembers of entries that it reads back from its own archive, after its storage was set
 * back. Taking an entry twice changes nothing. Relies on: the caller's transaction.
 */
export function rememberCounts(entries: readonly LogEntry[], book: SubmissionBook, period: number): void {
  for (const { batch } of entries.filter(isCountsEntry)) {
    if (!book.find([batch.key]).has(batch.key)) book.put(new Map([[batch.key, batch.content]]), period);
  }
}
