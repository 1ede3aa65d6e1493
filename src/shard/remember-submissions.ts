/**
 * What a submission shard remembers of entries that it reads back from its own archive, after its storage was set back.
 *
 * Keeps: the same states as when the entries were decided, since they are decided again in the same order. Taking an
 * entry twice changes nothing. Relies on: entries come in the order of the log; the caller's transaction.
 */
import { parseJson } from "../core/base64url.ts";
import { isConversionEntry, isTokenEntry, type LogEntry } from "../core/log-line.ts";
import { decideConversion, type OrderState, orderKeyOf } from "../core/order.ts";
import type { SubmissionBook } from "./submission-book.ts";

export function rememberSubmissions(entries: readonly LogEntry[], book: SubmissionBook, period: number): void {
  for (const entry of entries) {
    if (isTokenEntry(entry)) continue;
    if (!isConversionEntry(entry)) {
      const { key, content } = entry.batch;
      if (!book.find([key]).has(key)) book.put(new Map([[key, content]]), period);
      continue;
    }
    const key = orderKeyOf(entry.event);
    const known = book.find([key]).get(key);
    const decided = decideConversion(entry.event, known === undefined ? null : (parseJson(known) as OrderState));
    if (decided.ok && decided.value.line !== null)
      book.put(new Map([[key, JSON.stringify(decided.value.state)]]), period);
  }
}
