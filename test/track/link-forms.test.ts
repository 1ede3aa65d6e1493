/** Links as they come back from the field: with something behind, before or around the token. */
import { env } from "cloudflare:workers";
import { describe, expect, it } from "vitest";
import { decodeMessage } from "../../src/core/message.ts";
import worker from "../../src/index.ts";
import { BROWSER } from "../support/builders.ts";
import { aToken } from "../support/tokens.ts";

const ORIGIN = "https://track.example";

/** The Worker's answer, with the tokens of the events that it sent. */
async function ask(path: string, init: RequestInit = {}) {
  const messages: unknown[] = [];
  const queue = { send: async (body: unknown) => void messages.push(body) };
  const given = { ...env, CLICK_QUEUE_0: queue, IMPRESSION_QUEUE_0: queue } as unknown as Env;
  const background: Promise<unknown>[] = [];
  const ctx = { waitUntil: (work: Promise<unknown>) => void background.push(work) } as unknown as ExecutionContext;
  const request = new Request(`${ORIGIN}${path}`, { headers: { "User-Agent": BROWSER }, ...init });
  const { status, headers } = await worker.fetch(request as Parameters<typeof worker.fetch>[0], given, ctx);
  await Promise.all(background);
  const tokens = messages.flatMap((message) => {
    const decoded = decodeMessage(message);
    return decoded.ok ? decoded.value.map((event) => (event.ok ? event.value.event.token : "unreadable")) : [];
  });
  return { status, location: headers.get("Location"), tokens };
}

const LANDED = /^https:\/\/shop\.example\/landing\?click_id=1~test-1~[-~.\w]+$/;

const FORMS: [string, (token: string) => string][] = [
  ["a full stop behind it", (token) => `${token}.`],
  ["three full stops behind it", (token) => `${token}...`],
  ["a bracket behind it", (token) => `${token})`],
  ["a comma behind it", (token) => `${token},`],
  ["a slash behind it", (token) => `${token}/`],
  ["a path behind it", (token) => `${token}/x/y.z`],
  ["a space behind it", (token) => `${token}%20`],
  ["a space and a word behind it", (token) => `${token} and`],
  ["a quotation mark behind it", (token) => `${token}"`],
  ["a typographic quotation mark behind it", (token) => `${token}\u201d`],
  ["an angle bracket behind it", (token) => `${token}>`],
  ["U+200B behind it", (token) => `${token}\u200b`],
  ["a byte order mark behind it", (token) => `${token}\ufeff`],
  ["a line end behind it", (token) => `${token}%0D%0A`],
  ["&amp;x=1 behind it", (token) => `${token}&amp;x=1`],
  ["&x=1 behind it", (token) => `${token}&x=1`],
  ["an escaped query behind it", (token) => `${token}%3Fx%3D1`],
  ["padding behind it", (token) => `${token}=`],
  ["letters behind it", (token) => `${token}abc`],
  ["a second token behind it", (token) => `${token}.${token}`],
  ["a broken escape behind it", (token) => `${token}%`],
  ["an asterisk and more than a token may hold behind it", (token) => `${token}*${"x".repeat(9_000)}`],
  ["dots as %2E", (token) => token.replaceAll(".", "%2E")],
  ["dots as %2e, and one behind it", (token) => `${token.replaceAll(".", "%2e")}%2e`],
  ["dots as %252E", (token) => token.replaceAll(".", "%252E")],
  ["hyphens and underscores escaped", (token) => token.replaceAll("-", "%2D").replaceAll("_", "%5f")],
  ["every character escaped", (token) => token.replace(/./g, (c) => `%${c.charCodeAt(0).toString(16)}`)],
  ["a space before it", (token) => `%20${token}`],
  ["a quotation mark on either side", (token) => `%22${token}%22`],
  ["an angle bracket on either side", (token) => `<${token}>`],
];

describe("what stands around a token is not the token", () => {
  it.each(FORMS)("[fault A11] %s: the click is redirected, and counted under the token itself", async (_, form) => {
    // A payload with both characters that are not alphanumeric, and a signature as it falls.
    const token = await aToken({ note: "\u00fb\u00ff>?~" });
    for (const prefix of ["/c/", "/v1/click/", "/api/c/"]) {
      const { status, location, tokens } = await ask(`${prefix}${form(token)}`);
      expect([status, location], prefix).toEqual([302, expect.stringMatching(LANDED)]);
      expect(tokens, prefix).toEqual([token]);
    }
    const shown = await ask(`/i/${form(token)}`);
    expect([shown.status, shown.tokens]).toEqual([200, [token]]);
  });

  it.each(["//c/", "///c/", "/api//c/", "//api/c/", "/c//", "//v1/click/", "/v1//click/", "/api//v1//click//"])(
    "[fault A11] %s is a click link",
    async (prefix) => {
      const token = await aToken();
      expect(await ask(prefix + token)).toMatchObject({ status: 302, tokens: [token] });
    },
  );

  it.each(["//i/", "/api//i/", "//v1/impression/", "/v1//impression/"])("[fault A11] %s is a pixel", async (prefix) => {
    const token = await aToken();
    expect(await ask(prefix + token)).toMatchObject({ status: 200, tokens: [token] });
  });

  it("[fault A11] a script may send it with white space around", async () => {
    const token = await aToken();
    for (const sent of [`${token}\n`, ` ${token}`, `"${token}"`, `\ufeff${token}\u200b`]) {
      const answer = await ask("/v1/click", { method: "POST", body: JSON.stringify({ token: sent }) });
      expect(answer).toMatchObject({ status: 302, tokens: [token] });
    }
  });

  const damaged: [string, (token: string) => string][] = [
    ["one character short", (token) => token.slice(0, -1)],
    ["ten characters short, with a full stop behind", (token) => `${token.slice(0, -10)}.`],
    ["without its signature", (token) => token.slice(0, token.lastIndexOf(".") + 1)],
    ["without its last dot", (token) => token.slice(0, token.lastIndexOf("."))],
    ["with its signature filled up", (token) => `${token.slice(0, -3)}AAA`],
    ["with its signature filled up by escapes", (token) => `${token.slice(0, -3)}%41%41%41`],
    ["with a space inside", (token) => `${token.slice(0, 90)}%20${token.slice(90)}`],
    [
      "with a character changed inside",
      (token) => `${token.slice(0, 90)}${token[90] === "A" ? "B" : "A"}${token.slice(91)}`,
    ],
    ["with a character too many inside", (token) => `${token.slice(0, 90)}A${token.slice(90)}`],
    ["with its payload twice", (token) => token.replace(/\.(.*)\./, ".$1.$1.")],
    ["with letters before it", (token) => `abc${token}`],
  ];
  it.each(damaged)("[fault A11] a token %s is refused", async (_, form) => {
    const { status, location, tokens } = await ask(`/c/${form(await aToken())}`);
    expect(status).toBeGreaterThanOrEqual(400);
    expect([location, tokens]).toEqual([null, []]);
  });
});
