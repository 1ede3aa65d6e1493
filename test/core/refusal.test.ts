import { expect, it } from "vitest";
import { REFUSAL_REASONS, type RefusalReason } from "../../src/core/refusal.ts";
import { PROBLEMS } from "../../src/problems/catalog.ts";

/** What a client is answered: its program decides by these numbers, and each reason is the name of a series. */
const STATUS_OF: Record<RefusalReason, number> = {
  token_missing: 400,
  token_too_long: 400,
  token_segments: 400,
  token_encoding: 400,
  header_invalid: 400,
  algorithm_unsupported: 400,
  key_unknown: 403,
  algorithm_mismatch: 403,
  signature_invalid: 403,
  payload_invalid: 400,
  payload_nested: 400,
  claim_missing: 400,
  claim_type: 400,
  claim_value: 400,
  life_invalid: 400,
  life_too_long: 400,
  issued_ahead: 400,
  url_scheme: 400,
  url_credentials: 400,
  url_characters: 400,
  url_too_long: 400,
  url_invalid: 400,
  url_macro: 400,
  url_macros_many: 400,
  url_macro_spelling: 400,
  key_limit_advertiser: 403,
  key_limit_publisher: 403,
  key_limit_price: 403,
  key_limit_host: 403,
  speculative: 503,
  method_not_allowed: 405,
  body_too_large: 413,
  body_encoding: 415,
  body_not_json: 400,
  field_invalid: 400,
};

it("each reason is listed once, and answered with the status that it always had", () => {
  expect(Object.fromEntries(REFUSAL_REASONS.map((reason) => [reason, PROBLEMS[reason].status]))).toEqual(STATUS_OF);
  expect(new Set(REFUSAL_REASONS).size).toBe(REFUSAL_REASONS.length);
});
