/**
 * Every address of the dashboard × every kind of key: who may see a screen, what others learn of it, what the session of
 * a browser opens and what it does not. The screens come from the table of the navigation.
 */
import { createExecutionContext } from "cloudflare:test";
import { env, exports } from "cloudflare:workers";
import { beforeAll, describe, expect, it, vi } from "vitest";
import { apiRoutes } from "../../src/api/routes.ts";
import { SCREEN_ENTRIES, SCREEN_PATHS, type ViewerKind } from "../../src/dashboard/navigation.ts";
import { viewOf } from "../../src/dashboard/view.ts";
import { PROBLEM_MEANINGS } from "../../src/openapi/problems.ts";
import { ask as admin, seedKey, seedTenant } from "../admin/ask.ts";
import { aCell, clicks, seedCells } from "../report/seed.ts";
import { NOON_MS } from "../support/builders.ts";
import { app, ORIGIN, reportRequests, send, type Visitor, visitorWith } from "./pages-asked.ts";

const KINDS: readonly ViewerKind[] = ["advertiser", "publisher", "operator"];
const visitors = new Map<string, Visitor | null>();
const keys = new Map<string, string>();
const REPORT = ["report", "convert", "mint"];
const LAST = "from=2026-04-01&to=2026-04-20";
/** What an address may say besides: everything that the screens read of it. */
const QUERIES = [
  "",
  `${LAST}&device=mobile&country!=DE&compare=none&group_by=device,country&metric=ctr`,
  "period=decade&timezone=Mars/Olympus&card1=x&metric=x&cursor=x&id=x&q=x&done=x&group_by=x&sort=x&columns=x",
];
/** Screens that are about one thing. */
const SUBJECTS: Readonly<Record<string, string>> = { "/campaign": "campaign_id=cmp_own", "/ad": "ad_id=ad_own" };
/** None of these is a screen. */
const NOWHERE = ["/nothing", "/explore2", "/admin", "/constructor", "/__proto__", "/Overview"];

/** New keys of each kind: one may ask so often in ten seconds, and a fast machine asks more. */
async function enterAnew(): Promise<void> {
  const specs = {
    advertiser: { advertiserId: "adv_own", scopes: REPORT },
    publisher: { publisherId: "pub_own", scopes: ["report", "mint"] },
    operator: { scopes: ["admin"] },
    finance: { advertiserId: "adv_own", scopes: ["bill"] },
  };
  for (const [kind, spec] of Object.entries(specs)) {
    const { key, id } = await seedKey(spec);
    keys.set(kind, key);
    visitors.set(kind, visitorWith(id));
  }
}

beforeAll(async () => {
  for (const name of ["own", "other"]) await seedTenant(name);
  const cell = { atMs: NOON_MS, country: "FR", counts: { ...clicks(5), spend_micros: 1_000_000, impressions: 50 } };
  await seedCells(
    env.REPORT_DB,
    ["own", "other"].map((name) =>
      aCell({
        ...cell,
        advertiser_id: `adv_${name}`,
        campaign_id: `cmp_${name}`,
        ad_id: `ad_${name}`,
        publisher_id: `pub_${name}`,
      }),
    ),
  );
  await enterAnew();
  const specs = {
    "a tenant's key without reports": { advertiserId: "adv_own", scopes: ["mint"] },
    "a minting key": { scopes: ["mint"], mint: { advertisers: ["adv_own"] } },
    "a revoked key": { advertiserId: "adv_own", scopes: REPORT },
  };
  for (const [kind, spec] of Object.entries(specs)) {
    const { key, id } = await seedKey(spec);
    keys.set(kind, key);
    visitors.set(kind, visitorWith(id));
    if (kind === "a revoked key") await admin(`POST /v1/admin/keys/${id}/revoke`);
  }
  visitors.set("nobody", null);
  visitors.set("a visit", visitorWith(null));
  visitors.set("an ended session", visitorWith("any", { nowMs: Date.now() - 13 * 3_600_000 }));
  visitors.set("a key that never was", visitorWith("key_nowhere"));
  visitors.set("another operator's key", visitorWith("admin", { secrets: { adminApiKey: "clk_another" } }));
}, 60_000);

const visitor = (kind: string) => visitors.get(kind) ?? null;
/** What differs between two visits of one page: the form's token, and when. */
const still = (text: string) =>
  text.replaceAll(/name="token" value="[^"]*"/g, "").replaceAll(/\d{2}:\d{2}:\d{2}/g, "hh:mm:ss");

