/** Tenants and keys in pages: made, changed and ended by forms, with what the API refuses said where it was typed. */
import { beforeAll, describe, expect, it } from "vitest";
import { ask, auditOf, OPERATOR, seedKey, seedTenant } from "../admin/ask.ts";
import { type Fields, saidBy, Visitor } from "./visit.ts";

const operator = new Visitor("admin");
const SCRIPT = '<img src=x onerror="alert(1)">';
const HEBREW = "\u05d7\u05e0\u05d5\u05ea \u202e\u05d8\u05d5\u05d1\u05d4";

const advertiser = (fields: Readonly<Record<string, string>>): Fields =>
  Object.entries({
    ...{ kind: "advertisers", is_new: "1", id: "adv_form", name: "Form", currency: "EUR", timeZone: "Europe/Berlin" },
    ...{ attributionWindowDays: "7", status: "active", ...fields },
  });
const made = (more: Fields): Fields => [["kind", "keys"], ["act", "make"], ...more];

beforeAll(async () => {
  await seedTenant("pages");
});

describe("tenants", () => {
  it("are made and changed by forms, which lead to what was done", async () => {
    const answer = await operator.post("/tenants", advertiser({ name: SCRIPT }));
    expect([answer.status, answer.headers.get("Location")]).toEqual([
      303,
      "/tenants?kind=advertisers&id=adv_form&done=created",
    ]);
    const page = await operator.get("/tenants?kind=advertisers&id=adv_form&done=created");
    expect(page.text).not.toContain("<img");
    expect(saidBy(page)).toContain(SCRIPT);
    const change = { kind: "advertisers", id: "adv_form", name: HEBREW, currency: "EUR", timeZone: "UTC" };
    const sent = Object.entries({ ...change, attributionWindowDays: "30", status: "paused" });
    expect((await operator.post("/tenants", sent)).status).toBe(303);
    expect((await ask("GET /v1/admin/advertisers/adv_form")).body).toMatchObject({
      ...{ name: HEBREW, status: "paused", timeZone: "UTC", attributionWindowDays: 30 },
    });
    expect((await operator.get("/tenants")).text).toContain(`<bdi>${HEBREW}</bdi>`);
    expect((await auditOf("adv_form")).map(({ action }) => action)).toEqual(["update", "create"]);
  });

  it.each([
    ["currency", { currency: "EURO" }, "A currency is an ISO 4217 code, like EUR."],
    ["timeZone", { timeZone: "+02:00" }, "A time zone is an IANA name, like Europe/Berlin."],
    ["attributionWindowDays", { attributionWindowDays: "many" }, "expected number"],
    ["id", { id: "no spaces" }, "An id is 1 to 64 of"],
  ])("say at the field what the API refuses, and keep what was typed: %s", async (field, typed, sentence) => {
    const page = await operator.post("/tenants", advertiser({ id: "adv_typed", name: "Typed by hand", ...typed }));
    expect(page.text).toContain('value="Typed by hand"');
    const at = new RegExp(`<p class="wrong" id="${field}-wrong">([^<]*)</p>`).exec(page.text)?.[1] ?? "";
    expect(at).toContain(sentence);
    expect(page.text).toMatch(new RegExp(`id="${field}"[^>]*aria-invalid="true"`));
    expect((await ask("GET /v1/admin/advertisers/adv_typed")).status).toBe(404);
  });

  it("say what parent is not there, and lead from what belongs together to each other", async () => {
    const orphan = {
      kind: "campaigns",
      is_new: "1",
      id: "cmp_orphan",
      advertiserId: "adv_none",
      name: "O",
      status: "active",
    };
    expect((await operator.post("/tenants", Object.entries(orphan))).text).toContain('id="advertiserId-wrong"');
    const ad = await operator.get("/tenants?kind=ads&id=ad_pages");
    expect(ad.text).toContain('href="/tenants?kind=campaigns&amp;id=cmp_pages"');
    const campaigns = await operator.get("/tenants?kind=campaigns&advertiser_id=adv_pages");
    expect(saidBy(campaigns)).toContain("cmp_pages");
    expect(saidBy(campaigns)).not.toContain("cmp_orphan");
  });

  it.each(["..", "a/b", "adv_none", "%00", SCRIPT])("have no page of an id that is none: %s", async (id) => {
    const page = await operator.get(`/tenants?${new URLSearchParams({ kind: "advertisers", id })}`);
    expect(saidBy(page)).toContain("There is no such advertiser");
    expect(page.text).not.toContain("<img");
  });

  it("end a postback secret after asking, and the one that was named", async () => {
    const fields = { kind: "postback-secret", id: "adv_pages", epoch: "0", overlapSeconds: "0" };
    expect(saidBy(await operator.post("/tenants", Object.entries(fields)))).toContain(
      "End the postback secret of adv_pages?",
    );
    expect((await operator.post("/tenants", Object.entries({ ...fields, confirmed: "yes" }))).status).toBe(303);
    expect((await auditOf("adv_pages")).filter(({ subjectKind }) => subjectKind === "postback_secret")).toHaveLength(1);
  });
});

