/** Every route that takes a key against every wrong key. The routes are the routers' own, so none can be forgotten. */
import { env, exports } from "cloudflare:workers";
import { beforeAll, describe, expect, it } from "vitest";
import { apiRoutes } from "../../src/api/routes.ts";
import { ask, OPERATOR, seedKey, seedTenant } from "./ask.ts";

type Needs = "admin" | "books" | "report" | "mint" | "traffic" | "convert" | "bill" | "hook" | "operate" | "any";

/** What each route needs: `report` is for advertisers, `traffic` for publishers too. */
const NEEDS: Readonly<Record<string, Needs>> = {
  "POST /v1/admin/advertisers": "admin",
  "GET /v1/admin/advertisers": "books",
  "GET /v1/admin/advertisers/:id": "books",
  "PATCH /v1/admin/advertisers/:id": "admin",
  "POST /v1/admin/advertisers/:id/postback-secret/revoke": "admin",
  "POST /v1/admin/campaigns": "admin",
  "GET /v1/admin/campaigns": "admin",
  "GET /v1/admin/campaigns/:id": "admin",
  "PATCH /v1/admin/campaigns/:id": "admin",
  "POST /v1/admin/ad-groups": "admin",
  "GET /v1/admin/ad-groups": "admin",
  "GET /v1/admin/ad-groups/:id": "admin",
  "PATCH /v1/admin/ad-groups/:id": "admin",
  "POST /v1/admin/ads": "admin",
  "GET /v1/admin/ads": "admin",
  "GET /v1/admin/ads/:id": "admin",
  "PATCH /v1/admin/ads/:id": "admin",
  "POST /v1/admin/creatives": "admin",
  "GET /v1/admin/creatives": "admin",
  "GET /v1/admin/creatives/:id": "admin",
  "PATCH /v1/admin/creatives/:id": "admin",
  "POST /v1/admin/publishers": "admin",
  "GET /v1/admin/publishers": "books",
  "GET /v1/admin/publishers/:id": "books",
  "PATCH /v1/admin/publishers/:id": "admin",
  "POST /v1/admin/keys": "admin",
  "GET /v1/admin/keys": "admin",
  "GET /v1/admin/keys/:id": "admin",
  "DELETE /v1/admin/keys/:id": "admin",
  "POST /v1/admin/keys/:id/revoke": "admin",
  "POST /v1/admin/keys/:id/rotate": "admin",
  "GET /v1/admin/audit-log": "books",
  "GET /v1/catalog/campaigns": "report",
  "GET /v1/catalog/ads": "report",
  "GET /v1/catalog/ad-groups": "report",
  "GET /v1/catalog/creatives": "report",
  "GET /v1/me": "any",
  "GET /v1/late-clicks": "report",
  "GET /v1/changes": "report",
  "GET /v1/events": "report",
  "GET /metrics": "operate",
  "POST /v1/webhooks": "hook",
  "GET /v1/webhooks": "hook",
  "GET /v1/webhooks/:id": "hook",
  "PATCH /v1/webhooks/:id": "hook",
  "DELETE /v1/webhooks/:id": "hook",
  "POST /v1/webhooks/:id/rotate": "hook",
  "POST /v1/webhooks/:id/test": "hook",
  "GET /v1/webhooks/:id/deliveries": "hook",
  "POST /v1/webhooks/:id/deliveries/:event/replay": "hook",
  "POST /v1/late-clicks": "admin",
  "GET /v1/clicks/:id": "traffic",
  "GET /v1/clicks/:id/receipt": "traffic",
  "POST /v1/explain": "traffic",
  "GET /v1/admin/dead-letters": "admin",
  "GET /v1/admin/dead-letters/show": "admin",
  "POST /v1/admin/dead-letters/replay": "admin",
  "GET /v1/admin/audits": "books",
  "POST /v1/admin/audits": "admin",
  "GET /v1/admin/audits/:day": "books",
  "POST /v1/admin/audits/:day/mend": "admin",
  "POST /v1/admin/audits/:day/losses": "admin",
  "GET /v1/admin/holds": "books",
  "GET /v1/admin/holds/:id": "books",
  "POST /v1/admin/erasures": "admin",
  "GET /v1/admin/erasures/:id": "admin",
  "PUT /v1/admin/holds/:id": "admin",
  "DELETE /v1/admin/holds/:id": "admin",
  "GET /v1/admin/evidence-log": "books",
  "POST /v1/admin/evidence-log/sequence": "admin",
  "POST /v1/admin/rebuild": "admin",
  "POST /v1/admin/replays": "admin",
  "GET /v1/admin/replays": "books",
  "GET /v1/admin/replays/:id": "books",
  "POST /v1/admin/replays/:id/apply": "admin",
  "POST /v1/admin/replays/:id/undo": "admin",
  "GET /v1/statements": "bill",
  "GET /v1/statements/:number": "bill",
  "GET /v1/statements/:number/files/:name": "bill",
  "GET /v1/evidence/secret": "bill",
  "GET /v1/evidence/:day": "bill",
  "GET /v1/evidence/:day/:name": "bill",
  "POST /v1/admin/statements": "admin",
  "POST /v1/admin/statements/:draft/finalize": "admin",
  "GET /v1/admin/budgets": "books",
  "POST /v1/admin/budgets": "admin",
  "POST /v1/tokens": "mint",
  "POST /v1/impressions/counts": "mint",
  "POST /v1/conversions": "convert",
  "GET /v1/conversions/secret": "convert",
  // Which rows these read is tested in test/report/tenancy.test.ts.
  "GET /v1/reports/clicks": "traffic",
  "POST /v1/reports/query": "traffic",
  "GET /v1/metrics/clicks": "traffic",
  "GET /v1/live": "traffic",
  "POST /v1/live/tickets": "traffic",
};