describe.each(SCREEN_PATHS)("the screen %s", (path) => {
  const { for: meant } = SCREEN_ENTRIES[path] as { for: readonly ViewerKind[] };
  beforeAll(enterAnew);

  it.each(KINDS)(
    "is shown to whom it is for by four reports at most, and does not exist for others: %s",
    async (kind) => {
      for (const query of meant.includes(kind) ? QUERIES : QUERIES.slice(0, 1)) {
        const address = `${path}?${[SUBJECTS[path] ?? "", query].join("&")}`;
        let shown: Awaited<ReturnType<typeof send>> | undefined;
        const asked = await reportRequests(async () => {
          shown = await send(address, visitor(kind));
        });
        if (!meant.includes(kind)) {
          const nowhere = await send(`/nothing?${query}`, visitor(kind));
          expect([shown?.status, still(shown?.text ?? "")]).toEqual([404, still(nowhere.text)]);
          expect(asked).toEqual([]);
          continue;
        }
        expect(shown?.status, address).toBe(200);
        expect(shown?.text, address).not.toContain("This part could not be shown");
        expect(shown?.text).toMatch(/<\/html>$/);
        if (query.startsWith(LAST)) expect(misreadIn(shown?.text ?? ""), "its own links are understood").toEqual([]);
        expect(asked.length, `${kind}: ${asked.join("\n")}`).toBeLessThanOrEqual(4);
        if (path === "/") expect(asked, "a chart and three cards").toHaveLength(4);
        if (asked.length > 1) expect(asked[0], "the chart's comes first").toContain("/v1/metrics/clicks?");
      }
    },
  );

  it("asks who comes without a session for a key, whoever it is for", async () => {
    const asking = [
      "nobody",
      "a visit",
      "an ended session",
      "a key that never was",
      "another operator's key",
      "a revoked key",
    ];
    for (const kind of [...asking, "a tenant's key without reports", "a minting key"]) {
      const { status, text } = await send(path, visitor(kind));
      expect(status, kind).toBe(path === "/" ? 200 : 401);
      expect(text, kind).toContain('name="key"');
      expect(text, kind).not.toContain("cmp_own");
    }
  });

  const tenants = meant.filter((kind) => kind !== "operator" && kind !== "auditor");
  // A screen of the operator's alone is nothing at all to a tenant, as above.
  const itForTenants = tenants.length > 0 ? it : () => undefined;
  itForTenants("never shows what is another tenant's", async () => {
    const named = (id: string) => [
      `id=cmp_${id}&campaign_id=cmp_${id}`,
      `id=ad_${id}&ad_id=ad_${id}`,
      `publisher_id=pub_${id}`,
    ];
    for (const kind of tenants) {
      const alike = async (id: string) => {
        const pages = named(id);
        return Promise.all(
          pages.map(async (query) => {
            const { status, text } = await send(`${path}?${LAST}&${query}`, visitor(kind));
            expect([200, 404]).toContain(status);
            return still(text).replaceAll(id, "ID");
          }),
        );
      };
      expect(await alike("other"), kind).toEqual(await alike("nowhere"));
    }
  });

  it("is private, answers no other origin, and allows nothing inline", async () => {
    for (const origin of ["https://evil.example", "null", ORIGIN]) {
      const { headers, text } = await send(path, visitor(meant[0] ?? ""), { headers: { Origin: origin } });
      expect([...headers.keys()].filter((name) => name.startsWith("access-control"))).toEqual([]);
      if (origin !== ORIGIN) expect(text).toContain('name="key"');
      expect(headers.get("Cache-Control")).toContain("no-store");
      expect(headers.get("Content-Security-Policy")).toMatch(
        /default-src 'none'; script-src 'self'; style-src 'self';/,
      );
      expect(headers.get("Content-Security-Policy")).not.toMatch(/unsafe|\*/);
      expect(headers.get("X-Content-Type-Options")).toBe("nosniff");
      expect(text).not.toMatch(/<script>|<style|\sstyle=|\son\w+=|javascript:/i);
    }
    const preflight = await send(path, visitor(meant[0] ?? ""), {
      method: "OPTIONS",
      headers: { Origin: "https://evil.example", "Access-Control-Request-Method": "POST" },
    });
    expect(preflight.headers.get("Access-Control-Allow-Origin")).toBeNull();
  });

  it("does nothing by a form that is not its own", async () => {
    for (const kind of meant) {
      const own = visitor(kind);
      if (own === null) continue;
      const wrong = [
        send(path, own, { form: { action: "x" } }),
        send(path, own, { form: { action: "x", token: visitorWith(null).token } }),
        send(path, own, { form: { token: own.token }, headers: { "Sec-Fetch-Site": "none" } }),
        send(path, own, {
          form: { token: own.token },
          headers: { "Sec-Fetch-Site": "cross-site", Origin: "https://evil.example" },
        }),
        send(path, null, { form: { token: own.token } }),
      ];
      for (const { status, text } of await Promise.all(wrong)) {
        expect([200, 401, 403, 404], text.slice(0, 200)).toContain(status);
        expect(text).toMatch(/name="key"|Nothing was done|There is nothing here/);
      }
    }
  });
});

