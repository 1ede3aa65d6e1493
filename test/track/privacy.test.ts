/** What is left of a person who asks not to be tracked: a counted click, and nobody. */
import { describe, expect, it } from "vitest";
import { encodeBase64url, encodeUtf8 } from "../../src/core/base64url.ts";
import { explainEvent } from "../../src/core/explain.ts";
import { type Facts, foldEntry } from "../../src/core/facts.ts";
import type { LoggedEvent } from "../../src/core/log-line.ts";
import { encodeMessage, type OpenedEvent } from "../../src/core/message.ts";
import { encodeTokenEvent } from "../../src/core/token-event.ts";
import { aClick, NOON_MS } from "../support/builders.ts";
import { RULES } from "../support/rules.ts";
import { aToken } from "../support/tokens.ts";
import { eventsOf, watched } from "../support/watched-edge.ts";

const USER = "u_4242_person";
const MAIL = "person@mail.example";
const GPC = { "Sec-GPC": "1" };

/** Whether a text holds a word: as it is, or inside base64url at any of its three positions. */
function holds(text: string, word: string): boolean {
  const packed = [0, 1, 2].map((before) => {
    const bytes = encodeUtf8(" ".repeat(before) + word);
    // Only the characters that are made of the word's bytes alone.
    return encodeBase64url(bytes).slice(Math.ceil((before * 8) / 6), Math.floor((bytes.length * 8) / 6));
  });
  return [word, ...packed].some((spelling) => text.includes(spelling));
}

function logged({ event, claims }: OpenedEvent): LoggedEvent {
  const decision = { verdict: "valid", reason: null } as const;
  return { event, claims, seq: 1, loggedAtMs: NOON_MS, rules: RULES.id, review: null, ...decision };
}

const namedToken = (more: Record<string, unknown> = {}) => aToken({ uid: USER, sub: MAIL, ...more });
type Way = readonly [name: string, ask: (headers: Record<string, string>) => ReturnType<typeof watched>];
const WAYS: readonly Way[] = [
  ["a link", async (headers) => watched(`/c/${await namedToken()}`, { headers })],
  ["a link under HEAD", async (headers) => watched(`/c/${await namedToken()}`, { headers, method: "HEAD" })],
  ["a link without redirect", async (headers) => watched(`/c/${await namedToken()}?redirect=false`, { headers })],
  ["a ping", async (headers) => watched(`/c/${await namedToken()}`, { headers, method: "POST" })],
  ["a pixel", async (headers) => watched(`/i/${await namedToken()}`, { headers })],
  ["a click that waits", async (headers) => watched(`/c/${await namedToken({ dur: 1 })}`, { headers })],
  [
    "a script",
    async (headers) => {
      const body = JSON.stringify({ token: await namedToken() });
      return watched("/v1/click", { headers, method: "POST", body });
    },
  ],
];

describe("[attack 15] an event", () => {
  it.each(WAYS)("holds nothing of a user under Sec-GPC: 1, whatever the token says: %s", async (_, ask) => {
    const { response, messages, events } = await ask(GPC);
    expect(response.status).toBeLessThan(400);
    expect(events).toHaveLength(1);
    const sent = JSON.stringify(messages);
    for (const word of [USER, MAIL]) expect(holds(sent, word)).toBe(false);
    expect(events[0]?.event).toMatchObject({ gpc: true, userHash: null, ipHash: null });
    expect(events[0]?.claims.uid).toBeNull();
  });

  it.each(WAYS)("holds its user without the signal: %s", async (_, ask) => {
    const { messages, events } = await ask({});
    const sent = JSON.stringify(messages);
    for (const word of [USER, MAIL]) expect(holds(sent, word)).toBe(true);
    expect(events[0]?.claims.uid).toBe(USER);
  });

  it("is explained without a user, and counts without one", async () => {
    const [quiet] = (await watched(`/c/${await namedToken()}`, { headers: GPC })).events;
    const [plain] = (await watched(`/c/${await namedToken()}`)).events;
    if (quiet === undefined || plain === undefined) throw new Error("no event");
    const explained = (event: OpenedEvent) =>
      explainEvent({ logged: logged(event), changes: [] }, { shard: "clicks-0", archiveObject: null }, null);
    expect(explained(quiet)).toMatchObject({ claims: { uid: null }, facts: { hasUser: false, hasAddressHash: false } });
    expect(explained(plain)).toMatchObject({ claims: { uid: USER }, facts: { hasUser: true } });
    const counted = [quiet, plain].map((event) => {
      const facts: Facts = new Map();
      foldEntry(facts, logged(event));
      return Array.from(facts.values(), ({ users, cells }) => [users?.size ?? 0, cells.size])[0];
    });
    expect(counted).toEqual([
      [0, 1],
      [1, 1],
    ]);
  });

  it("is read without the user that somebody wrote into it all the same", () => {
    const event = aClick({ gpc: true, userHash: null }, { uid: USER });
    const [read] = eventsOf(encodeMessage([encodeTokenEvent(event)]));
    expect(read?.claims).toMatchObject({ uid: null, adv: "adv_1", jti: "imp_1" });
    const explained = explainEvent(
      { logged: { ...logged({ event, claims: { ...(read as OpenedEvent).claims, uid: USER } }) }, changes: [] },
      { shard: "clicks-0", archiveObject: null },
      null,
    );
    expect(holds(JSON.stringify(explained), USER)).toBe(false);
  });

  it("does not change where the person goes", async () => {
    const token = await namedToken();
    const places = [
      await watched(`/c/${token}`, { headers: GPC }),
      await watched(`/c/${token}`, { headers: { ...GPC, Referer: "https://news.example/" } }),
      await watched(`/c/${token}`),
    ].map(({ response }) => [response.status, response.headers.get("Location")?.replace(/click_id=.*/, "click_id=")]);
    expect(new Set(places.map(String)).size).toBe(1);
    expect(places[0]).toEqual([302, "https://shop.example/landing?click_id="]);
  });
});
