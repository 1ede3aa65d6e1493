/**
 * Problems of reading and of administration: parameters, reports, budgets, tenants and keys.
 */
import type { ProblemTable } from "./row.ts";

/** Parameters of a query, and members of a JSON body that stand for them. */
export const OF_PARAMETERS = {
  unknown_parameter: {
    status: 400,
    title: "The request has a parameter that this route does not know.",
    advice: "Remove the parameter that `field` names, or correct its spelling.",
  },
  repeated_parameter: {
    status: 400,
    title: "A parameter that takes one value is given more than once.",
    advice: "Give the parameter that `field` names once.",
  },
  missing_parameter: {
    status: 400,
    title: "A required parameter is missing.",
    advice: "Add the parameter that `field` names.",
  },
  invalid_value: {
    status: 400,
    title: "A parameter has a value that is not allowed.",
    advice: "Correct the parameter that `field` names; the page /docs says which values it takes.",
  },
} as const satisfies ProblemTable;

export const OF_REPORTS = {
  empty_value: {
    status: 400,
    title: "A list holds an empty value.",
    advice: "Remove the empty value: a comma too many, or a filter without a value.",
  },
  too_many_values: {
    status: 400,
    title: "The lists hold too many values.",
    advice: "Shorten the lists, or ask in several requests.",
  },
  invalid_instant: {
    status: 400,
    title: "An instant does not parse.",
    advice: "Write a date like `2026-11-01`, or an instant with its zone like `2026-11-01T00:00:00Z`.",
  },
  instant_within_minute: {
    status: 400,
    title: "An instant lies within a minute.",
    advice: "Begin and end at whole minutes, or end at the last second of one, as `23:59:59` does.",
  },
  reversed_range: {
    status: 400,
    title: "The range ends before it starts.",
    advice: "Exchange `from` and `to`.",
  },
  empty_range: {
    status: 400,
    title: "The range holds no minute.",
    advice: "Set `to` at least a minute after `from`.",
  },
  range_too_long: {
    status: 400,
    title: "The range is longer than this granularity allows.",
    advice: "Shorten the range, or choose a coarser granularity.",
  },
  unknown_granularity: {
    status: 400,
    title: "The granularity is not known.",
    advice: "Choose one of the granularities that docs/REPORTS.md lists.",
  },
  conflicting_granularity: {
    status: 400,
    title: "The request names more than one granularity.",
    advice: "Name one granularity, either in `granularity` or in `group_by`.",
  },
  unknown_time_zone: {
    status: 400,
    title: "The time zone is not known.",
    advice: "Name the time zone as the IANA database does, for instance `Europe/Berlin`.",
  },
  unknown_dimension: {
    status: 400,
    title: "The dimension is not known.",
    advice: "Group by a dimension that docs/REPORTS.md lists.",
  },
  repeated_dimension: {
    status: 400,
    title: "A dimension is named more than once.",
    advice: "Name each dimension once.",
  },
  unknown_metric: {
    status: 400,
    title: "The metric is not known.",
    advice: "Ask for a metric that docs/REPORTS.md lists.",
  },
  repeated_metric: {
    status: 400,
    title: "A metric is named more than once.",
    advice: "Name each metric once.",
  },
  uniques_not_mergeable: {
    status: 400,
    title: "Unique users are not counted by this dimension.",
    advice: "Leave `unique_users` out, or group and filter by advertiser, campaign, ad group, ad and time only.",
  },
  reasons_not_splittable: {
    status: 400,
    title: "Reasons are not counted by this dimension.",
    advice: "Leave `reasons` out, or group and filter by advertiser, campaign, ad group, ad and time only.",
  },
  unknown_order_field: {
    status: 400,
    title: "The order names a field that the answer does not have.",
    advice: "Order by a dimension or metric that the same request asks for.",
  },
  repeated_order_field: {
    status: 400,
    title: "A field stands in the order more than once.",
    advice: "Name each field once in `order`.",
  },
  too_many_points: {
    status: 400,
    title: "The series would hold too many points.",
    advice: "Break down by fewer dimensions, or ask for a shorter range or a coarser granularity.",
  },
  too_many_rows: {
    status: 400,
    title: "This answer would have to read too many rows at once.",
    advice: "Ask for fewer days, ads or groups, for a coarser granularity, or in the order of time or a dimension.",
  },
  tampered_cursor: {
    status: 400,
    title: "This cursor was not issued to this API key.",
    advice: "Send `nextCursor` of the page before unchanged, with the key that read that page.",
  },
  stale_cursor: {
    status: 410,
    title: "The cursor is no longer in force.",
    advice: "Begin again at the first page; of changes, without `after`.",
  },
  cursor_of_another_query: {
    status: 400,
    title: "The cursor belongs to another query.",
    advice: "Repeat the parameters of the first page; only `limit` and `format` may change.",
  },
} as const satisfies ProblemTable;

