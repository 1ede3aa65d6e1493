/**
 * The naive Worker: what an afternoon makes of the same task, to measure against. It verifies the same tokens, puts each
 * click into a queue, has one object an ad tell new clicks from repeats, and adds them up by minute in D1.
 *
 *   GET /c/:token → HMAC, expiry → 302, `queue.send` → object of the ad: INSERT OR IGNORE → D1: upsert of (ad, minute)
 *
 * What it gets wrong is the point, and is left as it is: an object that has noted a click and a database that has not
 * counted it are never brought together again, so a fault between the two loses the click; and a click that the isolate
 * takes with it is gone.
 */
import { DurableObject } from "cloudflare:workers";

export type NaiveClick = { readonly jti: string; readonly ad: string; readonly exp: number; readonly atMs: number };
type Claims = NaiveClick & { readonly url: string };

export interface NaiveEnv {
  readonly TOKEN_SECRET: string;
  readonly CLICKS: Queue<NaiveClick>;
  readonly ADS: DurableObjectNamespace<AdClicks>;
  readonly DB: D1Database;
}

export const CREATE_TABLE = `
CREATE TABLE IF NOT EXISTS clicks_by_minute (
  ad_id TEXT NOT NULL, minute INTEGER NOT NULL, clicks INTEGER NOT NULL, PRIMARY KEY (ad_id, minute)
)`;
const ADD = `
INSERT INTO clicks_by_minute (ad_id, minute, clicks) VALUES (?1, ?2, 1)
ON CONFLICT (ad_id, minute) DO UPDATE SET clicks = clicks + 1`;

const MINUTE_MS = 60_000;

/** Remembers which clicks of an ad were seen. */
export class AdClicks extends DurableObject<NaiveEnv> {
  constructor(ctx: DurableObjectState, env: NaiveEnv) {
    super(ctx, env);
    ctx.storage.sql.exec("CREATE TABLE IF NOT EXISTS seen (jti TEXT PRIMARY KEY)");
  }

  /** Whether the click is new. */
  note(jti: string): boolean {
    return this.ctx.storage.sql.exec("INSERT OR IGNORE INTO seen (jti) VALUES (?)", jti).rowsWritten > 0;
  }
}

let cached: Promise<CryptoKey> | undefined;

function keyOf(secret: string): Promise<CryptoKey> {
  cached ??= crypto.subtle.importKey("raw", bytesOf(secret), { name: "HMAC", hash: "SHA-256" }, false, ["verify"]);
  return cached;
}

function bytesOf(base64url: string): Uint8Array {
  return Uint8Array.from(atob(base64url.replaceAll("-", "+").replaceAll("_", "/")), (char) => char.charCodeAt(0));
}

/** The claims of a token, or null where its signature or its time is wrong. */
async function verify(token: string, secret: string): Promise<Claims | null> {
  const [header = "", payload = "", signature = ""] = token.split(".");
  const signed = new TextEncoder().encode(`${header}.${payload}`);
  if (!(await crypto.subtle.verify("HMAC", await keyOf(secret), bytesOf(signature), signed))) return null;
  const claims = JSON.parse(new TextDecoder().decode(bytesOf(payload))) as Claims;
  return claims.exp * 1_000 > Date.now() ? claims : null;
}

async function count({ jti, ad, atMs }: NaiveClick, env: NaiveEnv): Promise<void> {
  if (!(await env.ADS.getByName(ad).note(jti))) return;
  await env.DB.prepare(ADD)
    .bind(ad, Math.floor(atMs / MINUTE_MS))
    .run();
}

export default {
  async fetch(request, env, ctx) {
    const { pathname } = new URL(request.url);
    if (!pathname.startsWith("/c/")) return new Response("not found", { status: 404 });
    const claims = await verify(pathname.slice("/c/".length), env.TOKEN_SECRET);
    if (claims === null) return new Response("forbidden", { status: 403 });
    const { jti, ad, exp, url } = claims;
    ctx.waitUntil(env.CLICKS.send({ jti, ad, exp, atMs: Date.now() }));
    return new Response(null, { status: 302, headers: { Location: url, "Cache-Control": "no-store" } });
  },

  async queue(batch, env) {
    await Promise.all(
      batch.messages.map(async (message) => {
        try {
          await count(message.body, env);
          message.ack();
        } catch {
          message.retry();
        }
      }),
    );
  },
} satisfies ExportedHandler<NaiveEnv, NaiveClick>;
