/**
 * Sessions of the dashboard: an API key that was given once becomes a signed cookie.
 *
 *   __Host-clickledger=<base64url of [id, keyId, mark, expiresAtS]>.<HMAC-SHA-256>      HttpOnly, Secure, SameSite=Lax
 *
 *   nobody    an hour, before the sign-in: what the form's token is bound to
 *   a key     twelve hours; `mark` tells the operator's key of the configuration from the one before it
 *
 * Keeps: the cookie holds no key and opens nothing but the dashboard. The key behind it is looked up again at least
 * every thirty seconds, so revoking a key ends its sessions. A session is taken from a page of our own, or from a
 * navigation to one (a link in a mail); a write, the sign-in too, from our own pages only and with the form's token.
 * On loopback without TLS, where a browser may refuse `Secure`, the cookie has another name and no such attribute.
 * Relies on: SESSION_KEYS, of which the first signs and all verify, so that they can be rotated.
 * Source: RFC 6265bis §4.1.3 (prefixes), Fetch Metadata Request Headers.
 */
import { sha256 } from "@noble/hashes/sha2.js";
import { bytesToHex } from "@noble/hashes/utils.js";
import { decodeBase64url, decodeUtf8, encodeBase64url, encodeUtf8, parseJson } from "../core/base64url.ts";
import { isSameText } from "../core/click-id.ts";
import { KeyedHash } from "../core/keyed-hash.ts";
import { HOUR_MS, SECOND_MS } from "../core/limits.ts";
import { CONFIGURED_KEY_ID, configuredPrincipal, hashApiKey, type Principal, principalOf } from "./api-keys.ts";

export type Session = {
  /** 128 random bits. */
  readonly id: string;
  /** Null for one who has not signed in. */
  readonly keyId: string | null;
  readonly mark: string;
  readonly expiresAtMs: number;
};

/** SESSION_KEYS, checked, and the secret that marks sessions of the operator's own key. */
export type SessionSecrets = { readonly sessionKeys: readonly string[]; readonly adminApiKey: string };

const SESSION_MS = 12 * HOUR_MS;
const VISIT_MS = HOUR_MS;
/** How long a revoked key's session may go on. */
const LOOKED_UP_MS = 30 * SECOND_MS;
const LOOKED_UP_MAX = 1_000;
const MARK_CHARS = 16;
const ID_BYTES = 16;

const LOOPBACK_HOSTS: ReadonlySet<string> = new Set(["127.0.0.1", "localhost", "[::1]"]);
const SECURE_NAME = "__Host-clickledger";
const LOOPBACK_NAME = "clickledger-loopback";

const hashes = new Map<string, KeyedHash>();
const lookedUp = new Map<string, { readonly principal: Principal | null; readonly atMs: number }>();

/** Whether a request came to this machine's own address. */
export function isLoopback(url: string): boolean {
  return LOOPBACK_HOSTS.has(new URL(url).hostname);
}

/** The session of a request, where it carries one that is in force and may be used from where the request comes. */
export function sessionOf(request: Request, secrets: SessionSecrets, nowMs: number): Session | null {
  if (!mayCarry(request)) return null;
  const value = cookieOf(request);
  return value === null ? null : openSession(value, secrets, nowMs);
}

/** A new session of a key, or of nobody, and the header that hands it to the browser. */
export function startSession(
  request: Pick<Request, "url">,
  secrets: SessionSecrets,
  { keyId, nowMs, random }: { keyId: string | null; nowMs: number; random: Uint8Array },
): { session: Session; setCookie: string } {
  const session = {
    id: encodeBase64url(random.subarray(0, ID_BYTES)),
    keyId,
    mark: markOf(keyId, secrets),
    expiresAtMs: nowMs + (keyId === null ? VISIT_MS : SESSION_MS),
  };
  const maxAgeS = Math.floor((session.expiresAtMs - nowMs) / SECOND_MS);
  return { session, setCookie: cookieHeader(request, sealSession(session, secrets), maxAgeS) };
}

/** The header by which a browser forgets its session. */
export function endSession(request: Pick<Request, "url">): string {
  return cookieHeader(request, "", 0);
}

/** What a form of this session must send back. */
export function formTokenOf({ id }: Session, { sessionKeys: [signing = ""] }: SessionSecrets): string {
  return encodeBase64url(hashOf(signing).digest(`form ${id}`));
}

