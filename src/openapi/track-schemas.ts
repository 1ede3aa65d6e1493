/**
 * What the tracking routes take and answer. Their validators are written by hand (src/core/claims.ts,
 * src/track/script-click.ts), since the click path loads no zod; test/openapi/agree.test.ts compares both.
 */
import * as z from "zod";
import { id, micros } from "../admin/parse.ts";
import { DEVICE_CLASSES } from "../core/device.ts";
import { LANDING_URL_BYTES_MAX, TOKEN_LENGTH_MAX, TOKENS_PER_MINT_MAX } from "../core/limits.ts";
import { text } from "./report-answers.ts";

const seconds = z.number().min(0).max(Number.MAX_SAFE_INTEGER);
const bit = z.int().min(0).max(1);

/** The claims of one token (docs/TOKENS.md); members that are not here are carried along. */
export const TokenClaims = z.looseObject({
  adv: id.describe("Advertiser."),
  cmp: id.describe("Campaign."),
  ad: id,
  pub: id.describe("Publisher."),
  url: text.max(LANDING_URL_BYTES_MAX).describe("Landing URL: absolute, https, printable ASCII; may hold macros."),
  cpc: micros.describe("Price of a valid click in micros of the advertiser's currency."),
  jti: id.nullish().describe("Impression id; a random one unless given."),
  iat: seconds.nullish().describe("Issued at, seconds since 1970; now unless given."),
  exp: seconds.nullish().describe("Expires at; as late as allowed unless given."),
  grp: id.optional().describe("Ad group."),
  crt: id.optional().describe("Creative."),
  plc: id.optional().describe("Placement."),
  fmt: id.optional().describe("Format."),
  uid: id.optional().describe("User key of the ad server."),
  fwd: bit.optional().describe("1: the landing page gets the click's own query parameters."),
  dur: bit.optional().describe("1: the redirect waits until the click is durable."),
  tst: bit.optional().describe("1: test traffic."),
});

export const MintRequest = z.looseObject({ tokens: z.array(TokenClaims).min(1).max(TOKENS_PER_MINT_MAX) });

/** A problem inside an answer of several rows. */
export const RowProblem = z.object({
  type: text,
  title: text,
  status: z.int(),
  detail: text,
  field: text.optional(),
});

export const MintAnswer = z.object({
  tokens: z
    .array(z.union([z.object({ token: text, click_url: text, pixel_url: text }), z.object({ problem: RowProblem })]))
    .describe("In the order of the request."),
});

export const ScriptClick = z.looseObject({
  token: text.min(1).max(TOKEN_LENGTH_MAX).describe("The token of a click link."),
  timestamp_ms: z
    .int()
    .nullish()
    .describe(
      "When the click happened by the client's clock; believed from `iat` to `exp`, and up to 5 s ahead of ours.",
    ),
  device_type: z.enum(DEVICE_CLASSES).nullish(),
});