/** What views of the links of a page would not understand of their addresses. */
function misreadIn(html: string): string[] {
  const links = Array.from(html.matchAll(/<a[^>]* href="(\/(?!export\/)[^"]*)"/g), ([, href = ""]) =>
    href.replaceAll("&amp;", "&"),
  );
  return [...new Set(links)].flatMap((href) => {
    const { misread } = viewOf(new URL(href, ORIGIN), { profileZone: "UTC", nowMs: Date.now() });
    return misread.map((sentence) => `${href}: ${sentence}`);
  });
}

describe("a reader who goes away", () => {
  beforeAll(enterAnew);

  it("is no fault: of a page, of a file", async () => {
    const errors = vi.spyOn(console, "error").mockImplementation(() => undefined);
    const headers = { Cookie: visitor("advertiser")?.cookie ?? "", "Sec-Fetch-Site": "same-origin" };
    for (const path of [`/?${LAST}`, "/clicks", `/export/v1/reports/clicks?${LAST}&group_by=ad_id&metrics=clicks`]) {
      const response = await app.request(`${ORIGIN}${path}`, { headers }, env as Env, createExecutionContext());
      expect(response.status, path).toBe(200);
      await response.body?.cancel();
    }
    // What those still had to write has failed once another page is whole.
    await send(`/?${LAST}`, visitor("advertiser"));
    expect(errors.mock.calls).toEqual([]);
    errors.mockRestore();
  });
});

describe("what a problem means", () => {
  it("is told to people with its names as code, whichever it is", async () => {
    const headers = { Accept: "text/html" };
    for (const type of PROBLEM_MEANINGS.keys()) {
      const { status, text } = await send(type, null, { headers });
      expect([status, text.includes("`")], type).toEqual([200, false]);
    }
    expect((await send("/problems/unknown-parameter", null, { headers })).text).toContain("<code>field</code> names");
  });
});

describe("a session's cookie", () => {
  beforeAll(enterAnew);

  it("opens no route of the API", async () => {
    for (const { method, path, needs } of apiRoutes({})) {
      if (needs === null) continue;
      const address = path.replaceAll(/:\w+/g, "adv_own");
      for (const kind of KINDS) {
        const { status, text } = await send(`${address}?${LAST}`, visitor(kind), { method });
        expect(status, `${method} ${address}: ${text}`).toBe(401);
      }
    }
  });

  it("ends with its key, within thirty seconds", async () => {
    const { id } = await seedKey({ advertiserId: "adv_own", scopes: REPORT });
    const one = visitorWith(id);
    await admin(`POST /v1/admin/keys/${id}/revoke`);
    expect((await send("/", one)).text).toContain("not in force any more");
  });
});

describe("a key in a header", () => {
  it.each([...KINDS])("opens no page: %s", async (kind) => {
    const headers = { Authorization: `Bearer ${keys.get(kind)}` };
    for (const path of [...SCREEN_PATHS, `/export/v1/reports/clicks?${LAST}`]) {
      const { text } = await send(path, null, { headers });
      expect(text, path).toContain('name="key"');
    }
  });
});

describe("an address that is no screen", () => {
  it.each(NOWHERE)("is nothing, to everybody: %s", async (path) => {
    for (const kind of KINDS) {
      const { status, headers, text } = await send(path, visitor(kind));
      expect([status, headers.get("Content-Type")], kind).toEqual([404, "text/html; charset=utf-8"]);
      expect(text, kind).toContain("There is nothing here");
    }
    const nobody = await send(path, null);
    expect(nobody.text, "who is not signed in learns no more than of a screen").toContain('name="key"');
    expect(nobody.status).toBe(401);
  });

  it("is a problem to a program, and so is what the API does not have", async () => {
    const programs: [string, Record<string, string>][] = [
      ["/nothing", { "Sec-Fetch-Dest": "empty" }],
      ["/nothing", { "Sec-Fetch-Dest": "image" }],
      ["/v1/nothing", {}],
      ["/api/v1/nothing", {}],
    ];
    for (const [path, headers] of programs) {
      const answer = await send(path, visitor("operator"), { headers });
      expect([answer.status, answer.headers.get("Content-Type")], path).toEqual([404, "application/problem+json"]);
    }
  });
});