describe("keys", () => {
  it("are shown once, on a page that nobody keeps, and are in force", async () => {
    const fields: Fields = [
      ["label", "From a page"],
      ["owner", "advertiser"],
      ["owner_id", "adv_pages"],
      ["scopes", "report"],
      ["scopes", "mint"],
      ["mint.publishers", "pub_pages, pub_2"],
      ["mint.cpcMicrosMax", "500000"],
    ];
    const page = await operator.post("/tenants", made(fields));
    const key = /clk_[\w-]{40,}/.exec(page.text)?.[0] ?? "";
    expect(page.headers.get("Cache-Control")).toContain("no-store");
    const me = (await ask("GET /v1/me", { key })).body;
    expect(me).toMatchObject({
      ...{ label: "From a page", scopes: ["report", "mint"], owner: { id: "adv_pages" } },
      mint: { publishers: ["pub_pages", "pub_2"], cpcMicrosMax: 500_000 },
    });
    const list = await operator.get("/tenants?kind=keys&advertiser_id=adv_pages");
    expect(saidBy(list)).toContain("From a page");
    expect(list.text).not.toContain(key);
    expect(saidBy(await operator.get("/tenants?kind=keys&publisher_id=pub_pages"))).not.toContain("From a page");
    const one = await operator.get(`/tenants?kind=keys&id=${String(me["keyId"])}`);
    expect(saidBy(one)).toContain("publishers: pub_pages, pub_2; highest price in micros: 500000");
    expect(one.text).not.toContain(key);
  });

  it("that do not fit together are refused with what was chosen kept", async () => {
    const page = await operator.post(
      "/tenants",
      made([
        ["label", "Odd"],
        ["owner", "publisher"],
        ["owner_id", "pub_pages"],
        ["scopes", "convert"],
      ]),
    );
    expect(saidBy(page)).toContain("A publisher's key cannot have the scope convert.");
    expect(page.text).toMatch(/value="convert" checked/);
    const unknown = await operator.post(
      "/tenants",
      made([
        ["label", "Odd"],
        ["owner", "advertiser"],
        ["owner_id", "adv_none"],
        ["scopes", "report"],
      ]),
    );
    expect(unknown.text).toContain('id="owner_id-wrong"');
  });

  it("are replaced and revoked after asking, and what ended is said", async () => {
    const { id } = await seedKey({ advertiserId: "adv_pages", scopes: ["report"] });
    const rotate: Fields = [
      ["kind", "keys"],
      ["act", "rotate"],
      ["id", id],
      ["overlapSeconds", "3600"],
    ];
    expect(saidBy(await operator.post("/tenants", rotate))).toContain("The old one ends after an hour");
    const replaced = await operator.post("/tenants", [...rotate, ["confirmed", "yes"]]);
    expect(replaced.text).toMatch(/clk_[\w-]{40,}/);
    expect(saidBy(await operator.post("/tenants", [...rotate, ["confirmed", "yes"]]))).not.toContain("The new key");
    const revoke: Fields = [
      ["kind", "keys"],
      ["act", "revoke"],
      ["id", id],
    ];
    expect(saidBy(await operator.post("/tenants", revoke))).toContain(`Revoke the key ${id}?`);
    const done = await operator.post("/tenants", [...revoke, ["confirmed", "yes"]]);
    expect(done.headers.get("Location")).toBe(`/tenants?kind=keys&id=${id}&done=revoked`);
  });
});

describe("the audit log", () => {
  it("has pages, and can be narrowed to what an entry is about", async () => {
    const page = await operator.get("/audit-log?subject_kind=advertiser&subject_id=adv_form");
    expect(saidBy(page)).toContain('status: "active" → "paused"');
    expect(page.text).toContain('href="/tenants?kind=advertisers&amp;id=adv_form"');
    expect(saidBy(page)).not.toContain("cmp_pages");
    expect(saidBy(await operator.get("/audit-log?before=1"))).toContain("There is no such entry");
    expect(saidBy(await operator.get("/audit-log?before=soon"))).toContain("value that is not allowed");
  });
});

describe("a form whose session ended meanwhile", () => {
  const hidden = (html: string, name: string) =>
    new RegExp(`name="${name}" value="([^"]*)"`).exec(html)?.[1]?.replaceAll("&amp;", "&") ?? "";

  it("comes back after signing in, and is sent by whoever signed in", async () => {
    const { id } = await seedKey({ scopes: ["admin"] });
    const visitor = new Visitor(id);
    await ask(`POST /v1/admin/keys/${id}/revoke`, { body: {} });
    const asked = await visitor.post("/tenants", advertiser({ id: "adv_kept", name: SCRIPT }));
    expect(asked.status).toBe(401);
    expect(saidBy(asked)).toContain("The key of this session is not in force any more");
    const signIn = new Visitor(null);
    const back = await signIn.post("/sign-in", [
      ["next", hidden(asked.text, "next")],
      ["kept", hidden(asked.text, "kept")],
      ["key", OPERATOR],
    ]);
    expect(back.status).toBe(200);
    expect(saidBy(back)).toContain("What you had typed was not sent before");
    expect(saidBy(back)).toContain(SCRIPT);
    expect(back.text).not.toContain("<img");
    expect((await ask("GET /v1/admin/advertisers/adv_kept")).status).toBe(404);
    const token = hidden(back.text, "token");
    const cookie = (back.headers.get("Set-Cookie") ?? "").split(";")[0] ?? "";
    const sent = new Visitor("admin", cookie);
    expect((await sent.post("/tenants", advertiser({ id: "adv_kept", name: SCRIPT }), token)).status).toBe(303);
  });

  it("may be sent again where it came from a page of ours, and is not shown where it did not", async () => {
    const stale = await operator.post("/tenants", advertiser({ id: "adv_stale" }), "an old token");
    expect(stale.status).toBe(403);
    expect(saidBy(stale)).toContain("Nothing was done: the form belongs to an earlier session");
    expect(stale.text).toContain('value="adv_stale"');
    const foreign = await operator.post("/tenants", advertiser({ id: "adv_foreign" }), operator.token, "same-site");
    expect(foreign.text).not.toContain("adv_foreign");
    expect((await ask("GET /v1/admin/advertisers/adv_foreign")).status).toBe(404);
  });
});
