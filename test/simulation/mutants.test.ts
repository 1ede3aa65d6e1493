/** The simulation can fail: it catches each planted fault, and passes the same seeds without it. */
import { describe, expect, it } from "vitest";
import { FAULT_KINDS } from "./faults.ts";
import { ABSOLUTE_TOTALS } from "./mutants/absolute-totals.ts";
import { ACKNOWLEDGED_TOO_EARLY } from "./mutants/acknowledged-too-early.ts";
import { ARCHIVE_TRUSTS_ITSELF } from "./mutants/archive-trusts-itself.ts";
import { ASSIGNMENTS_OF_EACH_SHARD } from "./mutants/assignments-of-each-shard.ts";
import { BATCH_BY_CONTENT, BATCH_BY_NAME } from "./mutants/batch-by-name.ts";
import { INVALID_CLAIMS, LATE_CLAIMS } from "./mutants/claims-of-others.ts";
import { CREDIT_ADDED } from "./mutants/credit-added.ts";
import { DEFERRED_SKIPPED } from "./mutants/deferred-skipped.ts";
import { FOLLOWER_NEVER_RESENDS } from "./mutants/follower-never-resends.ts";
import { GATHERED_FORGOTTEN } from "./mutants/gathered-forgotten.ts";
import { ANSWERED_BEFORE_COMMIT, FAULT_OF_ONE } from "./mutants/groups.ts";
import { JOIN_FORGOTTEN } from "./mutants/join-forgotten.ts";
import { KEYS_DROPPED_EARLY } from "./mutants/keys-dropped-early.ts";
import { KEYS_NOT_READ_BACK } from "./mutants/keys-not-read-back.ts";
import { LEDGER_BY_RANGE_END } from "./mutants/ledger-by-range-end.ts";
import { MARK_BEFORE_APPEND } from "./mutants/mark-before-append.ts";
import { MARKS_BELIEVED } from "./mutants/marks-believed.ts";
import type { Mutant } from "./mutants/mutant.ts";
import { NEVER_WITHDRAWN } from "./mutants/never-withdrawn.ts";
import { NUMBERS_REUSED } from "./mutants/numbers-reused.ts";
import { NUMBERS_WITHOUT_CHAIN } from "./mutants/numbers-without-chain.ts";
import { ONE_CURSOR } from "./mutants/one-cursor.ts";
import { OPEN_POSTING_MUTANTS } from "./mutants/open-postings.ts";
import { ORDER_REMEMBERED_LATER } from "./mutants/order-remembered-later.ts";
import {
  CLAIMS_HALF_WRITTEN,
  FILTER_FORGETS,
  MEMORY_BEFORE_COMMIT,
  NEWEST_KEYS_LOST,
  RUN_MERGED_AWAY,
} from "./mutants/packed-claims.ts";
import { PAGE_HALF_WRITTEN } from "./mutants/page-half-written.ts";
import { PAGE_OUTLIVES_ROLLBACK } from "./mutants/page-outlives-rollback.ts";
import { POST_WITHOUT_LEDGER } from "./mutants/post-without-ledger.ts";
import { RANDOM_SALT } from "./mutants/random-salt.ts";
import { REASON_LOST } from "./mutants/reason-lost.ts";
import { RETRACTED_TWICE } from "./mutants/retracted-twice.ts";
import { RETROACTIVE_EPOCH } from "./mutants/retroactive-epoch.ts";
import {
  CLAIM_NEVER_FREED,
  FROM_BELIEVED,
  NUMBERS_ACCEPTED_AGAIN,
  PROMOTION_FORGOTTEN,
  REVISION_LOGGED_TWICE,
} from "./mutants/revisions.ts";
import { REVISIONS_NOT_READ_BACK } from "./mutants/revisions-not-read-back.ts";
import { SEALED_DAY_OPEN } from "./mutants/sealed-day-open.ts";
import { SHARED_KEY } from "./mutants/shared-key.ts";
import { SPOOL_DELETED_FIRST } from "./mutants/spool-deleted-first.ts";
import { STALE_TOPOLOGY } from "./mutants/stale-topology.ts";
import { TRIMMED_UNPOSTED } from "./mutants/trimmed-unposted.ts";
import { TWO_FLUSHES } from "./mutants/two-flushes.ts";
import { USERS_ALIKE } from "./mutants/users-alike.ts";
import { REAL_PARTS } from "./parts.ts";
import { simulate } from "./simulate.ts";

