/** One run of a log's postings as a flush does it: ledgers are compared first. */

import { type LogOwner, sourceOf } from "../../src/archive/archive.ts";
import type { LogSource } from "../../src/archive/log-source.ts";
import { LOG_READ_CHARS_MAX } from "../../src/core/limits.ts";
import { LOG_START } from "../../src/core/position.ts";
import type { ReportStores } from "../../src/facts/facts-store.ts";
import { checkMark } from "../../src/facts/ledger-check.ts";
import { type PostTarget, postLog } from "../../src/facts/post.ts";

export async function runPostings(
  log: LogSource & { lastSeq(): number },
  targets: readonly PostTarget[],
  { assign, owner }: { assign: ReportStores["assign"]; owner: LogOwner },
): Promise<void> {
  const checked: PostTarget[] = [];
  for (const target of targets) {
    const rows = await target.store.ledger(owner.shard);
    const row = rows.get(sourceOf(owner)) ?? null;
    const { at, ledger } = target.mark.read();
    // A mark that was never written is null to the check.
    const mark = { ...target.mark, read: () => (ledger === null && at === LOG_START ? null : target.mark.read()) };
    if (row !== null || ledger !== null) {
      await checkMark({ ...target, mark }, { log, owner, base: LOG_START, rows, onBehind: () => {} });
    }
    checked.push(target);
  }
  await postLog(checked, {
    assign,
    owner,
    untilSeq: log.lastSeq(),
    rowsAfter: async ({ seq }) => log.rowsAfter(seq, LOG_READ_CHARS_MAX),
    postingsMax: 1_000,
    isRefused: () => false,
    apart: () => Promise.reject(new Error("nothing is refused here")),
  });
}
