/**
 * Sessions rule by rule: what a cookie must be to be believed, where it may come from, and what a write needs besides.
 * That a revoked key ends its sessions is shown on pages (test/dashboard/pages.test.ts).
 */
import { describe, expect, it } from "vitest";
import { CONFIGURED_KEY_ID } from "../../src/access/api-keys.ts";
import {
  endSession,
  formTokenOf,
  isOwnForm,
  type Session,
  type SessionSecrets,
  sessionOf,
  sessionPrincipal,
  startSession,
} from "../../src/access/session.ts";
import { decodeBase64url, encodeBase64url, encodeUtf8 } from "../../src/core/base64url.ts";
import { NOON_MS } from "../support/builders.ts";

const HOUR_MS = 3_600_000;
const ORIGIN = "https://clicks.example";
const [OLD, NEW, OTHER] = [7, 8, 9].map((byte) => encodeBase64url(new Uint8Array(32).fill(byte))) as [
  string,
  string,
  string,
];
const SECRETS: SessionSecrets = { sessionKeys: [NEW, OLD], adminApiKey: "clk_operator" };
const random = () => crypto.getRandomValues(new Uint8Array(16));

type From = { readonly headers?: Record<string, string>; readonly method?: string; readonly url?: string };

function started(keyId: string | null = "key-1", { secrets = SECRETS, url = `${ORIGIN}/` } = {}) {
  const made = startSession({ url }, secrets, { keyId, nowMs: NOON_MS, random: random() });
  return { ...made, cookie: made.setCookie.split(";")[0] ?? "" };
}

function requestWith(cookie: string, { headers = {}, method = "GET", url = `${ORIGIN}/` }: From = {}): Request {
  return new Request(url, { method, headers: { Cookie: cookie, ...headers } });
}

const opened = (cookie: string, from?: From, secrets = SECRETS, nowMs = NOON_MS) =>
  sessionOf(requestWith(cookie, from), secrets, nowMs);

describe("a session's cookie", () => {
  it("is the session that was started, among other cookies too", () => {
    const { cookie, session } = started();
    expect(opened(cookie)).toEqual(session);
    expect(opened(`a=1; ${cookie}; __Host-clickledger2=x`)).toEqual(session);
    expect(session).toMatchObject({ keyId: "key-1", expiresAtMs: NOON_MS + 12 * HOUR_MS });
    expect(started(null).session.expiresAtMs).toBe(NOON_MS + HOUR_MS);
  });

  it("is bound to the host, hidden from scripts, and sent over TLS alone", () => {
    const { setCookie } = started();
    expect(setCookie).toMatch(
      /^__Host-clickledger=[\w-]+\.[\w-]{43}; Path=\/; Max-Age=43200; HttpOnly; Secure; SameSite=Lax$/,
    );
    expect(endSession({ url: `${ORIGIN}/` })).toBe(
      "__Host-clickledger=; Path=/; Max-Age=0; HttpOnly; Secure; SameSite=Lax",
    );
  });

  it.each(["http://127.0.0.1:8787/", "http://localhost:8787/", "http://[::1]:8787/"])(
    "has another name without TLS on %s, and neither is taken for the other",
    (url) => {
      const local = started("key-1", { url });
      expect(local.setCookie).toMatch(/^clickledger-loopback=/);
      expect(local.setCookie).not.toContain("Secure");
      expect(opened(local.cookie, { url })).toEqual(local.session);
      expect(opened(local.cookie)).toBeNull();
      expect(opened(started().cookie, { url })).toBeNull();
    },
  );

  it.each(["http://clicks.example/", "https://127.0.0.1/", "http://127.0.0.1.clicks.example/", "http://192.168.1.7/"])(
    "is the one with the prefix on %s",
    (url) => expect(started("key-1", { url }).setCookie).toMatch(/^__Host-.*; Secure;/),
  );

  it("holds no key, and two are never alike", () => {
    const [one, two] = [started(CONFIGURED_KEY_ID), started(CONFIGURED_KEY_ID)];
    const [body = ""] = (one.cookie.split("=")[1] ?? "").split(".");
    const held = new TextDecoder().decode(decodeBase64url(body) ?? new Uint8Array());
    expect(held).not.toContain(SECRETS.adminApiKey);
    expect(JSON.parse(held)).toEqual([
      one.session.id,
      CONFIGURED_KEY_ID,
      one.session.mark,
      one.session.expiresAtMs / 1_000,
    ]);
    expect(one.session.id).not.toBe(two.session.id);
    expect(one.session.id).toHaveLength(22);
  });

  it("is in force up to its end, and not at it", () => {
    const { cookie, session } = started();
    expect(opened(cookie, {}, SECRETS, session.expiresAtMs - 1)).not.toBeNull();
    expect(opened(cookie, {}, SECRETS, session.expiresAtMs)).toBeNull();
  });

  it("signed under either of SESSION_KEYS is believed, and under one that was taken away is not", () => {
    const { cookie } = started("key-1", { secrets: { ...SECRETS, sessionKeys: [OLD] } });
    expect(opened(cookie)).not.toBeNull();
    expect(opened(cookie, {}, { ...SECRETS, sessionKeys: [NEW] })).toBeNull();
    expect(opened(started().cookie, {}, { ...SECRETS, sessionKeys: [OLD] }), "the first signs").toBeNull();
  });

  it("that was changed anywhere is nobody's", () => {
    const [name = "", value = ""] = started().cookie.split("=");
    const [body = "", code = ""] = value.split(".");
    const sealed = (text: string) => encodeBase64url(encodeUtf8(text));
    const later = sealed(JSON.stringify(["id", CONFIGURED_KEY_ID, "", 9_999_999_999]));
    const flip = (text: string, at: number) =>
      `${text.slice(0, at)}${text[at] === "A" ? "B" : "A"}${text.slice(at + 1)}`;
    const forged = [
      ...Array.from({ length: body.length }, (_, at) => `${flip(body, at)}.${code}`),
      // The last character of a code has bits that say nothing.
      ...Array.from({ length: code.length - 1 }, (_, at) => `${body}.${flip(code, at)}`),
      ...[`${later}.${code}`, `${body}.`, `.${code}`, body, code, "", ".", `${code}.${body}`, "null", "%00"],
      ...[
        `${sealed("")}.`,
        `${sealed("null")}.${code}`,
        started("key-1", { secrets: { ...SECRETS, sessionKeys: [OTHER] } }).cookie,
      ],
    ];
    expect(forged.filter((one) => opened(`${name}=${one}`) !== null)).toEqual([]);
  });

  it("ends a session of the operator's key when that key is another", async () => {
    const { session } = started(CONFIGURED_KEY_ID);
    const holderOf = (of: Session, adminApiKey: string) =>
      sessionPrincipal(of, { ...SECRETS, adminApiKey }, { database: undefined as never, nowMs: NOON_MS });
    expect(await holderOf(session, SECRETS.adminApiKey)).toMatchObject({ keyId: CONFIGURED_KEY_ID });
    expect(await holderOf(session, "clk_another")).toBeNull();
    expect(await holderOf({ ...session, mark: "" }, SECRETS.adminApiKey)).toBeNull();
    expect(await holderOf({ ...session, keyId: null }, SECRETS.adminApiKey), "a visit is nobody").toBeNull();
  });
});