/** Budgets of reading (access/read-pass.ts); each answer says in `Retry-After` when to ask again. */
export const OF_BUDGETS = {
  read_budget_spent: {
    status: 429,
    title: "The reports of this account have read too much in a short time.",
    advice: "Ask for a shorter range, a coarser granularity or fewer groups, or wait as long as `Retry-After` says.",
  },
  too_many_reads: {
    status: 429,
    title: "Too many reports of this account run at once.",
    advice: "Wait for the reports that run before you ask for more.",
  },
  too_many_streams: {
    status: 429,
    title: "Too many live streams of this account are open.",
    advice: "Close a live stream, or share one among several screens.",
  },
  reports_busy: {
    status: 503,
    title: "Too many reports are being read at the moment.",
    advice: "Others are served just now: ask again after as many seconds as `Retry-After` says.",
  },
} as const satisfies ProblemTable;

export const OF_ADMINISTRATION = {
  replay_dry_only: {
    status: 409,
    title: "This replay may only be looked at.",
    advice: "Look again without the rules that `dryOnly` lists; what their sums show is for people to judge.",
  },
  replay_phase: {
    status: 409,
    title: "This replay is in another phase.",
    advice: "Read the replay, wait until it has looked to apply it, and until it is applied to undo it.",
  },
  already_exists: {
    status: 409,
    title: "Another object already has this id.",
    advice: "Choose another id, or change the object that is there; `field` names what differs.",
  },
  fixed_field: {
    status: 409,
    title: "This field can no longer be changed.",
    advice: "Leave the field that `field` names as it is, or create a new object.",
  },
  key_revoked: {
    status: 409,
    title: "This API key is revoked or replaced.",
    advice: "Create a new key, or rotate the one that replaced this one.",
  },
  unknown_parent: {
    status: 422,
    title: "The parent does not exist.",
    advice: "Create the object that `field` names first, or correct its id.",
  },
  day_not_over: {
    status: 409,
    title: "This log day cannot be audited yet.",
    advice: "Ask again when the day and its grace (CLOSE_GRACE_H) are over.",
  },
  day_without_log: {
    status: 404,
    title: "Nothing was logged on this day or before it.",
    advice: "Name a day of the archive: GET /v1/admin/audits lists those that are sealed.",
  },
  day_before_open: {
    status: 409,
    title: "The log day before this one was not audited.",
    advice: "Audit the days in their order: begin with the one before.",
  },
  day_retired: {
    status: 409,
    title: "The lines of this log day are gone.",
    advice: "What was audited stands: GET /v1/admin/audits/<day>. A hold keeps the lines of other days.",
  },
  audit_running: {
    status: 409,
    title: "An audit of this log day is under way.",
    advice: "Wait until its report is there: GET /v1/admin/audits/<day>.",
  },
  archive_in_question: {
    status: 409,
    title: "The archive of this day is in question, so its figures are not repaired.",
    advice: "Bring the named objects back or accept their loss, audit the day again, then mend what that finds.",
  },
  log_missing: {
    status: 409,
    title: "The archive lacks a part of the log, as lines and as folds.",
    advice: "Bring back from a copy what `detail` names, and go on where the last answer said; nothing was lost.",
  },
  evidence_log_off: {
    status: 409,
    title: "This deployment keeps no evidence log.",
    advice: "Set EVIDENCE_LOG_KEYS to a key (docs/OPERATIONS.md, Evidence log) and deploy; [] keeps none.",
  },
  evidence_log_stopped: {
    status: 409,
    title: "The evidence log is stopped until somebody has looked.",
    advice: "Do what `detail` says, then ask again; nothing is signed before.",
  },
  loss_not_found: {
    status: 409,
    title: "The day's last audit names no open discrepancy at this object.",
    advice: "Send `where` of a discrepancy of the day's last audit, letter for letter.",
  },
  loss_not_acceptable: {
    status: 409,
    title: "This discrepancy is not mended by accepting a loss.",
    advice: "Have it mended in the way that `mendedBy` names, and audit the day again.",
  },
  currency_missing: {
    status: 409,
    title: "The advertiser has no currency, so it cannot be billed.",
    advice: "Set the currency in its profile (PATCH /v1/admin/advertisers/<id>); it stays for good.",
  },
  nothing_to_bill: {
    status: 409,
    title: "Nothing of this advertiser was counted yet.",
    advice: "Wait until a day with its clicks is reconciled, or name the beginning of the period yourself.",
  },
  period_not_next: {
    status: 409,
    title: "This period is not the next one to be billed.",
    advice: "Leave `from` out: a statement begins where the one before it ends.",
  },
  period_empty: {
    status: 422,
    title: "The period is empty or ends before it begins.",
    advice: "Name an end behind the beginning; a date as `to` includes that day.",
  },
  period_not_reconciled: {
    status: 409,
    title: "A day of the period is not reconciled.",
    advice: "Wait until its audits are clean, and mend what they name where one is blocked.",
  },
  evidence_pending: {
    status: 409,
    title: "The evidence of the last audits is not made yet.",
    advice: "Ask again in a few minutes.",
  },
  foreign_parent: {
    status: 422,
    title: "The ad group is in another campaign.",
    advice: "Name an ad group of the ad's own campaign, or none.",
  },
} as const satisfies ProblemTable;
