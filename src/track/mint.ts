/**
 * `POST /v1/tokens`: mints up to 1 000 tokens for a caller with scope `mint`. A convenience: an ad server that holds a
 * key mints without any call (docs/TOKENS.md).
 *
 *   {"tokens": [{"adv": "…", "cmp": "…", "ad": "…", "pub": "…", "url": "…", "cpc": 250000, …}, …]}
 *   → {"tokens": [{"token": "…", "click_url": "https://…/c/…", "pixel_url": "https://…/i/…"}
 *                 | {"problem": {"type": "…", "title": "…", …}}, …]}
 *
 * Keeps: a key mints within its limits only (access/api-keys.ts), judged row by row. One bad row does not spoil its
 * neighbours, and rows keep their order. `jti`, `iat` and `exp` are filled in when absent: a random id, the current
 * second, and the longest life allowed. That second is whole: minting is not showing, and a fraction would promise the
 * instant of showing (`too_fast`, core/givt.ts).
 */
import { admit } from "../access/admit.ts";
import { brokenMintLimit } from "../access/api-keys.ts";
import { readJsonBody } from "../body.ts";
import { encodeBase64url } from "../core/base64url.ts";
import { SECOND_MS, TOKENS_PER_MINT_MAX } from "../core/limits.ts";
import type { Refusal } from "../core/refusal.ts";
import { mintToken } from "../core/token.ts";
import { type ProblemJson, problemJson } from "../problem.ts";
import { type Edge, edgeOf } from "./edge.ts";
import { refusalResponse } from "./refuse.ts";

/** 1 000 rows with landing URLs of full length. */
const MINT_BODY_BYTES_MAX = 4_000_000;
const JTI_BYTES = 16;
/** Which claim a limit of the key is about. */
const LIMITED = {
  key_limit_advertiser: "adv",
  key_limit_publisher: "pub",
  key_limit_price: "cpc",
  key_limit_host: "url",
} as const;

type MintedRow =
  | { readonly token: string; readonly click_url: string; readonly pixel_url: string }
  | { readonly problem: ProblemJson };

export async function handleMint(request: Request, env: Env): Promise<Response> {
  const edge = await edgeOf(env);
  const { adminApiKey } = edge.config;
  const admitted = await admit(request, env, { adminApiKey, needs: "mint" });
  if (!admitted.ok) return admitted.error;
  const { mintLimits } = admitted.value;
  const body = await readJsonBody(request, MINT_BODY_BYTES_MAX);
  if (!body.ok) return refusalResponse(body.error, request);
  const rows = body.value["tokens"];
  if (!Array.isArray(rows) || rows.length === 0 || rows.length > TOKENS_PER_MINT_MAX) {
    const detail = `tokens is a list of 1 to ${TOKENS_PER_MINT_MAX} objects, each the claims of one token.`;
    return refusalResponse({ reason: "field_invalid", field: "tokens", detail }, request);
  }
  const { origin } = new URL(request.url);
  const nowMs = Date.now();
  const minted = await Promise.all(
    rows.map(async (row) => {
      const reason = brokenMintLimit(mintLimits, row);
      return reason === null ? mintRow(row, edge, nowMs, origin) : refusedRow({ reason, field: LIMITED[reason] });
    }),
  );
  return Response.json({ tokens: minted }, { headers: { "Cache-Control": "no-store" } });
}

async function mintRow(row: unknown, { ring, config }: Edge, nowMs: number, origin: string): Promise<MintedRow> {
  const isObject = typeof row === "object" && row !== null && !Array.isArray(row);
  const payload = isObject ? withDefaults(row as Record<string, unknown>, nowMs, config.token.tokenTtlMaxS) : row;
  const minted = await mintToken(payload, { ring, policy: config.token, nowMs });
  if (!minted.ok) return refusedRow(minted.error);
  const token = minted.value;
  return { token, click_url: `${origin}/c/${token}`, pixel_url: `${origin}/i/${token}` };
}

function withDefaults(row: Record<string, unknown>, nowMs: number, ttlS: number): Record<string, unknown> {
  const iat = row["iat"] ?? Math.floor(nowMs / SECOND_MS);
  const jti = row["jti"] ?? encodeBase64url(crypto.getRandomValues(new Uint8Array(JTI_BYTES)));
  const exp = row["exp"] ?? (typeof iat === "number" ? iat + ttlS : undefined);
  return { ...row, jti, iat, exp };
}

function refusedRow(refusal: Refusal): MintedRow {
  return { problem: problemJson(refusal) };
}
