/**
 * The one table of retention: how long everything stays that the Worker writes into D1 and R2, and what takes it away.
 *
 *   { of: "raw/v1/", kept: "RAW_KEPT_DAYS", by: "batch/retire-days.ts" }     a setting's days, deleted by that job
 *   { of: "seals/v1/", kept: "for ever", by: null }                          nothing deletes it
 *
 * Keeps: complete: a prefix of R2 or a table of D1 that the code writes stands here, and docs/STORAGE.md names the same
 * job (test/docs/retention.test.ts).
 */
export type Retention = {
  /** A prefix of R2, which ends with a slash, or a table of D1. */
  readonly of: string;
  /** A setting in days, or words. */
  readonly kept: string;
  /** The module that deletes; `operator` where a person decides; null where nothing does. */
  readonly by: string | null;
};

const forEver = (...names: string[]): Retention[] => names.map((of) => ({ of, kept: "for ever", by: null }));

/** What audits and evidence are made of, or rest on: it is needed as long as a statement may be disputed. */
const PROOFS = [
  ...["seals/v1/", "losses/v1/", "folds/v1/", "truth/v1/", "revisions/v1/"],
  ...["evidence/v1/", "evidence-days/v1/", "evidence-log/v1/", "hours/v1/"],
  ...["statements/v1/", "statement-drafts/v1/", "monthly-statements/v1/", "budgets/v1/", "holds/v1/"],
  ...["retired/v1/", "rules/v1/"],
];
/** What the log itself is read and routed by. */
const GROUND = ["heads/v1/", "heartbeats/v1/", "keys/v1/", "canary/v1/"];
const BY_RETENTION = "batch/retention.ts";

export const RETENTION: readonly Retention[] = [
  { of: "raw/v1/", kept: "RAW_KEPT_DAYS", by: "batch/retire-days.ts" },
  { of: "audits/v1/", kept: "RAW_KEPT_DAYS, reports for ever", by: "batch/retire-days.ts" },
  { of: "hour-lines/v1/", kept: "RAW_KEPT_DAYS", by: "batch/retire-days.ts" },
  ...["claims/v1/", "clicks/v1/", "evidence-work/v1/"].map((of) => ({
    ...{ of, kept: "RAW_KEPT_DAYS and the dedup horizon", by: "batch/retire-work.ts" },
  })),
  { of: "cold/minute/v1/", kept: "MINUTES_KEPT_DAYS", by: BY_RETENTION },
  { of: "statement-pending/v1/", kept: "until everybody is told", by: "billing/issued.ts" },
  { of: "report-pages/v1/", kept: "an hour", by: "report/page/page-store.ts" },
  { of: "salts/v1/", kept: "two days", by: "track/address-hash.ts" },
  { of: "spool/v1/", kept: "until their shards have them", by: "queue/spool.ts" },
  { of: "spool-place/v1/", kept: "while the spool is longer than a turn", by: "queue/spool.ts" },
  { of: "spool-submissions/v1/", kept: "until they are decided", by: "queue/submission-spool.ts" },
  { of: "erasures/v1/", kept: "orders until all is erased, receipts for ever", by: "erasure/order.ts" },
  ...["dead/v1/", "dead-submissions/v1/", "dead-replayed/v1/", "dead-postings/v1/", "replays/v1/"].map((of) => ({
    ...{ of, kept: "until a person decides", by: "operator" },
  })),
  ...forEver(...PROOFS, ...GROUND),
  { of: "facts_minute", kept: "HOT_MINUTES_H", by: "batch/move-minutes.ts" },
  { of: "cold_objects", kept: "as long as its object", by: BY_RETENTION },
  { of: "open_postings", kept: "until it is posted", by: "facts/d1-facts.ts" },
  { of: "facts_hour", kept: "HOURS_KEPT_DAYS", by: BY_RETENTION },
  { of: "facts_day", kept: "DAYS_KEPT_DAYS", by: BY_RETENTION },
  { of: "hour_sums", kept: "100 days, HOURS_KEPT_DAYS at most", by: BY_RETENTION },
  { of: "day_sums", kept: "DAYS_KEPT_DAYS", by: BY_RETENTION },
  { of: "changed_days", kept: "36 days", by: BY_RETENTION },
  { of: "outbox", kept: "31 days", by: BY_RETENTION },
  { of: "outbox_published", kept: "until the database is set back", by: "batch/set-back.ts" },
  { of: "webhooks", kept: "until it is deleted", by: "webhooks/endpoints.ts" },
  { of: "deleted_webhooks", kept: "until its object has forgotten", by: "webhooks/wake.ts" },
  { of: "metrics/v1/", kept: "until it is added up", by: "metrics/watch.ts" },
  { of: "late_clicks", kept: "the dedup horizon", by: BY_RETENTION },
  ...forEver("ledger", "heartbeat", "advertisers", "change_clock"),
  ...forEver("roll_marks", "cold_marks", "day_sum_marks", "hour_sum_marks"),
  ...forEver("advertiser_directory", "report_databases", "api_keys", "log_days", "alarms", "billed_until", "audit_log"),
  ...forEver("advertiser_profiles", "campaigns", "ad_groups", "ads", "creatives", "publishers"),
];