/** Whether a write comes from a form of our own pages, of this session. */
export function isOwnForm(request: Request, session: Session, token: unknown, secrets: SessionSecrets): boolean {
  if (request.headers.get("Sec-Fetch-Site") !== "same-origin" || typeof token !== "string") return false;
  return secrets.sessionKeys.some((key) => isSameText(token, formTokenOf(session, { ...secrets, sessionKeys: [key] })));
}

/** Who a session stands for; null once its key is not in force any more. Throws what the database throws. */
export async function sessionPrincipal(
  { keyId, mark }: Session,
  secrets: SessionSecrets,
  { database, nowMs }: { database: D1Database; nowMs: number },
): Promise<Principal | null> {
  if (keyId === null) return null;
  if (keyId === CONFIGURED_KEY_ID) return mark === markOf(keyId, secrets) ? configuredPrincipal() : null;
  const known = lookedUp.get(keyId);
  if (known !== undefined && nowMs - known.atMs < LOOKED_UP_MS && nowMs >= known.atMs) return known.principal;
  const principal = await principalOf(keyId, { database, nowMs });
  if (lookedUp.size >= LOOKED_UP_MAX) lookedUp.clear();
  lookedUp.set(keyId, { principal, atMs: nowMs });
  return principal;
}

/**
 * Whether a request may use its browser's session, or be given one: no page of another origin reads with it or takes it
 * away, though a link elsewhere may lead here.
 */
export function mayCarry(request: Request): boolean {
  const origin = request.headers.get("Origin");
  if (origin !== null && origin !== new URL(request.url).origin) return false;
  const site = request.headers.get("Sec-Fetch-Site");
  if (site === null || site === "same-origin" || site === "none") return true;
  const isRead = request.method === "GET" || request.method === "HEAD";
  const isNavigation = request.headers.get("Sec-Fetch-Mode") === "navigate";
  return isRead && isNavigation && request.headers.get("Sec-Fetch-Dest") === "document";
}

function openSession(value: string, secrets: SessionSecrets, nowMs: number): Session | null {
  const [body = "", code = ""] = value.split(".");
  if (!secrets.sessionKeys.some((key) => isSameText(code, encodeBase64url(hashOf(key).digest(body))))) return null;
  const bytes = decodeBase64url(body);
  const text = bytes === null ? null : decodeUtf8(bytes);
  const [id, keyId, mark, expiresAtS] = parseJson(text ?? "") as [string, string | null, string, number];
  const expiresAtMs = expiresAtS * SECOND_MS;
  return expiresAtMs > nowMs ? { id, keyId, mark, expiresAtMs } : null;
}

function sealSession(
  { id, keyId, mark, expiresAtMs }: Session,
  { sessionKeys: [signing = ""] }: SessionSecrets,
): string {
  const body = encodeBase64url(encodeUtf8(JSON.stringify([id, keyId, mark, Math.floor(expiresAtMs / SECOND_MS)])));
  return `${body}.${encodeBase64url(hashOf(signing).digest(body))}`;
}

/** Tells the operator's key of the configuration from the one that was there before. */
function markOf(keyId: string | null, { adminApiKey }: SessionSecrets): string {
  if (keyId !== CONFIGURED_KEY_ID) return "";
  return bytesToHex(sha256(encodeUtf8(`session ${hashApiKey(adminApiKey)}`))).slice(0, MARK_CHARS);
}

function hashOf(key: string): KeyedHash {
  const made = hashes.get(key) ?? new KeyedHash(decodeBase64url(key) ?? encodeUtf8(key));
  hashes.set(key, made);
  return made;
}

function isWithoutTls({ url }: Pick<Request, "url">): boolean {
  return url.startsWith("http:") && isLoopback(url);
}

function cookieOf(request: Request): string | null {
  const name = isWithoutTls(request) ? LOOPBACK_NAME : SECURE_NAME;
  const pairs = (request.headers.get("Cookie") ?? "").split(";").map((pair) => pair.trim());
  return pairs.find((pair) => pair.startsWith(`${name}=`))?.slice(name.length + 1) ?? null;
}

function cookieHeader(request: Pick<Request, "url">, value: string, maxAgeS: number): string {
  const [name, secure] = isWithoutTls(request) ? [LOOPBACK_NAME, ""] : [SECURE_NAME, "; Secure"];
  return `${name}=${value}; Path=/; Max-Age=${maxAgeS}; HttpOnly${secure}; SameSite=Lax`;
}