/** The routes of the front that take a key, and the one of the tracking routes that does. */
const LISTED = [
  ...apiRoutes({}).flatMap(({ method, path, needs }) => (needs === null ? [] : [`${method} ${path}`])),
  "POST /v1/tokens",
];
const ROUTES = LISTED.map((name): [string, Needs] => [name, NEEDS[name] as Needs]);

const keys: Record<string, string> = {};

beforeAll(async () => {
  for (const name of ["mine", "other"]) await seedTenant(name);
  const make = async (name: string, spec: Record<string, unknown>) => {
    const made = await seedKey(spec);
    keys[name] = made.key;
    return made;
  };
  await make("advertiser", { advertiserId: "adv_other", scopes: ["report", "mint", "convert", "bill", "hook"] });
  await make("publisher", { publisherId: "pub_mine", scopes: ["report", "mint"] });
  await make("convertOnly", { advertiserId: "adv_mine", scopes: ["convert"] });
  const revoked = await make("revoked", { scopes: ["admin", "report", "mint"] });
  await ask(`POST /v1/admin/keys/${revoked.id}/revoke`);
  const rotatedOut = await make("rotatedOut", { scopes: ["admin", "report", "mint"] });
  await ask(`POST /v1/admin/keys/${rotatedOut.id}/rotate`, { body: {} });
});

let requests = 0;

/** Through the Worker, so that its wiring is tested as well. */
async function send(route: string, authorization: string | null): Promise<{ status: number; text: string }> {
  const [method = "", path = ""] = route.replace(":id", "adv_mine").split(" ");
  // Wrong keys of one network slow it down (access/wrong-keys.ts): each request comes from another.
  const network = { "CF-Connecting-IP": `10.${++requests >> 16}.${(requests >> 8) & 255}.${requests & 255}` };
  const headers = authorization === null ? network : { ...network, Authorization: authorization };
  const body = method === "GET" ? {} : { body: "{}" };
  const response = await exports.default.fetch(`https://clicks.example${path}`, { method, headers, ...body });
  const isStream = response.headers.get("Content-Type")?.startsWith("text/event-stream") === true;
  if (isStream) await response.body?.cancel();
  return { status: response.status, text: isStream ? "" : await response.text() };
}

describe("the table", () => {
  it("has a row for every route, and no other", () => {
    expect(LISTED.toSorted()).toEqual(Object.keys(NEEDS).sort());
  });
});

describe.each([...ROUTES])("G9: %s", (route, needs) => {
  it("answers 401 to every key that is none, always in the same words", async () => {
    const wrong = [
      "Bearer",
      "Basic YTpi",
      "Bearer clk_short",
      `Bearer ${"clk_".padEnd(47, "x")}`,
      `Bearer ${OPERATOR} ${OPERATOR}`,
      `Bearer ${keys["revoked"]}`,
      `Bearer ${keys["rotatedOut"]}`,
    ];
    const answers = new Set<string>();
    for (const authorization of wrong) {
      const { status, text } = await send(route, authorization);
      answers.add(`${status} ${text}`);
    }
    expect([...answers]).toEqual([expect.stringMatching(/^401 \{"type":/)]);
  });

  it("answers 403 to a key without the scope, where one is needed", async () => {
    const { status } = await send(route, `Bearer ${keys[needs === "convert" ? "publisher" : "convertOnly"]}`);
    expect(status).toBe(needs === "any" ? 200 : 403);
  });

  it("is closed to a tenant where it is the operator's", async () => {
    const statuses = new Map<string, number>();
    for (const name of ["advertiser", "publisher"]) {
      const { status } = await send(route, `Bearer ${keys[name]}`);
      statuses.set(name, status);
    }
    if (["admin", "books", "operate"].includes(needs)) expect([...statuses.values()]).toEqual([403, 403]);
    else expect(statuses.get("advertiser")).not.toBe(403);
    if (["report", "bill", "hook"].includes(needs)) expect(statuses.get("publisher")).toBe(403);
  });

  it("lets the operator in", async () => {
    const { status } = await send(route, `Bearer ${OPERATOR}`);
    expect(status).not.toBe(401);
    // A ticket is of one tenant (test/report/browser.test.ts).
    if (!route.endsWith("/v1/live/tickets")) expect(status).not.toBe(403);
  });
});

describe("G9: a key that an older table left with scope admin and an owner", () => {
  it("acts for nobody", async () => {
    const made = await seedKey({ advertiserId: "adv_mine", scopes: ["report"] });
    await env.REPORT_DB.prepare(`UPDATE api_keys SET scopes = '["admin"]' WHERE key_id = ?1`).bind(made.id).run();
    for (const [route, needs] of ROUTES) {
      if (needs === "admin" || needs === "books")
        expect([route, (await send(route, `Bearer ${made.key}`)).status]).toEqual([route, 403]);
    }
  });
});
