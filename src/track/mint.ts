/**
 * `POST /v1/tokens`: mints up to 1 000 tokens for a caller with scope `mint`. A convenience: an ad server that holds a
 * key mints without any call (docs/TOKENS.md).
 *
 *   {"tokens": [{"adv": "…", "cmp": "…", "ad": "…", "pub": "…", "url": "…", "cpc": 250000, …}, …]}
 *   → {"tokens": [{"token": "…", "click_url": "https://…/c/…"} | {"problem": {"type": "…", "title": "…", …}}, …]}
 *
 * Keeps: one bad row does not spoil its neighbours, and rows keep their order. `jti`, `iat` and `exp` are filled in when
 * absent: a random id, now, and the longest life allowed.
 */
import { authenticate } from "../access/api-keys.ts";
import { encodeBase64url } from "../core/base64url.ts";
import { SECOND_MS, TOKENS_PER_MINT_MAX } from "../core/limits.ts";
import { REFUSALS, type Refusal } from "../core/refusal.ts";
import { mintToken } from "../core/token.ts";
import { problemResponse, problemType } from "../problem.ts";
import { readJsonBody } from "./body.ts";
import { type Edge, edgeOf } from "./edge.ts";
import { refusalResponse } from "./refuse.ts";

/** 1 000 rows with landing URLs of full length. */
const MINT_BODY_BYTES_MAX = 4_000_000;
const JTI_BYTES = 16;

type MintedRow =
  | { readonly token: string; readonly click_url: string }
  | { readonly problem: { readonly type: string; readonly title: string; readonly field?: string } };

export async function handleMint(request: Request, env: Env): Promise<Response> {
  const edge = await edgeOf(env);
  const { adminApiKey } = edge.config;
  const principal = await authenticate(request.headers.get("Authorization"), { database: env.REPORT_DB, adminApiKey });
  if (principal === null) {
    const problem = { reason: "unauthorized", status: 401, title: "A valid API key is required." };
    return problemResponse(problem, { "WWW-Authenticate": "Bearer" });
  }
  if (!principal.scopes.has("mint")) {
    return problemResponse({ reason: "scope_missing", status: 403, title: "The API key may not mint tokens." });
  }
  const body = await readJsonBody(request, MINT_BODY_BYTES_MAX);
  if (!body.ok) return refusalResponse(body.error, request);
  const rows = body.value["tokens"];
  if (!Array.isArray(rows) || rows.length === 0 || rows.length > TOKENS_PER_MINT_MAX) {
    return refusalResponse({ reason: "field_invalid", field: "tokens" }, request);
  }
  const { origin } = new URL(request.url);
  const nowMs = Date.now();
  const mine = (row: unknown) => isOwn(row, principal.advertiserId);
  const minted = await Promise.all(
    rows.map(async (row) =>
      mine(row) ? mintRow(row, edge, nowMs, origin) : problemRow({ reason: "key_limit_advertiser", field: "adv" }),
    ),
  );
  return Response.json({ tokens: minted }, { headers: { "Cache-Control": "no-store" } });
}

/** A key that is bound to an advertiser mints for that advertiser only. */
function isOwn(row: unknown, advertiserId: string | null): boolean {
  if (advertiserId === null) return true;
  return typeof row === "object" && row !== null && (row as { adv?: unknown }).adv === advertiserId;
}

async function mintRow(row: unknown, { ring, config }: Edge, nowMs: number, origin: string): Promise<MintedRow> {
  const isObject = typeof row === "object" && row !== null && !Array.isArray(row);
  const payload = isObject ? withDefaults(row as Record<string, unknown>, nowMs, config.token.tokenTtlMaxS) : row;
  const minted = await mintToken(payload, { ring, policy: config.token, nowMs });
  return minted.ok ? { token: minted.value, click_url: `${origin}/c/${minted.value}` } : problemRow(minted.error);
}

function withDefaults(row: Record<string, unknown>, nowMs: number, ttlS: number): Record<string, unknown> {
  const iat = row["iat"] ?? nowMs / SECOND_MS;
  const jti = row["jti"] ?? encodeBase64url(crypto.getRandomValues(new Uint8Array(JTI_BYTES)));
  const exp = row["exp"] ?? (typeof iat === "number" ? iat + ttlS : undefined);
  return { ...row, jti, iat, exp };
}

function problemRow({ reason, field }: Refusal): MintedRow {
  const problem = { type: problemType(reason), title: REFUSALS[reason].title };
  return { problem: field === undefined ? problem : { ...problem, field } };
}
