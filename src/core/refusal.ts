/**
 * Why a request was not accepted as a click: the closed list of reasons. A refused request is not an event; it is
 * counted apart, by its reason. Status and words of each stand in the catalogue (src/problems/).
 *
 * Keeps: a reason is a metric label: stable, snake_case, without values. Values (which claim) travel beside it.
 */
export const REFUSAL_REASONS = [
  "token_missing",
  "token_too_long",
  "token_segments",
  "token_encoding",
  "header_invalid",
  "algorithm_unsupported",
  "key_unknown",
  "algorithm_mismatch",
  "signature_invalid",
  "payload_invalid",
  "payload_nested",
  "claim_missing",
  "claim_type",
  "claim_value",
  "life_invalid",
  "life_too_long",
  "issued_ahead",
  "url_scheme",
  "url_credentials",
  "url_characters",
  "url_too_long",
  "url_invalid",
  "url_macro",
  "url_macros_many",
  "url_macro_spelling",
  "key_limit_advertiser",
  "key_limit_publisher",
  "key_limit_price",
  "key_limit_host",
  "speculative",
  "method_not_allowed",
  "body_too_large",
  "body_encoding",
  "body_not_json",
  "field_invalid",
] as const;

export type RefusalReason = (typeof REFUSAL_REASONS)[number];

export type Refusal = {
  readonly reason: RefusalReason;
  /** The claim or field at fault, where one is. */
  readonly field?: string;
  /** What is special about this occurrence, for the caller. */
  readonly detail?: string;
};