describe("a session is taken", () => {
  const { cookie } = started();
  const fetched = (site: string, mode: string, dest: string) => ({
    ...{ "Sec-Fetch-Site": site, "Sec-Fetch-Mode": mode, "Sec-Fetch-Dest": dest },
  });

  it.each<[string, From]>([
    ["a page of our own", { headers: fetched("same-origin", "navigate", "document") }],
    ["a script of our own pages", { headers: { ...fetched("same-origin", "cors", "empty"), Origin: ORIGIN } }],
    ["an address that somebody typed", { headers: fetched("none", "navigate", "document") }],
    ["a link in a mail", { headers: fetched("cross-site", "navigate", "document") }],
    ["a link on another host of ours", { headers: fetched("same-site", "navigate", "document") }],
    ["a program that says nothing", {}],
    [
      "a form of our own pages",
      { method: "POST", headers: { ...fetched("same-origin", "navigate", "document"), Origin: ORIGIN } },
    ],
  ])("from %s", (_, from) => expect(opened(cookie, from)).not.toBeNull());

  it.each<[string, From]>([
    [
      "a script of another origin",
      { headers: { ...fetched("cross-site", "cors", "empty"), Origin: "https://evil.example" } },
    ],
    ["a script that hides its origin", { headers: fetched("cross-site", "no-cors", "empty") }],
    ["a script of another host of ours", { headers: fetched("same-site", "cors", "empty") }],
    ["a frame", { headers: fetched("cross-site", "navigate", "iframe") }],
    ["an embedded object", { headers: fetched("cross-site", "navigate", "embed") }],
    ["a picture", { headers: fetched("cross-site", "no-cors", "image") }],
    ["a form of another origin", { method: "POST", headers: fetched("cross-site", "navigate", "document") }],
    ["a form of another origin in an old browser", { method: "POST", headers: { Origin: "https://evil.example" } }],
    ["a page without an origin", { method: "POST", headers: { Origin: "null" } }],
    ["our host without TLS", { headers: { Origin: "http://clicks.example" } }],
    ["our host on another port", { headers: { Origin: "https://clicks.example:8443" } }],
  ])("not from %s", (_, from) => expect(opened(cookie, from)).toBeNull());
});

describe("a write", () => {
  const { session } = started();
  const token = formTokenOf(session, SECRETS);
  const isTaken = (given: unknown, headers: Record<string, string>, secrets = SECRETS) =>
    isOwnForm(requestWith("", { method: "POST", headers }), session, given, secrets);
  const OWN = { "Sec-Fetch-Site": "same-origin" };

  it("comes from our own pages, with the token of its session", () => {
    expect(isTaken(token, OWN)).toBe(true);
    const old = formTokenOf(session, { ...SECRETS, sessionKeys: [OLD] });
    expect(isTaken(old, OWN), "a form that was drawn before the keys were rotated").toBe(true);
  });

  it.each([
    ["of another site", { "Sec-Fetch-Site": "cross-site" }],
    ["of another host of ours", { "Sec-Fetch-Site": "same-site" }],
    ["by no page", { "Sec-Fetch-Site": "none" }],
    ["by what does not say", {}],
  ])("%s is refused with the right token", (_, headers) => expect(isTaken(token, headers)).toBe(false));

  it.each([
    ["no token", null],
    ["an empty one", ""],
    ["another session's", formTokenOf(started().session, SECRETS)],
    ["one under a key that is none of ours", formTokenOf(session, { ...SECRETS, sessionKeys: [OTHER] })],
    ["one cut short", token.slice(0, -1)],
    ["the session itself", session.id],
  ])("with %s is refused", (_, given) => expect(isTaken(given, OWN)).toBe(false));
});
