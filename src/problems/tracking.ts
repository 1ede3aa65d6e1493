/**
 * Problems of click links, pixels, clicks by script and tokens.
 */
import {
  CLICK_ID_MACROS_MAX,
  ISSUED_AHEAD_MAX_S,
  LANDING_URL_BYTES_MAX,
  MACROS_MAX,
  TOKEN_LENGTH_MAX,
} from "../core/limits.ts";
import type { ProblemTable } from "./row.ts";

export const OF_TOKENS = {
  token_missing: {
    status: 400,
    title: "The token is missing.",
    advice: "Put the signed token into the click URL, or into the field `token` of the body.",
  },
  token_too_long: {
    status: 400,
    title: "The token is longer than a valid token can be.",
    advice: `Sign fewer or shorter claims: a token has ${TOKEN_LENGTH_MAX} characters at most.`,
  },
  token_segments: {
    status: 400,
    title: "A token has exactly three segments.",
    advice: "Send header, payload and signature joined by two dots, and look for a link that was cut off.",
  },
  token_encoding: {
    status: 400,
    title: "A segment of the token is not base64url.",
    advice: "Encode each segment as base64url without padding, once, and leave the token as it is in the link.",
  },
  header_invalid: {
    status: 400,
    title: "The header of the token is not allowed.",
    advice: "Send a header with `alg` and `kid`; `typ` may only be `JWT`, and there is no `crit` and no key in it.",
  },
  algorithm_unsupported: {
    status: 400,
    title: "The algorithm of the token is not supported.",
    advice: 'Say `"alg":"HS256"` in the header and sign with HMAC-SHA256, or `"alg":"EdDSA"` and sign with Ed25519.',
  },
  key_unknown: {
    status: 403,
    title: "The token names a key that is not in force.",
    advice: "Sign with a key that is in force, and name it in `kid`.",
  },
  algorithm_mismatch: {
    status: 403,
    title: "The algorithm is not the one of the key.",
    advice: "Sign as the key that `kid` names does: `HS256` with a secret, `EdDSA` with a private key of Ed25519.",
  },
  payload_invalid: {
    status: 400,
    title: "The payload of the token is not a JSON object.",
    advice: "Make the payload one JSON object in UTF-8, with the claims as its members.",
  },
  payload_nested: {
    status: 400,
    title: "A claim is nested too deeply.",
    advice: "Flatten the claim: texts and numbers are enough for every claim that is used here.",
  },
  claim_missing: {
    status: 400,
    title: "A required claim is missing.",
    advice: "Add the claim that `field` names.",
  },
  claim_type: {
    status: 400,
    title: "A claim has the wrong type.",
    advice: "Give the claim that `field` names the JSON type that docs/TOKENS.md lists.",
  },
  claim_value: {
    status: 400,
    title: "A claim has a value that is not allowed.",
    advice: "Give the claim that `field` names a value within the rule that docs/TOKENS.md lists.",
  },
  life_invalid: {
    status: 400,
    title: "The token expires before it is issued.",
    advice: "Set `exp` later than `iat`; both are seconds since 1970.",
  },
  life_too_long: {
    status: 400,
    title: "The token lives longer than is allowed.",
    advice: "Bring `exp` closer to `iat`; /.well-known/ad-measurement.json says how long a token may live.",
  },
  issued_ahead: {
    status: 400,
    title: "The token was issued in the future.",
    advice:
      `Set the clock of the signing server, which may be ${ISSUED_AHEAD_MAX_S} seconds ahead; ` +
      "`iat` is in seconds, not milliseconds.",
  },
  url_scheme: {
    status: 400,
    title: "The landing URL must be an absolute https URL.",
    advice: "Begin the landing URL with `https://` and a host.",
  },
  url_credentials: {
    status: 400,
    title: "The landing URL must not carry credentials.",
    advice: "Remove the user name and password from the landing URL.",
  },
  url_characters: {
    status: 400,
    title: "The landing URL must be printable ASCII without spaces or backslashes.",
    advice: "Percent-encode spaces, backslashes and what is not ASCII in the landing URL.",
  },
  url_too_long: {
    status: 400,
    title: "The landing URL is too long.",
    advice: `Shorten the landing URL to ${LANDING_URL_BYTES_MAX} bytes.`,
  },
  url_invalid: {
    status: 400,
    title: "The landing URL does not parse.",
    advice: "Correct the landing URL so that a browser's URL parser takes it.",
  },
  url_macro: {
    status: 400,
    title: "A macro may not stand in the scheme, the host or a percent escape of the landing URL.",
    advice: "Move the macro into the path, the query or the fragment of the landing URL.",
  },
  url_macros_many: {
    status: 400,
    title: "The landing URL holds more macros than allowed.",
    advice:
      `Use at most ${MACROS_MAX} macros in the landing URL, ` +
      `and among them {click_id} ${CLICK_ID_MACROS_MAX} times.`,
  },
  url_macro_spelling: {
    status: 400,
    title: "A macro of the landing URL is not spelled as this service spells it.",
    advice: "Spell the macro as docs/TOKENS.md does, for instance `{click_id}`.",
  },
  key_limit_price: {
    status: 403,
    title: "This key may not sign a price this high.",
    advice: "Sign a price within the key's limit, or ask the operator to raise that limit.",
  },
  key_limit_host: {
    status: 403,
    title: "This key may not sign for this landing host.",
    advice: "Sign a landing URL on a host that the key may use, or ask the operator to add this host to the key.",
  },
  speculative: {
    status: 503,
    title: "Prefetch is not counted.",
    advice: "Request the address again on the real click.",
  },
} as const satisfies ProblemTable;

/** What tokens, clicks by script, conversions and uploads have in common. */
export const OF_SENDERS = {
  signature_invalid: {
    status: 403,
    title: "The signature does not match.",
    advice: "Sign exactly what is sent, character by character, with the key that `kid` names.",
  },
  key_limit_advertiser: {
    status: 403,
    title: "This key may not act for this advertiser.",
    advice: "Use a key that may act for this advertiser, or ask the operator to add the advertiser to this key.",
  },
  key_limit_publisher: {
    status: 403,
    title: "This key may not act for this publisher.",
    advice: "Use a key that may act for this publisher, or ask the operator to add the publisher to this key.",
  },
  field_invalid: {
    status: 400,
    title: "A field has a value that is not allowed.",
    advice: "Correct the field that `field` names; the page /docs says which values it takes.",
  },
} as const satisfies ProblemTable;
