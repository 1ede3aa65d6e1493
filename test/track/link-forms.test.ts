/** Links as they come back from the field: with something behind, before or around the token. */
import { env } from "cloudflare:workers";
import { describe, expect, it } from "vitest";
import { decodeMessage } from "../../src/core/message.ts";
import demoWorker from "../../src/demo/worker.ts";
import worker from "../../src/index.ts";
import { aPayload, BROWSER } from "../support/builders.ts";
import { aSignedToken } from "../support/signing.ts";
import { aToken } from "../support/tokens.ts";

const ORIGIN = "https://track.example";

/** The Worker's answer, with the tokens of the events that it sent. */
async function ask(path: string, init: RequestInit = {}, vars: Record<string, string> = {}) {
  const messages: unknown[] = [];
  const queue = { send: async (body: unknown) => void messages.push(body) };
  const given = { ...env, CLICK_QUEUE_0: queue, IMPRESSION_QUEUE_0: queue, ...vars } as unknown as Env;
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

const LANDED = /^https:\/\/shop\.example\/landing\?click_id=2~test-1~[-~.\w]+$/;

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

/** A token that a library signed, without the rules of our minting. */
function signed(claims: Record<string, unknown>): Promise<string> {
  const iat = Math.floor(Date.now() / 1_000) - 1;
  return aSignedToken(aPayload({ jti: `imp_${crypto.randomUUID()}`, iat, exp: iat + 3_600, ...claims }));
}

describe("where a click lands", () => {
  const land = async (claims: Record<string, unknown>, query = "", vars: Record<string, string> = {}) => {
    const { status, location } = await ask(`/c/${await signed(claims)}${query}`, {}, vars);
    expect(status).toBe(302);
    return (location ?? "").replace(/2~test-1~[-~.\w]+/g, "ID");
  };

  it.each([
    ["https://a.example/?click_id=OLD&y=2#click_id=1", "https://a.example/?click_id=ID&y=2#click_id=1"],
    ["https://a.example/?x&%63lick_id&y", "https://a.example/?x&click_id=ID&y"],
    ["https://a.example/?cid={click_id}&click_id=KEPT", "https://a.example/?cid=ID&click_id=KEPT"],
  ])("[fault A7] %s gets one click id", async (url, expected) => {
    expect(await land({ url })).toBe(expected);
  });

  it("[fault A7] the id is looked for under the name that is configured", async () => {
    const url = "https://a.example/?s%75bid=OLD&click_id=KEPT";
    expect(await land({ url }, "", { CLICK_ID_PARAM: "subid" })).toBe("https://a.example/?subid=ID&click_id=KEPT");
  });

  it.each([
    "%7Bclick_id%7D",
    "%257bclick_id%257D",
    "{{click_id}}",
    "$%7Bclick_id%7D",
    "%%click_id%%",
    "[click_id]",
    "<click_id>",
  ])("[fault A9] %s of a library's token is filled whole", async (macro) => {
    expect(await land({ url: `https://a.example/?s=${macro}&y` })).toBe("https://a.example/?s=ID&y");
  });

  it.each(["#click_id#", "{CLICK_ID}", "{{click_id}", "__CLICK_ID__", "{{{{click_id}}}}"])(
    "[fault A9] %s of a library's token stays, and the id is added",
    async (macro) => {
      const location = await land({ url: `https://a.example/p?s=${macro}` });
      expect(location).toContain(macro);
      expect(location.match(/ID/g)?.length).toBe(macro.includes("CLICK_ID") ? 2 : 1);
      expect(new URL(location).searchParams.get("click_id")).toBe("ID");
    },
  );

  it("[fault A10] what the click brings is dropped, unless the token passes it on", async () => {
    const query = "?gclid=X%20y&foo=BAR&click_id=EVIL&b=2";
    const url = "https://a.example/p?b=1#top";
    expect(await land({ url }, query)).toBe("https://a.example/p?b=1&click_id=ID#top");
    expect(await land({ url, fwd: 0 }, query)).toBe("https://a.example/p?b=1&click_id=ID#top");
    expect(await land({ url, fwd: 1 }, query)).toBe("https://a.example/p?b=1&click_id=ID&gclid=X%20y&foo=BAR#top");
    const long = await ask(`/v1/click/${await signed({ url, fwd: 1 })}?gclid=%0d%0aX-Evil:%201&u=//evil.example/`);
    expect(long.location).toMatch(
      /^https:\/\/a\.example\/p\?b=1&click_id=[^&]+&gclid=%0d%0aX-Evil:%201&u=\/\/evil\.example\/#top$/,
    );
  });

  const SCHEMES = { LANDING_SCHEMES: "market,intent,myapp" };
  it.each([
    ["market://details?id=com.x", "market://details?id=com.x&click_id=ID"],
    ["MyApp://Open/{click_id}", "MyApp://Open/ID"],
    ["intent://p?x=1#Intent;scheme=shop;end", "intent://p?x=1&click_id=ID#Intent;scheme=shop;end"],
  ])("[fault A14] %s, where its scheme is allowed", async (url, expected) => {
    expect(await land({ url }, "", SCHEMES)).toBe(expected);
    const refused = await ask(`/c/${await signed({ url })}`);
    expect([refused.status, refused.location]).toEqual([400, null]);
  });

  it.each([
    "javascript:alert(1)",
    "data:text/html,x",
    "file:///x",
    "itms-apps://x",
    "intent://x#Intent;scheme=data;end",
  ])("[fault A14] %s is refused all the same", async (url) => {
    const { status, location } = await ask(`/c/${await signed({ url })}`, {}, SCHEMES);
    expect([status, location]).toEqual([400, null]);
  });
});

describe("POST /v1/tokens says what is wrong with a row", () => {
  const row = { adv: "adv_1", cmp: "cmp_1", ad: "ad_1", pub: "pub_1", url: "https://shop.example/", cpc: 1 };
  async function mint(rows: string[]) {
    const headers = { Authorization: `Bearer ${env.ADMIN_API_KEY}` };
    const request = new Request(`${ORIGIN}/v1/tokens`, {
      method: "POST",
      headers,
      body: `{"tokens":[${rows.join(",")}]}`,
    });
    const ctx = { waitUntil: () => {} } as unknown as ExecutionContext;
    const response = await worker.fetch(request as Parameters<typeof worker.fetch>[0], env, ctx);
    expect(response.status).toBe(200);
    type Row = { token?: string; problem?: { type: string; detail?: string; field?: string } };
    return ((await response.json()) as { tokens: Row[] }).tokens;
  }

  it.each([
    ["https://%65xample.com/", "url-invalid", 'write "example.com"'],
    ["https://shop.example/a b", "url-characters", "U+0020"],
    ["shop.example", "url-scheme", "with its scheme"],
    ["market://details", "url-scheme", '"market:" is not among'],
    ["http://shop.example/", "url-scheme", '"http:" is not allowed for "shop.example"'],
    ["https://shop.example/?c=#click_id#", "url-macro-spelling", "write {click_id}"],
    ["https://shop.example/?c=%2523ad_id%2523", "url-macro-spelling", "write {ad_id}"],
    ["https://shop.example/?c={CAMPAIGN_ID}", "url-macro-spelling", "write {campaign_id}"],
    ["https://shop.example/{click_id}{click_id}{click_id}{click_id}{click_id}", "url-macros-many", "at most 4 times"],
  ])("[fault A17] a landing URL %s: %s", async (url, type, words) => {
    const [bad, good] = await mint([JSON.stringify({ ...row, url }), JSON.stringify(row)]);
    expect(bad?.problem).toMatchObject({
      type: `/problems/${type}`,
      field: "url",
      detail: expect.stringContaining(words),
    });
    expect(good?.token).toBeDefined();
  });

  it("[attack 14] one row of any shape spoils no other", async () => {
    const deep = (open: string, close: string) => `${open.repeat(10_000)}1${close.repeat(10_000)}`;
    const own = (json: string) => `${JSON.stringify(row).slice(0, -1)},"own":${json}}`;
    const rows = [
      own(deep("[", "]")),
      own(deep('{"a":', "}")),
      deep("[", "]"),
      deep('{"adv":', "}"),
      `${JSON.stringify(row).slice(0, -1)},"jti":${deep("[", "]")}}`,
      own(JSON.stringify("x".repeat(500_000))),
      own(`{${Array.from({ length: 50_000 }, (_, n) => `"c${n}":${n}`).join(",")}}`),
      `{"__proto__":${deep("[", "]")}}`,
      `{"__proto__":${JSON.stringify(row)}}`,
      "null",
      "1e999",
      own("1e999"),
      own('{"__proto__":1,"toJSON":2,"\\ud800":"\\ud800"}'),
      JSON.stringify({ ...row, fwd: 1 }),
    ];
    const answers = await mint(rows);
    expect(answers.map(({ token, problem }) => problem?.type.slice(10) ?? typeof token)).toEqual([
      "payload-nested",
      "payload-nested",
      "payload-invalid",
      "claim-type",
      "claim-type",
      "token-too-long",
      "token-too-long",
      "claim-missing",
      "claim-missing",
      "payload-invalid",
      "payload-invalid",
      "string",
      "string",
      "string",
    ]);
  });
});

describe("the demonstration", () => {
  const demo = (origin: string, hosts: string) => {
    const given = { ...env, LANDING_HTTP_HOSTS: hosts } as unknown as Env;
    const ctx = { waitUntil: () => {} } as unknown as ExecutionContext;
    return demoWorker.fetch(new Request(`${origin}/demo`) as Parameters<typeof worker.fetch>[0], given, ctx);
  };
  const detailOf = async (response: Response) => ((await response.json()) as { detail: string }).detail;

  it.each(["http://127.0.0.1:8787", "http://localhost:8787", "http://[::1]:8787"])(
    "[attack 19] is shown at %s where its ads may lead there, and else says what is missing",
    async (origin) => {
      // The catalogue of the tests is empty.
      expect(await detailOf(await demo(origin, "127.0.0.1,localhost,[::1]"))).toContain("holds no ads");
      expect(await detailOf(await demo(origin, ""))).toContain("LANDING_HTTP_HOSTS");
    },
  );

  it.each([
    "https://track.example",
    "http://127.0.0.1.evil.example",
    "http://localhost.evil.example",
    "http://[::2]:8787",
    "http://[::ffff:127.0.0.1]:8787",
    "http://10.0.0.1",
  ])("[attack 19] is not at %s, whatever is configured", async (origin) => {
    expect(await detailOf(await demo(origin, "127.0.0.1,localhost,[::1]"))).toContain("Check the address");
  });
});