const SEEDS_MAX = 40;
const HOURS = 1;
/** For a machine that has much else to do. */
const PATIENCE_MS = 120_000;

const MUTANTS: readonly Mutant[] = [
  MARK_BEFORE_APPEND,
  POST_WITHOUT_LEDGER,
  LEDGER_BY_RANGE_END,
  NUMBERS_REUSED,
  KEYS_DROPPED_EARLY,
  JOIN_FORGOTTEN,
  TWO_FLUSHES,
  FOLLOWER_NEVER_RESENDS,
  RANDOM_SALT,
  ABSOLUTE_TOTALS,
  INVALID_CLAIMS,
  LATE_CLAIMS,
  RETROACTIVE_EPOCH,
  STALE_TOPOLOGY,
  TRIMMED_UNPOSTED,
  ONE_CURSOR,
  ASSIGNMENTS_OF_EACH_SHARD,
  ARCHIVE_TRUSTS_ITSELF,
  ACKNOWLEDGED_TOO_EARLY,
  SPOOL_DELETED_FIRST,
  SHARED_KEY,
  ORDER_REMEMBERED_LATER,
  CREDIT_ADDED,
  RETRACTED_TWICE,
  BATCH_BY_NAME,
  BATCH_BY_CONTENT,
  USERS_ALIKE,
  REASON_LOST,
  KEYS_NOT_READ_BACK,
  MARKS_BELIEVED,
  NUMBERS_WITHOUT_CHAIN,
  PAGE_HALF_WRITTEN,
  PAGE_OUTLIVES_ROLLBACK,
  GATHERED_FORGOTTEN,
  FILTER_FORGETS,
  RUN_MERGED_AWAY,
  CLAIMS_HALF_WRITTEN,
  NEWEST_KEYS_LOST,
  MEMORY_BEFORE_COMMIT,
  REVISION_LOGGED_TWICE,
  PROMOTION_FORGOTTEN,
  NUMBERS_ACCEPTED_AGAIN,
  FROM_BELIEVED,
  CLAIM_NEVER_FREED,
  REVISIONS_NOT_READ_BACK,
  SEALED_DAY_OPEN,
  DEFERRED_SKIPPED,
  ANSWERED_BEFORE_COMMIT,
  FAULT_OF_ONE,
  NEVER_WITHDRAWN,
  ...OPEN_POSTING_MUTANTS,
];

/** Plays the seeds until one breaks the mutant's promise; null when none does. The real parts must pass that seed. */
async function caughtAt({ promise, parts, rare }: Mutant): Promise<number | null> {
  const { kinds, hours } = rare ?? { kinds: FAULT_KINDS, hours: HOURS };
  const setting = { kinds, hours, areCertain: rare !== undefined };
  const firstSeed = rare?.firstSeed ?? 1;
  for (let seed = firstSeed; seed < firstSeed + (rare?.seeds ?? SEEDS_MAX); seed++) {
    const { complaints } = await simulate({ ...setting, seed, parts: { ...REAL_PARTS, ...parts } });
    if (!complaints.some((complaint) => complaint.promise === promise)) continue;
    const real = await simulate({ ...setting, seed });
    return real.complaints.length === 0 ? seed : null;
  }
  return null;
}

describe("the simulation", () => {
  it("finds nothing wrong with the system itself in the seeds below", { timeout: PATIENCE_MS }, async () => {
    for (let seed = 1; seed <= SEEDS_MAX; seed++) {
      expect((await simulate({ seed, hours: HOURS })).complaints, `seed ${seed}`).toEqual([]);
    }
  });

  it.each(MUTANTS)("catches: $fault ($promise)", { timeout: PATIENCE_MS }, async (mutant) => {
    expect(await caughtAt(mutant)).not.toBeNull();
  });
});