describe("signing in and out", () => {
  beforeAll(enterAnew);
  const enter = (form: Record<string, string>, visit: Visitor | null, headers = {}) =>
    send("/sign-in", visit, { form, headers });

  it.each(KINDS)("makes a session of the key, and leads back: %s", async (kind) => {
    const visit = visitorWith(null);
    const { status, headers } = await enter(
      { key: ` ${keys.get(kind)} `, token: visit.token, next: `/?${LAST}` },
      visit,
    );
    expect([status, headers.get("Location")]).toEqual([303, `/?${LAST}`]);
    const cookie = headers.get("Set-Cookie")?.split(";")[0] ?? "";
    expect(cookie).not.toContain(keys.get(kind) ?? "");
    const page = await send("/", { cookie, token: "" });
    expect(page.text).toContain("Sign out");
  });

  it("refuses what is no key, and what no key may look at, in words", async () => {
    const visit = visitorWith(null);
    const { token } = visit;
    const unknown = await enter({ key: "clk_nothing", token }, visit, { "CF-Connecting-IP": "10.1.1.1" });
    expect([unknown.status, unknown.headers.get("Set-Cookie")]).toEqual([401, null]);
    expect(unknown.text).toContain("not in force");
    const scopeless = await enter({ key: keys.get("a tenant's key without reports") ?? "", token }, visit);
    expect([scopeless.status, scopeless.headers.get("Set-Cookie")]).toEqual([403, null]);
  });

  it("is not done from elsewhere, nor without the form that was shown", async () => {
    const visit = visitorWith(null);
    const key = keys.get("advertiser") ?? "";
    const evil = { Origin: "https://evil.example", "Sec-Fetch-Site": "cross-site" };
    for (const answer of [
      await enter({ key, token: visit.token }, null),
      await enter({ key, token: visit.token }, visitorWith(null)),
      await enter({ key }, visit),
      await enter({ key, token: visit.token }, visit, evil),
      await enter({ key, token: visit.token }, visit, { "Sec-Fetch-Site": "same-site" }),
    ]) {
      expect(answer.headers.get("Location")).toBeNull();
      expect(answer.text).toContain("The form had been open for too long");
    }
  });

  it("nothing that another site sends ends a session, or starts one", async () => {
    const evil = { Origin: "https://evil.example", "Sec-Fetch-Site": "cross-site" };
    const frame = { "Sec-Fetch-Site": "same-site", "Sec-Fetch-Dest": "iframe" };
    for (const path of [...SCREEN_PATHS, "/sign-in", "/sign-out", "/nothing"]) {
      for (const sent of [
        { form: { token: "x" }, headers: evil },
        { form: {}, headers: { ...evil, Origin: "null" } },
        { headers: frame },
      ]) {
        for (const one of [visitor("operator"), null]) {
          expect((await send(path, one, sent)).headers.get("Set-Cookie"), path).toBeNull();
        }
      }
    }
  });

  it("offers the form of a new webhook to keys that may have one, and to others says what it would take", async () => {
    const { id } = await seedKey({ advertiserId: "adv_own", scopes: [...REPORT, "hook"] });
    for (const [one, isOffered] of [
      [visitorWith(id), true],
      [visitor("operator"), true],
      [visitor("advertiser"), false],
    ] as const) {
      const { text } = await send("/webhooks", one, {});
      expect([text.includes("New webhook"), text.includes("This API key may not do this")]).toEqual([
        isOffered,
        !isOffered,
      ]);
    }
  });

  it("ends nothing where the addresses of its forms are asked for as pages: they lead to the first screen", async () => {
    for (const path of ["/sign-in", "/sign-out"]) {
      for (const one of [visitor("advertiser"), null]) {
        const { status, headers } = await send(path, one, {});
        expect([status, headers.get("Location"), headers.get("Set-Cookie")]).toEqual([303, "/", null]);
      }
    }
  });

  it("ends the session by its own form alone", async () => {
    const signedIn = visitor("advertiser");
    if (signedIn === null) throw new Error("there is an advertiser");
    expect((await send("/sign-out", signedIn, { form: { token: "x" } })).headers.get("Set-Cookie")).toBeNull();
    const out = await send("/sign-out", signedIn, { form: { token: signedIn.token } });
    expect(out.headers.get("Set-Cookie")).toMatch(/^__Host-clickledger=; Path=\/; Max-Age=0;/);
  });

  it.each([
    "//evil.example/",
    "/\\evil.example",
    "https://evil.example/",
    "javascript:alert(1)",
    "",
    "x",
    "/\t/evil.example",
  ])("leads to our own pages only: %j", async (next) => {
    const visit = visitorWith(null);
    const { headers } = await enter({ key: keys.get("advertiser") ?? "", token: visit.token, next }, visit);
    const to = new URL(headers.get("Location") ?? "", ORIGIN);
    expect(to.origin).toBe(ORIGIN);
  });
});

it("the pages stand in the Worker as it is deployed", async () => {
  const response = await exports.default.fetch(`${ORIGIN}/`);
  expect(response.status).toBe(200);
  expect(await response.text()).toContain("Every click, counted once");
});
