/**
 * What a caller changes to get another answer, for every reason for which a request is refused.
 *
 * Keeps: a reason of any area without advice does not compile, and no two reasons have the same sentence.
 */
import type { READ_PROBLEMS } from "../access/read-problems.ts";
import type { OWN_PROBLEMS } from "../admin/problems.ts";
import type { RefusalReason } from "../core/refusal.ts";
import type { ReportProblemReason } from "../report/problems.ts";
import type { SubmissionReason } from "../submit/problems.ts";

/** Reasons that no table of an area holds: they are answered before a route is. */
export type OuterReason = "rate_limited" | "wrong_keys" | "settings_refused";

export type Reason =
  | RefusalReason
  | ReportProblemReason
  | SubmissionReason
  | OuterReason
  | keyof typeof READ_PROBLEMS
  | keyof typeof OWN_PROBLEMS;

export const ADVICE: Readonly<Record<Reason, string>> = {
  authentication_required: "Send a key that is in force as `Authorization: Bearer clk_…`.",
  insufficient_scope:
    "Use a key that has the scope and the tenant which this route asks for; the page `/docs` lists them.",
  rate_limited: "Send fewer requests with this key: wait as many seconds as `Retry-After` says.",
  wrong_keys: "Correct the key, then wait as many seconds as `Retry-After` says; each wrong key counts.",
  not_found: "Check the address and the id. What another tenant owns is answered like what is not there.",
  method_not_allowed: "Use one of the methods that the header `Allow` lists.",
  settings_refused: "The operator corrects the settings that the log names; a caller can only try again later.",
  database_unavailable: "Send the same request again when `Retry-After` has passed.",
  store_unavailable: "Ask again after `Retry-After`; one of the stores behind this answer did not reply.",
  internal_error: "The fault is not yours. Try again, and tell the operator when it stays.",
  unavailable: "Send the same submission again; what was already taken is not counted twice.",

  read_budget_spent: "Ask for a shorter range, a coarser granularity or fewer groups, or wait for `Retry-After`.",
  too_many_reads: "Wait for the answers of the reports that run before asking for more.",
  too_many_streams: "Close a live stream, or share one among several screens.",
  reports_busy: "Others are being served; ask again when `Retry-After` has passed.",

  token_missing: "Put the signed token into the click URL.",
  token_too_long: "Sign fewer or shorter claims.",
  token_segments: "Send header, payload and signature, separated by two dots; look for a token that was cut off.",
  token_encoding: "Encode each segment as base64url without padding, and do not encode the token again.",
  header_invalid: "Send a header of `alg` and `kid`, with `typ` only as `JWT`, and without `crit` or a key.",
  algorithm_unsupported: 'Sign with HMAC-SHA256 and say `"alg":"HS256"`.',
  key_unknown: "Sign with a key that is in force and name it in `kid`.",
  signature_invalid: "Sign exactly the bytes that are sent, with the secret that belongs to this key or advertiser.",
  payload_invalid: "Make the payload one JSON object in UTF-8.",
  payload_nested: "Flatten the claims.",
  claim_missing: "Add the claim that `field` names.",
  claim_type: "Give the claim that `field` names the JSON type that docs/TOKENS.md lists.",
  claim_value: "Bring the claim that `field` names within the rule that docs/TOKENS.md lists.",
  life_invalid: "Set `exp` later than `iat`.",
  life_too_long: "Bring `exp` closer to `iat`.",
  issued_ahead: "Set the clock of the signing server; `iat` is in unix seconds.",
  url_scheme: "Begin the landing URL with `https://` and a host.",
  url_credentials: "Remove the user name and password from the landing URL.",
  url_characters: "Percent-encode spaces, backslashes and what is not ASCII in the landing URL.",
  url_too_long: "Shorten the landing URL.",
  url_invalid: "Correct the landing URL so that a URL parser takes it.",
  url_macro: "Move the macro into the path, the query or the fragment of the landing URL.",
  url_macros_many: "Use fewer macros in the landing URL.",
  url_macro_spelling: "Spell the macro as docs/TOKENS.md does.",
  key_limit_advertiser: "Use a key that may act for this advertiser, or have this key's list widened.",
  key_limit_publisher: "Use a key that may act for this publisher, or have this key's list widened.",
  key_limit_price: "Sign a price within the key's limit, or have that limit raised.",
  key_limit_host: "Sign a landing host that the key may use, or have this host added to it.",
  speculative: "Prefetch is not counted; request the address again on the real click.",

  body_too_large: "Send less in one body, for instance fewer rows.",
  body_encoding: "Send the body without `Content-Encoding`.",
  body_not_json: "Send a body that parses as JSON in UTF-8 and has the shape that the document gives.",
  field_invalid: "Correct the field that `field` names, as `detail` says.",
  field_unknown: "Remove the field that `field` names, or correct its name.",
  field_repeated: "Send each field once.",
  template_unfilled: "Have the sending platform fill the template in the field that `field` names.",

  click_id_missing: "Send `click_id` as the landing page was given it.",
  click_id_refused: "Send the click id unchanged, and for the advertiser whose ad was clicked.",
  click_id_expired: "Send conversions sooner; this one can no longer be joined to its click.",
  unknown_type: "Send one of the types of conversion that the document lists.",
  occurred_before_click: "Send the conversion's own time, or leave it out.",
  occurred_in_future: "Set the clock of the sender, or leave the conversion's time out.",
  order_conflict: "Use another order id, or correct the recorded order by a correction.",
  order_retracted: "Use another order id; a retracted order stays retracted.",
  order_unknown: "Send the order first, and name it as it was sent.",
  correction_conflict: "Give a further correction a `correction_id` of its own.",
  corrections_exhausted: "Gather several changes of an order into one correction; this order takes no more.",
  correction_exceeds_value: "Take back no more than the order's present value.",
  correction_exceeds_limit: "Add less, or send the rest as another order.",
  rows_invalid: "Send 1 to 1000 rows; split a longer list.",
  postbacks_too_many: "Send postbacks more slowly: wait for `Retry-After`, then send this one again.",
  minute_too_old: "Send counts sooner after their minute.",
  minute_in_future: "Set the clock of the sender, or wait until the minute has begun.",
  batch_conflict: "Send the first rows again unchanged, or give other rows a batch id of their own.",

  unknown_parameter: "Remove the parameter that `field` names, or correct its spelling.",
  repeated_parameter: "Give the parameter that `field` names once.",
  missing_parameter: "Add the parameter that `field` names.",
  empty_value: "Remove the empty value: a comma too many, or a filter without a value.",
  invalid_value: "Give the parameter that `field` names a value as `detail` says.",
  too_many_values: "Shorten the list, or ask in several requests.",
  invalid_instant: "Write an instant as the document does, for instance `2026-11-01T00:00:00Z`.",
  reversed_range: "Exchange `from` and `to`.",
  empty_range: "Set `to` at least a minute after `from`.",
  range_too_long: "Shorten the range, or choose a coarser granularity.",
  unknown_granularity: "Choose one of the granularities that the document lists.",
  conflicting_granularity: "Name one granularity only.",
  unknown_time_zone: "Name the time zone as the IANA database does, for instance `Europe/Berlin`.",
  unknown_dimension: "Group by a dimension that the document lists.",
  repeated_dimension: "Name each dimension once.",
  unknown_metric: "Ask for a metric that the document lists.",
  repeated_metric: "Name each metric once.",
  uniques_not_mergeable: "Leave unique users out, or group and filter as `detail` says.",
  reasons_not_splittable: "Leave the reasons out, or group by fewer dimensions.",
  unknown_order_field: "Order by a dimension or metric that the same request asks for.",
  too_many_points: "Ask for fewer groups, a shorter range or a coarser granularity in a series.",
  too_many_rows: "Filter further, or leave out the order by a metric and page through the table.",
  tampered_cursor: "This cursor was not issued to this API key: send the cursor unchanged, with the key that got it.",
  stale_cursor: "Begin again at the first page.",
  cursor_of_another_query: "Repeat all other parameters unchanged from page to page.",

  already_exists: "Another object already has this id: choose another one, or change the one that is there.",
  fixed_field: "Leave the field that `field` names as it is, or create a new object.",
  key_revoked: "Create a new key.",
  unknown_parent: "The parent does not exist: create it first, or correct its id.",
  foreign_parent: "The ids name objects of different parents: name those that belong together.",
};
