/**
 * Problems that do not depend on what a route is for: its address, the caller's key, the body, what stands behind it.
 */
import { type ProblemTable, RETRY_AFTER_S } from "./row.ts";

const SOON = { "Retry-After": String(RETRY_AFTER_S) };

export const OF_ADDRESSES = {
  not_found: {
    status: 404,
    title: "Nothing was found here.",
    advice: "Check the address and the id. What belongs to another account is answered as if it did not exist.",
  },
  method_not_allowed: {
    status: 405,
    title: "This address does not take this method.",
    advice: "Use one of the methods that the header `Allow` lists.",
  },
  settings_refused: {
    status: 503,
    title: "The settings of this deployment are wrong.",
    advice: "Only the operator can correct this: the Worker's log says what each wrong setting must be.",
    headers: { "Retry-After": "60" },
  },
  internal_error: {
    status: 500,
    title: "Internal error, not your fault.",
    advice: "Send the same request again. If it fails again, tell the operator when you sent it.",
  },
} as const satisfies ProblemTable;

export const OF_KEYS = {
  authentication_required: {
    status: 401,
    title: "A valid API key is required.",
    advice: "Send the header `Authorization: Bearer clk_…` with one key that is in force.",
    headers: { "WWW-Authenticate": "Bearer" },
  },
  insufficient_scope: {
    status: 403,
    title: "This API key may not do this.",
    advice: "Use a key of the scope and of the account that this route is for; the page /docs lists the scopes.",
    headers: { "WWW-Authenticate": 'Bearer error="insufficient_scope"' },
  },
  rate_limited: {
    status: 429,
    title: "Too many requests with this API key.",
    advice: "Wait as many seconds as `Retry-After` says, then send fewer requests with this key.",
  },
  wrong_keys: {
    status: 429,
    title: "Too many wrong API keys came from this network.",
    advice: "Correct the key, wait as many seconds as `Retry-After` says, then send the request again.",
  },
  database_unavailable: {
    status: 503,
    title: "The report database does not answer at the moment.",
    advice: "Send the same request again after as many seconds as `Retry-After` says.",
    headers: SOON,
  },
} as const satisfies ProblemTable;

export const OF_BODIES = {
  body_too_large: {
    status: 413,
    title: "The body is larger than this route takes.",
    advice: "Send less in one body, for instance fewer rows, in several requests.",
  },
  body_encoding: {
    status: 415,
    title: "The body is compressed.",
    advice: "Send the body as it is, without `Content-Encoding`.",
    headers: { "Accept-Encoding": "identity" },
  },
  body_not_json: {
    status: 400,
    title: "The body is not the JSON that this route takes.",
    advice: "Send a body that parses as JSON in UTF-8; the page /docs shows an example for each route.",
  },
} as const satisfies ProblemTable;

/** What looks into shards or the archive answers while one of them does not. */
export const OF_STORES = {
  store_unavailable: {
    status: 503,
    title: "A store behind this answer does not answer at the moment.",
    advice: "Ask again after as many seconds as `Retry-After` says: a shard or the archive did not reply.",
    headers: SOON,
  },
} as const satisfies ProblemTable;
