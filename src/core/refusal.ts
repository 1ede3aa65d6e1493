/**
 * Why a request was not accepted as a click: the closed union of refusal reasons, each with the HTTP status that the
 * edge answers and a sentence for the caller. A refused request is not an event; it is counted apart.
 *
 * Keeps: a reason is a metric label: stable, snake_case, without values. Values (which claim) travel beside it.
 */
export type RefusalReason = keyof typeof REFUSALS;

export type Refusal = {
  readonly reason: RefusalReason;
  /** The claim or field at fault, where one is. */
  readonly field?: string;
  /** What is special about this occurrence, for the caller. */
  readonly detail?: string;
};

export const REFUSALS = {
  token_missing: { status: 400, title: "The request carries no token." },
  token_too_long: { status: 400, title: "The token is longer than any valid token." },
  token_segments: { status: 400, title: "A token has exactly three segments." },
  token_encoding: { status: 400, title: "A token segment is not unpadded base64url." },
  header_invalid: {
    status: 400,
    title: "The token header must hold alg and kid, no other typ than JWT, and no crit or key.",
  },
  algorithm_unsupported: { status: 400, title: "The only accepted algorithm is HS256." },
  key_unknown: { status: 403, title: "The token names a key that is not in force." },
  signature_invalid: { status: 403, title: "The token signature does not match." },
  payload_invalid: { status: 400, title: "The token payload is not a JSON object." },
  payload_nested: { status: 400, title: "A claim is nested deeper than any ad server needs." },
  claim_missing: { status: 400, title: "A required claim is missing." },
  claim_type: { status: 400, title: "A claim has the wrong type." },
  claim_value: { status: 400, title: "A claim has a value outside its rule." },
  life_invalid: { status: 400, title: "The token expires before it is issued." },
  life_too_long: { status: 400, title: "The token lives longer than allowed." },
  issued_ahead: { status: 400, title: "The token is issued in the future." },
  url_scheme: { status: 400, title: "The landing URL must be an absolute https URL." },
  url_credentials: { status: 400, title: "The landing URL must not carry credentials." },
  url_characters: { status: 400, title: "The landing URL must be printable ASCII without spaces or backslashes." },
  url_too_long: { status: 400, title: "The landing URL is too long." },
  url_invalid: { status: 400, title: "The landing URL does not parse." },
  url_macro: {
    status: 400,
    title: "A macro may not stand in the scheme, the host or a percent escape of the landing URL.",
  },
  url_macros_many: { status: 400, title: "The landing URL holds more macros than allowed." },
  url_macro_spelling: { status: 400, title: "A macro of the landing URL is not spelled as this service spells it." },
  key_limit_advertiser: { status: 403, title: "The signing key may not sign for this advertiser." },
  key_limit_publisher: { status: 403, title: "The signing key may not sign for this publisher." },
  key_limit_price: { status: 403, title: "The signing key may not sign this price." },
  key_limit_host: { status: 403, title: "The signing key may not sign for this landing host." },
  speculative: { status: 503, title: "A speculative fetch is not a click." },
  method_not_allowed: { status: 405, title: "The method is not allowed here." },
  body_too_large: { status: 413, title: "The body is larger than this route takes." },
  body_encoding: { status: 415, title: "The body is packed in an encoding." },
  body_not_json: { status: 400, title: "The body is not the JSON that this route takes." },
  field_invalid: { status: 400, title: "A field of the body is invalid." },
} as const satisfies Record<string, { status: number; title: string }>;
